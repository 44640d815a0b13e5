#include "inference/consumer.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "inference/consumer_state.h"
#include "stream/lane.h"

namespace drst {

InferenceConsumer::State::State(Log& log_in, ObjectStore& store_in, const Clock& clock_in,
                                const InferenceSettings& settings_in, ConsumerIdentity identity_in,
                                ModelSlot& slot_in)
    : log(log_in),
      store(store_in),
      clock(clock_in),
      settings(settings_in),
      identity(std::move(identity_in)),
      slot(slot_in),
      lane_topics(lane_topic(identity.topic, identity.lane)),
      topics{identity.topic, trace_topic(lane_topics), dead_letter_topic(lane_topics)},
      first_models(store_in, clock_in, settings, identity.member, slot_in),
      decoder(identity.limits, identity.lane),
      patience(clock_in, settings.first_record_timeout_s, settings.idle_timeout_s),
      run_end(identity.run_id),
      meter(identity.epsilon) {
  identity.group = lane_group(identity.group, identity.lane);
}

bool InferenceConsumer::State::ready() {
  if (consumer) return true;
  if (!first_models.ready()) return false;
  const int count = log.partitions(topics.source);
  if (count == 0) {
    first_models.complain("topic " + topics.source + " is not there yet (the producer creates it)");
    return false;
  }
  log.ensure_topic(topics.trace, count);
  log.ensure_topic(topics.dead, count);
  consumer = log.subscribe({.group = identity.group,
                            .member = identity.member,
                            .topic = topics.source,
                            .lease = from_seconds(settings.lease_s)});
  predictor.emplace(std::move(first_models.baseline), std::move(first_models.adaptive), decoder);
  mixer.emplace(log, lane_topics, identity.run_id, predictor->baseline_model(), identity.neighbours,
                from_seconds(settings.judge_silence_s));
  return true;
}

Step InferenceConsumer::State::wait() {
  if (!patience.over()) return Step::idle;
  throw FailedError(identity.member + " gave up after " + to_text(patience.limit_s()) +
                    " s (inference.first_record_timeout_s): " + first_models.missing());
}

bool InferenceConsumer::State::all_ended() {
  const auto& mine = consumer->assignment();
  return !mine.empty() && std::all_of(mine.begin(), mine.end(), [&](int number) {
    const auto* part = owned(number);
    return part != nullptr && part->ended;
  });
}

void InferenceConsumer::State::leave() {
  lag_asked.reset();
  tell_figures();
  consumer->close();
  if (auto untold = slot.swaps.take()) write_swaps(store, *untold, identity.member);
  write_swaps(store, swaps, identity.member);
  finished = true;
}

int64_t InferenceConsumer::State::end_of_topic() {
  int64_t end = 0;
  for (int p = 0; p < log.partitions(topics.source); ++p) end += log.watermarks(topics.source, p).end;
  return end;
}

bool InferenceConsumer::State::given_up() {
  if (topic_end < 0) topic_end = end_of_topic();
  if (patience.begun() && !patience.over()) return false;
  const int64_t end = end_of_topic();
  if (std::exchange(topic_end, end) != end) patience.renew();
  return patience.over();
}

void InferenceConsumer::State::tell_figures() {
  if (!report) return;
  const int64_t behind = lag();
  auto figures = meter.report(identity.member, predictor->release(), clock.now());
  figures.lag = behind;
  report(figures);
}

/// Not more than once a second: across a network the question takes as long as predicting a batch.
int64_t InferenceConsumer::State::lag() {
  const Time now = clock.now();
  if (lag_asked && now - *lag_asked < std::chrono::seconds(1)) return last_lag;
  lag_asked = now;
  last_lag = 0;
  for (const int number : consumer->assignment())
    if (const auto* part = owned(number); part != nullptr && !part->ended)
      last_lag += std::max<int64_t>(0, log.watermarks(topics.source, number).end - part->next());
  return last_lag;
}

Step InferenceConsumer::State::run_step() {
  const bool swapped = take_swap();
  follow_experts();
  meter.begin_step();
  if (broken) {
    for (auto& part : partitions) part.reset();
    broken = false;
  }
  consumer->poll(batch, {.max_records = static_cast<std::size_t>(settings.batch)});
  follow_assignment();
  read_batch();
  if (outcomes_used > 0) {
    predict_and_trace();
    write_and_commit();
  }
  meter.end_step(outcomes_used);
  if (!batch.empty()) {
    patience.renew();
    topic_end = -1;
  }
  if (meter.since_report() >= static_cast<uint64_t>(settings.report_records)) tell_figures();
  if (all_ended()) {
    leave();
    return Step::done;
  }
  tell_swaps();
  if (!batch.empty() || swapped) return Step::worked;
  if (!given_up()) return Step::idle;
  if (!patience.begun())
    throw FailedError(identity.member + ": no record came to topic " + topics.source + " within " +
                      to_text(patience.limit_s()) +
                      " s (inference.first_record_timeout_s); does `drst produce` write to the same --log?");
  log::warning(identity.member + ": nothing came for " + to_text(patience.limit_s()) +
               " s; it leaves without having seen the end of the stream");
  timed_out = true;
  leave();
  return Step::done;
}

InferenceConsumer::InferenceConsumer(Log& log, ObjectStore& store, const Clock& clock,
                                     InferenceSettings settings, ConsumerIdentity identity, ModelSlot& slot)
    : state_(std::make_unique<State>(log, store, clock, settings, std::move(identity), slot)) {}
InferenceConsumer::~InferenceConsumer() = default;

std::string_view InferenceConsumer::name() const { return state_->identity.member; }

Step InferenceConsumer::step() {
  auto& s = *state_;
  if (s.finished) return Step::done;
  const Patience::Busy busy(s.patience);
  if (!s.ready()) return s.wait();
  try {
    return s.run_step();
  } catch (...) {
    // What was marked as done may have left no trace; the next step reads what is durable and goes on from
    // there.
    s.broken = true;
    throw;
  }
}

InferenceConsumer::Counts& InferenceConsumer::Counts::operator+=(const Counts& other) {
  for (auto field : {&Counts::records, &Counts::predicted, &Counts::duplicates, &Counts::dead_lettered,
                     &Counts::imputed, &Counts::swaps, &Counts::foreign_sentinels, &Counts::lost_leases})
    this->*field += other.*field;
  return *this;
}

InferenceConsumer::Counts InferenceConsumer::counts() const { return state_->counts; }
Metrics InferenceConsumer::baseline_metrics() const { return state_->meter.baseline(); }
Metrics InferenceConsumer::adaptive_metrics() const { return state_->meter.adaptive(); }
bool InferenceConsumer::timed_out() const { return state_->timed_out; }
void InferenceConsumer::on_report(std::function<void(const BatchReport&)> callback) {
  state_->report = std::move(callback);
}

}  // namespace drst
