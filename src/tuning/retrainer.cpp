#include "tuning/retrainer.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "learn/dataset.h"
#include "learn/offline.h"
#include "registry/events.h"
#include "stream/joined_reader.h"
#include "tuning/answer.h"
#include "tuning/memory.h"
#include "tuning/predictor.h"
#include "tuning/publisher.h"
#include "tuning/refit.h"
#include "tuning/track.h"

namespace drst {

using namespace tuning;

namespace {

/// Items read in a step, so that a step stays bounded while the log is long.
constexpr int items_a_step = 64;
/// Former states of the challenger that are kept as honest starts for an answer.
constexpr std::size_t most_starts = 16;

JoinedReaderOptions reader_options(const RetrainerOptions& options) {
  JoinedReaderOptions reader;
  reader.topic = options.topic;
  reader.group = "drst-retrainer";
  reader.member = options.member;
  reader.run_id = options.run_id;
  reader.limits = options.limits;
  return reader;
}

/// A pinned linear family must stay linear: no hidden layers to try but the current ones, which are none.
TuningSettings for_family(TuningSettings settings, const std::string& family) {
  if (family == "ridge")
    for (TierGrid* tier : {&settings.grid.a, &settings.grid.b, &settings.grid.c}) tier->hidden.clear();
  return settings;
}

float to_cell(double value) {
  const auto cell = static_cast<float>(value);
  return std::isfinite(cell) ? cell : std::numeric_limits<float>::quiet_NaN();
}

}  // namespace

struct Retrainer::State {
  ObjectStore& store;
  const Clock& clock;
  TuningSettings settings;
  RetrainerOptions options;
  Table offline;
  Publisher publisher;
  JoinedReader reader;
  Memory memory;
  Counts counts;

  // Models. The challenger's line begins with the baseline; the live model is what the pointer names.
  Predictor baseline, live, challenger;
  ReleaseInfo live_info;
  bool loaded = false;
  std::deque<Question::Start> starts;

  // Where we are.
  int64_t row = -1;  ///< of the newest sample
  uint64_t labels_at_refit = 0;
  uint64_t track_begin = 0;                 ///< label at which the present record began
  std::map<int64_t, ReleaseInfo> to_adopt;  ///< by row: what an earlier life published
  std::string adopted_run;
  Time last_activity;
  bool done = false;

  /// A result that takes effect later in the stream; while there is one, no other work begins.
  struct Deferred {
    int64_t due = 0;
    std::function<void()> apply;
  };
  std::optional<Deferred> deferred;

  State(Log& log, ObjectStore& store_, const Clock& clock_, TuningSettings settings_,
        const RegistrySettings& registry, RetrainerOptions options_, Table offline_)
      : store(store_),
        clock(clock_),
        settings(for_family(std::move(settings_), options_.family)),
        options(std::move(options_)),
        offline(std::move(offline_)),
        publisher(store_, clock_, registry),
        reader(log, clock_, reader_options(options)),
        memory(static_cast<std::size_t>(settings.memory_rows),
               static_cast<std::size_t>(settings.waiting_rows)),
        last_activity(clock_.now()) {
    (void)make_dataset(offline, {}, options.target);  // an InputError now rather than at the first drift
  }

  // --- models ---

  bool load() {
    if (loaded) return true;
    auto frozen = publisher.baseline();
    auto current = publisher.live();
    if (!frozen)
      throw FailedError("retrainer: the baseline in " + store.url() +
                        " cannot be used: " + frozen.error().reason);
    if (!current)
      throw FailedError("retrainer: the live model in " + store.url() +
                        " cannot be used: " + current.error().reason);
    if (!*frozen || !*current) return false;
    baseline = Predictor((*frozen)->network);
    restart_challenger();
    live = Predictor(std::move((*current)->network));
    live_info = std::move((*current)->info);
    loaded = true;
    return true;
  }

  void restart_challenger() {
    challenger = baseline;
    starts.clear();
    starts.push_back({baseline.network(), 0});
  }

  void advance_challenger(const Network& network, uint64_t trained_labels) {
    challenger = Predictor(network);
    starts.push_back({network, trained_labels});
    if (starts.size() > most_starts)
      starts.erase(starts.begin() + 1);  // the first has seen no label and stays
  }

  /// Someone else (a person) may have moved the pointer.
  void follow_pointer() {
    auto current = publisher.live();
    if (!current || !*current || (*current)->info.model_key == live_info.model_key) return;
    live = Predictor(std::move((*current)->network));
    live_info = std::move((*current)->info);
    track_begin = memory.labels_seen();
  }

  // --- an earlier life ---

  void find_earlier_life() {
    if (adopted_run == reader.run_id()) return;
    adopted_run = reader.run_id();
    for (const auto& [trigger, info] : publisher.published()) {
      const bool ours =
          trigger.rfind("refit-" + adopted_run + "-", 0) == 0 || trigger.rfind(adopted_run + "-", 0) == 0;
      const auto at = info.metrics.find("row");
      if (ours && at != info.metrics.end()) to_adopt[static_cast<int64_t>(at->second)] = info;
    }
    if (!to_adopt.empty())
      log::info("retrainer: goes on after row " + to_text(to_adopt.rbegin()->first) + ", " +
                to_text(to_adopt.size()) + " releases adopted");
  }
  /// Up to the last release of an earlier life nothing new is made; its releases are taken over where they
  /// were made.
  [[nodiscard]] bool repeating() const { return !to_adopt.empty(); }

  void adopt() {
    while (!to_adopt.empty() && to_adopt.begin()->first <= row) {
      if (auto served = publisher.load(to_adopt.begin()->second))
        advance_challenger(served->network, memory.labels_seen());
      labels_at_refit = memory.labels_seen();
      to_adopt.erase(to_adopt.begin());
      if (to_adopt.empty()) track_begin = memory.labels_seen();
    }
  }

  // --- the stream ---

  bool read() {
    bool any = false;
    for (int i = 0; i < items_a_step && !(deferred && deferred->due <= row); ++i) {
      auto item = reader.next();
      if (!item) break;
      any = true;
      take(*item);
    }
    if (any) last_activity = clock.now();
    return any;
  }

  void take(const JoinedReader::Item& item) {
    find_earlier_life();
    bool labelled = false;
    if (item.kind == JoinedReader::Item::Kind::label) {
      if (item.label) labelled = memory.add_label(item.id, static_cast<float>(*item.label));
    } else {
      ++counts.samples;
      memory.set_columns(reader.columns());
      std::vector<float> values;
      values.reserve(item.values.size());
      for (const double value : item.values) values.push_back(to_cell(value));
      const Predictions predicted{baseline.predict(values, memory.columns()),
                                  live.predict(values, memory.columns()),
                                  challenger.predict(values, memory.columns())};
      row = item.row >= 0 ? item.row : row + 1;
      const std::string id = item.id.empty() ? "row-" + to_text(row) : item.id;
      labelled = memory.add_sample(id, row, std::move(values), predicted);
      if (item.label) labelled = memory.add_label(id, static_cast<float>(*item.label)) || labelled;
      adopt();
    }
    counts.labels = memory.labels_seen();
    counts.orphan_labels = memory.orphans();
    if (labelled && !repeating() && !deferred) {
      watch_live();
      refit_if_due();
    }
  }

  /// Over the last `most` labels of the present record.
  [[nodiscard]] Record record(int64_t most) const {
    const uint64_t since = memory.labels_seen() - track_begin;
    return compare(memory, static_cast<std::size_t>(std::min<uint64_t>(since, static_cast<uint64_t>(most))),
                   options.epsilon);
  }

  // --- rollback ---

  void watch_live() {
    if (live_info.role == "offline" || live_info.role == "baseline") return;
    const Record track = record(settings.rollback_rows);
    if (track.rows < static_cast<std::size_t>(settings.track_min)) return;
    if (track.live_gain >= -settings.rollback_z * track.live_error || track.live_gain >= 0) return;
    auto first = publisher.first();
    if (!first) {
      log::warning(
          "retrainer: the live model fell behind the baseline, but there is nothing to go back to: " +
          first.error().reason);
      return;
    }
    publisher.roll_back(first->info, "mean bounded error " + to_fixed(track.live, 4) + " on the last " +
                                         to_text(track.rows) + " labelled rows, baseline " +
                                         to_fixed(track.baseline, 4));
    ++counts.rollbacks;
    live = Predictor(std::move(first->network));
    live_info = std::move(first->info);
    restart_challenger();
    track_begin = memory.labels_seen();
    labels_at_refit = memory.labels_seen();
  }

  // --- refits ---

  void refit_if_due() {
    if (settings.refit_every_labels == 0) return;
    if (memory.labels_seen() - labels_at_refit < static_cast<uint64_t>(settings.refit_every_labels)) return;
    labels_at_refit = memory.labels_seen();
    follow_pointer();
    const std::string trigger = "refit-" + reader.run_id() + "-" + to_text(row);
    const Network& from = challenger.network();
    Material material{memory.dataset(from.inputs, 0, memory.rows().size()),
                      make_dataset(offline, from.inputs, options.target)};
    Network network = refit(from, material, settings, seed_of(trigger));
    ++counts.refits;

    ReleaseInfo info = release_info(network, "refit", trigger);
    info.data_sha256 = data_digest(material.recent);
    const Record track = record(settings.track_rows);
    info.gain_over_baseline = track.challenger_gain;
    info.gain_over_live = track.live - track.challenger;
    info.metrics["track.rows"] = static_cast<double>(track.rows);
    info.metrics["track.challenger_loss"] = track.challenger;
    info.metrics["track.live_loss"] = track.live;
    info.metrics["track.baseline_loss"] = track.baseline;
    const bool fit_to_serve = track.rows >= static_cast<std::size_t>(settings.track_min) &&
                              track.challenger_gain > settings.margin &&
                              track.challenger_gain > settings.publish_z * track.challenger_error &&
                              track.challenger <= track.live && publisher.consumers_would_take(info);
    const std::string reason = "refit: mean bounded error " + to_fixed(track.challenger, 4) +
                               " on the last " + to_text(track.rows) + " labelled rows, live " +
                               to_fixed(track.live, 4) + ", baseline " + to_fixed(track.baseline, 4);
    defer([this, network = std::move(network), info = std::move(info), fit_to_serve, reason,
           labels = memory.labels_seen()] {
      advance_challenger(network, labels);
      if (!fit_to_serve) return;
      live_info = publisher.publish(network, info, reason);
      live = challenger;
      ++counts.published_refits;
    });
  }

  ReleaseInfo release_info(const Network& network, const std::string& role,
                           const std::string& trigger) const {
    ReleaseInfo info;
    info.family = network.hidden().empty() ? "ridge" : "mlp";
    info.target = options.target;
    info.parent = live_info.model_key;
    info.role = role;
    info.state = "challenger";
    info.trigger = trigger;
    info.labels = static_cast<int64_t>(memory.rows().size());
    info.seed = options.seed;
    info.code_version = DRST_VERSION;
    info.metrics["row"] = static_cast<double>(row);
    return info;
  }

  [[nodiscard]] uint64_t seed_of(const std::string& trigger) const {
    return Random(options.seed).fork(fnv1a(trigger))();
  }

  void defer(std::function<void()> apply) {
    deferred = Deferred{row + options.busy_rows, std::move(apply)};
    apply_if_due(false);
  }
  bool apply_if_due(bool at_once) {
    if (!deferred || (!at_once && deferred->due > row)) return false;
    const Deferred now = std::move(*deferred);
    deferred.reset();
    now.apply();
    return true;
  }

  // --- answers to drift ---

  void answer(const Trigger& trigger) {
    if (const auto known = publisher.known_answer(trigger.event)) {  // a crash before the done flag
      publisher.answer(*known, false);
      return;
    }
    const double start = monotonic_seconds();
    RetrainEvent event;
    event.id = trigger.event;
    event.row = row;
    event.tier = to_text(trigger.tier);
    if (const auto known = publisher.published().find(trigger.event); known != publisher.published().end()) {
      finish_published(event, known->second);  // a crash between release and answer
      return;
    }
    auto window = publisher.handover().window(trigger);
    if (!window) log::warning("retrainer: " + window.error().reason + "; the memory alone is used");
    const auto has_label = [](float label) { return std::isfinite(label); };
    const bool without_labels =
        memory.rows().empty() &&
        (!window || std::none_of(window->labels.begin(), window->labels.end(), has_label));
    if (without_labels) {
      event.reason = "no labels have arrived";
      publisher.answer(event, true);
      ++counts.answers;
      return;
    }
    follow_pointer();
    Question question{&memory,         window ? std::move(*window) : DriftWindow{},
                      &offline,        options.target,
                      trigger.tier,    {starts.begin(), starts.end()},
                      options.epsilon, seed_of(trigger.event)};
    Answer found = answer_drift(question, settings);
    event.candidates = found.candidates;
    event.labels = found.labels;
    event.val_rmse = found.val_rmse;
    event.live_val_rmse = found.live_val_rmse;
    event.val_loss = found.val_loss;
    event.live_val_loss = found.live_val_loss;
    event.baseline_val_loss = found.baseline_val_loss;
    event.reason = found.reason;
    event.wall_ms = (monotonic_seconds() - start) * 1e3;
    defer([this, event, found = std::move(found), labels = memory.labels_seen()] {
      conclude(event, found, labels);
    });
  }

  void conclude(RetrainEvent event, const Answer& found, uint64_t labels) {
    ReleaseInfo info = release_info(found.network, "retrain", event.id);
    info.metrics["row"] = static_cast<double>(event.row);
    info.labels = event.labels;
    info.gain_over_baseline = found.baseline_val_loss - found.val_loss;
    info.gain_over_live = found.live_val_loss - found.val_loss;
    info.settings["winner"] = found.winner;
    info.settings["tier"] = event.tier;
    info.metrics["validation.bounded"] = found.val_loss;
    info.metrics["validation.rmse"] = found.val_rmse;
    info.metrics["validation.live_bounded"] = found.live_val_loss;
    info.metrics["validation.live_rmse"] = found.live_val_rmse;
    info.metrics["validation.baseline_bounded"] = found.baseline_val_loss;
    info.metrics["candidates"] = static_cast<double>(event.candidates);
    ++counts.answers;
    if (found.better && !publisher.consumers_would_take(info)) {
      event.reason = "the gain over the baseline is within registry.gain_margin: " + event.reason;
    } else if (found.better) {
      info.data_sha256 = data_digest(memory.dataset(found.network.inputs, 0, memory.rows().size()));
      live_info = publisher.publish(found.network, info,
                                    "drift " + event.id + " tier " + event.tier + ": " + event.reason);
      advance_challenger(found.network, labels);
      live = challenger;
      labels_at_refit = labels;
      event.published = true;
      event.release = live_info.model_key;
      ++counts.published_answers;
    }
    publisher.answer(event, false);
  }

  /// The release of this event is there, its answer is not.
  void finish_published(RetrainEvent event, const ReleaseInfo& info) {
    const auto figure = [&info](const char* name) {
      const auto found = info.metrics.find(name);
      return found == info.metrics.end() ? 0.0 : found->second;
    };
    if (auto served = publisher.load(info)) {
      live_info =
          publisher.publish(served->network, info, "drift " + event.id + ": completed after a restart");
      advance_challenger(served->network, memory.labels_seen());
      live = challenger;
    }
    event.row = static_cast<int64_t>(figure("row"));
    event.candidates = static_cast<int64_t>(figure("candidates"));
    event.labels = info.labels;
    event.val_loss = figure("validation.bounded");
    event.val_rmse = figure("validation.rmse");
    event.live_val_loss = figure("validation.live_bounded");
    event.live_val_rmse = figure("validation.live_rmse");
    event.baseline_val_loss = figure("validation.baseline_bounded");
    event.published = true;
    event.release = info.model_key;
    event.reason = "completed after a restart";
    publisher.answer(event, false);
    ++counts.answers;
  }

  // --- stepping ---

  Step step() {
    if (done) return Step::done;
    if (!load()) return idle();
    if (apply_if_due(false)) return Step::worked;
    const auto trigger = deferred ? std::nullopt : publisher.handover().pending();
    if (trigger && trigger->row <= row && !repeating()) {
      answer(*trigger);
      last_activity = clock.now();
      return Step::worked;
    }
    if (read()) return Step::worked;
    if (apply_if_due(reader.ended())) return Step::worked;
    if (reader.ended()) to_adopt.clear();
    // Nothing to read: a trigger whose row never came (its record was unusable) is answered with what there
    // is.
    if (trigger && reader.ended()) {
      answer(*trigger);
      apply_if_due(true);
      return Step::worked;
    }
    if (reader.ended() && !trigger && store.exists("results/monitor_done.flag"))
      return finish("the stream has ended");
    return idle();
  }

  Step idle() {
    const std::chrono::duration<double> quiet = clock.now() - last_activity;
    if (options.idle_timeout_s <= 0 || quiet.count() < options.idle_timeout_s) return Step::idle;
    if (loaded) apply_if_due(true);
    if (const auto trigger = loaded ? publisher.handover().pending() : std::nullopt) {
      answer(*trigger);
      apply_if_due(true);
    }
    return finish("nothing has come for " + to_text(options.idle_timeout_s) + " s");
  }

  Step finish(const std::string& why) {
    done = true;
    reader.commit();
    log::info("retrainer: " + why + "; " + to_text(counts.labels) + " labels, " + to_text(counts.answers) +
              " answers to drift (" + to_text(counts.published_answers) + " published), " +
              to_text(counts.refits) + " refits (" + to_text(counts.published_refits) + " published), " +
              to_text(counts.rollbacks) + " rollbacks");
    return Step::done;
  }
};

Retrainer::Retrainer(Log& log, ObjectStore& store, const Clock& clock, TuningSettings settings,
                     RegistrySettings registry, RetrainerOptions options, Table offline)
    : state_(std::make_unique<State>(log, store, clock, std::move(settings), registry, std::move(options),
                                     std::move(offline))) {}

Retrainer::~Retrainer() = default;

Step Retrainer::step() { return state_->step(); }

Retrainer::Counts Retrainer::counts() const { return state_->counts; }

}  // namespace drst
