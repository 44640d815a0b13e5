#include "drift/monitor.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "drift/account.h"
#include "drift/monitor_state.h"
#include "registry/events.h"
#include "stream/lane.h"

namespace drst {

namespace {

constexpr int most_items_a_step = 64;
constexpr std::size_t most_names = 100;

JoinedReaderOptions reader_options(const MonitorOptions& options) {
  JoinedReaderOptions reader;
  reader.topic = options.topic;
  reader.group = lane_group(options.group, options.lane);
  reader.lane = options.lane;
  reader.member = options.member;
  reader.run_id = options.run_id;
  reader.settings = options.reader;
  reader.limits = options.limits;
  return reader;
}

std::optional<ErrorVoiceSettings> error_settings(const DriftSettings& settings) {
  if (settings.error_budget_labels <= 0) return std::nullopt;
  return ErrorVoiceSettings{settings.error_reference, settings.error_risk, settings.error_budget_labels,
                            settings.error_block};
}

/// The first few names.
std::vector<std::string> some(const std::vector<std::string>& names) {
  return {names.begin(), names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), most_names))};
}

}  // namespace

Monitor::State::State(Log& l, ObjectStore& s, const Clock& c, DriftSettings settings_,
                      MonitorOptions options_)
    : log(l),
      store(s, [this] { reader.need_lease(); }),
      clock(c),
      settings(std::move(settings_)),
      options(std::move(options_)),
      handover(store),
      reader(l, c, reader_options(options)),
      detector(settings, options.seed),
      errors(l, lane_topic(options.topic, options.lane), error_settings(settings), options.epsilon),
      window(static_cast<std::size_t>(settings.window),
             static_cast<std::size_t>(options.reader.reorder_bound)),
      history(static_cast<std::size_t>(settings.history_points)),
      patience(c, settings.first_record_timeout_s, settings.idle_timeout_s),
      waiting(c) {
  detector.set_history(options.history);
  load();
}

Step Monitor::State::step() {
  if (finished) return Step::done;
  const Patience::Busy busy(patience);
  if (!end_reason.empty()) {  // restarted after its end: only the telling may be missing
    log::info("monitor: run " + reader.run_id() + " has ended; --run-id names another to wait for");
    finish(end_reason);
    return Step::done;
  }
  if (!cleared.empty()) {
    handover.clear();
    cleared.clear();
  }
  int worked = 0;
  for (; worked < most_items_a_step; ++worked) {
    if (!event.empty()) look_at_lock();
    auto item = reader.next();
    if (!item) break;
    const bool was_alarmed = !event.empty();
    handle(*item);
    if (!was_alarmed && !event.empty()) return Step::worked;  // the retrainer may want its turn
  }
  if (reader.heard()) patience.renew();
  if (worked > 0) return Step::worked;
  if (reader.ended()) {
    finish("every partition has shown its sentinel");
    return Step::done;
  }
  if (const auto words = waiting.due(reader.lacks())) log::info("monitor " + *words);
  if (!patience.over()) return Step::idle;
  if (!patience.begun())
    throw FailedError("monitor: no record came to topic " + options.topic + " within " +
                      to_text(patience.limit_s()) +
                      " s (drift.first_record_timeout_s); does `drst produce` write to the same --log?");
  leave("no record for " + to_text(patience.limit_s()) + " s");
  return Step::done;
}

void Monitor::State::handle(JoinedReader::Item& item) {
  if (item.kind == JoinedReader::Item::Kind::label) {
    if (item.label) window.label(item.id, *item.label);
    return;
  }
  if (item.row < 0)
    item.row = static_cast<int64_t>(counts.records);  // without an id: its place in the stream
  ++counts.records;
  window.push(item.id, item.row, item.values, item.label);
  auto alarm = detector.push(item.row, reader.columns(), item.values);
  if (detector.evaluated()) {
    latest = detector.evaluated();
    history.add(*latest, detector.columns());
    if (detector.history_lacks() != history_lacked) warn_of_history(item.row);
    if (const auto error = errors.look(reader.run_id(), item.row, unread()); error && !alarm)
      alarm = detector.hear(*error, item.row);
  }
  if (alarm) raise(*alarm, item);
  if (alarm || ++unsaved >= static_cast<uint64_t>(settings.save_every)) save();
  if (latest && (alarm || clock.now() - last_published >= from_seconds(settings.publish_every_s)))
    publish_signal();
}

int64_t Monitor::State::unread() const {
  int64_t appended = 0;
  for (int p = 0; p < log.partitions(options.topic); ++p) appended += log.watermarks(options.topic, p).end;
  return std::max<int64_t>(appended - static_cast<int64_t>(counts.records), 0);
}

void Monitor::State::warn_of_history(int64_t row) {
  history_lacked = detector.history_lacks();
  if (history_lacked.empty()) return;
  log::warning("monitor: the baseline of row " + to_text(row) + " has columns that the history lacks, " +
               to_text(history_lacked.size()) + " of " + to_text(detector.columns().size()) + ": " +
               join_first(history_lacked) +
               "; its thresholds follow from the baseline alone, and drift.budget_hours does not hold");
}

std::string Monitor::State::event_id(int64_t row) const {
  return (reader.run_id().empty() ? options.topic : reader.run_id()) + "-" + to_text(row);
}

void Monitor::State::raise(const Alarm& alarm, const JoinedReader::Item& item) {
  const std::string id = event_id(alarm.row);
  if (const auto lock = handover.lock(); lock && lock->event != id) {
    log::warning("drift at row " + to_text(alarm.row) + ": the lock of " + lock->event +
                 " stands though no alarm does; it is left over from an earlier monitor and replaced");
    ++counts.stale_locks;
    handover.clear();
  }
  DriftEvent drift;
  drift.id = id;
  drift.stage = item.stage;
  drift.row = alarm.row;
  drift.change_row = alarm.change_row;
  drift.signal_bits = alarm.signal;
  drift.threshold_bits = alarm.threshold;
  drift.tier = to_text(alarm.tier);
  const auto most_shares = static_cast<std::size_t>(settings.top_features);
  for (const auto& share : by_feature(alarm))
    if (drift.top_features.size() < most_shares) drift.top_features.push_back({share.name, share.divergence});
  for (const auto& share : by_vnf(alarm, settings.vnfs))
    if (drift.vnfs.size() < most_shares) drift.vnfs.push_back({share.name, share.share, share.divergence});
  drift.voice = alarm.voice;
  drift.threshold_error = alarm.threshold_error;
  drift.calibrated_on = alarm.calibrated_on;
  drift.columns_gone = some(alarm.gone);
  drift.columns_new = some(alarm.appeared);
  drift.when = item.send_ts;  // not the clock: a repeat after a crash must write the same object
  write_event(store, drift);
  handover.raise({id, alarm.tier, alarm.row, options.target}, window.take(reader.columns()), clock.now(),
                 from_seconds(settings.lock_expiry_s));
  event = id;
  ++counts.alarms;
  log::info("drift at row " + to_text(alarm.row) + ", since about row " + to_text(alarm.change_row) +
            ": tier " + drift.tier + ", " +
            (alarm.voice == "error" ? "mean error " + to_fixed(alarm.signal, 3)
                                    : to_fixed(alarm.signal, 3) + " bits (" + alarm.voice + ")") +
            " over " + to_fixed(alarm.threshold, 3) + "; most in " +
            (drift.top_features.empty() ? "nothing" : drift.top_features.front().feature));
}

void Monitor::State::look_at_lock() {
  if (const auto done = handover.done(); done && done->event == event) {
    acknowledge();
    return;
  }
  const auto lock = handover.lock();
  if (lock && lock->event == event && clock.now() < lock->expires) return;
  if (lock && lock->event != event) {
    log::warning("drift: the lock of " + event + " was replaced by one of " + lock->event +
                 "; is a second monitor running?");
  } else if (!lock) {
    log::warning("drift: the lock of " + event + " was removed without an answer; taken as done");
  } else {
    log::warning("drift: the retrainer has not answered " + event + " since " + to_iso8601(lock->since) +
                 "; its lock is stale and removed. Is the retrainer running?");
  }
  ++counts.stale_locks;
  acknowledge();
}

void Monitor::State::acknowledge() {
  detector.acknowledge();
  cleared = event;
  event.clear();
  save();
  handover.clear();
  cleared.clear();
}

void Monitor::State::finish(const std::string& reason) {
  end_reason = reason;
  leave(reason);
}

void Monitor::State::leave(const std::string& reason) {
  if (latest) publish_signal();
  store.put("results/drift_signal.npz", history.to_npz());
  save();
  publish_done(reason);
  finished = true;
}

Monitor::Monitor(Log& log, ObjectStore& store, const Clock& clock, DriftSettings settings,
                 MonitorOptions options)
    : state_(std::make_unique<State>(log, store, clock, std::move(settings), std::move(options))) {}
Monitor::~Monitor() = default;

Step Monitor::step() { return state_->step(); }
std::string Monitor::phase() const { return state_->detector.phase(); }

Monitor::Counts Monitor::counts() const {
  Counts all = state_->counts;
  const auto read = state_->reader.counts();
  all.unusable = read.unusable;
  all.late = read.late;
  return all;
}

}  // namespace drst
