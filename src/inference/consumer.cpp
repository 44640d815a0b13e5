#include "inference/consumer.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/patience.h"
#include "base/text.h"
#include "inference/first_models.h"
#include "inference/mixer.h"
#include "inference/partition.h"
#include "inference/predictor.h"
#include "inference/run_end.h"
#include "inference/serve.h"
#include "inference/trace.h"
#include "registry/events.h"
#include "stream/lane.h"
#include "stream/record.h"

namespace drst {

namespace {
/// A record of the batch between decoding and writing.
struct Outcome {
  TraceRow row;
  std::string run;
  std::size_t slot = 0;  // among the rows predicted
  Time send_ts{};
};
}  // namespace

struct InferenceConsumer::State {
  State(Log& log_in, ObjectStore& store_in, const Clock& clock_in, const InferenceSettings& settings_in,
        ConsumerIdentity identity_in, ModelSlot& slot_in)
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

  Log& log;
  ObjectStore& store;
  const Clock& clock;
  InferenceSettings settings;
  ConsumerIdentity identity;
  ModelSlot& slot;
  std::string lane_topics;  // what the lane's topics are named after
  PartitionTopics topics;

  FirstModels first_models;
  RecordDecoder decoder;
  std::optional<Predictor> predictor;
  std::optional<Mixer> mixer;
  WantedExperts wanted;
  std::unique_ptr<ServedExperts> retiring_experts;  // as below
  std::unique_ptr<ServedModel> retiring;  // replaced, and the guard has not yet freed the one before
  std::unique_ptr<Consumer> consumer;
  Batch batch;
  std::vector<std::unique_ptr<OwnedPartition>> partitions;  // by number; null: not owned
  std::vector<Outcome> outcomes;
  std::size_t outcomes_used = 0;
  std::vector<PartitionRecords> letters, trace;  // of the batch
  std::vector<PartitionOffset> offsets;          // behind it
  std::vector<SwapEvent> swaps;                  // not yet told to the guard
  std::string current_run;                       // of the newest record that names one
  int64_t highest_row = -1;                      // of it
  bool broken = false;                           // an exception left partitions half done
  Patience patience;
  int64_t topic_end = -1;  // records ever appended to all partitions, when idleness began; -1: not idle
  RunEnd run_end;

  bool finished = false;
  bool timed_out = false;
  Counts counts;
  Meter meter;
  std::function<void(const BatchReport&)> report;

  // --- starting ---

  bool ready() {
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

  // --- experts ---

  void follow_experts() {
    const bool news = mixer->refresh();
    if (mixer->hear(clock.now()))
      log::warning(identity.member +
                   (mixer->judge_is_silent()
                        ? ": the judge has said nothing for " + to_text(settings.judge_silence_s) +
                              " s (inference.judge_silence_s): it has ended or hangs (`drst retrain` says "
                              "why); the frozen model predicts until it is back"
                        : ": the judge is back, and its experts predict again"));
    if (news) {
      auto now_wanted = mixer->wanted();
      if (now_wanted != wanted) {
        wanted = std::move(now_wanted);
        slot.wanted.offer(std::make_unique<WantedExperts>(wanted));
      }
    }
    if (retiring_experts) slot.experts.retire(retiring_experts);
    if (retiring_experts) return;
    auto experts = slot.experts.take();
    if (!experts) return;
    mixer->set_lines(*experts);
    retiring_experts = predictor->replace_experts(std::move(experts));
    if (retiring_experts) slot.experts.retire(retiring_experts);
  }

  /// Not ready: waits on, but not for ever.
  Step wait() {
    if (!patience.over()) return Step::idle;
    throw FailedError(identity.member + " gave up after " + to_text(patience.limit_s()) +
                      " s (inference.first_record_timeout_s): " + first_models.missing());
  }

  // --- swapping ---

  void hand_back() {
    if (retiring) slot.retire(retiring);
  }

  bool take_swap() {
    hand_back();
    if (retiring) return false;  // one at a time: the guard frees it at its next step
    auto next = slot.take();
    if (!next) return false;
    swaps.push_back(
        {highest_row + 1, identity.member, next->release, next->load_ms, next->rollback, current_run});
    retiring = predictor->replace(std::move(next));
    hand_back();
    ++counts.swaps;
    return true;
  }

  /// The guard notes the swaps; those that came before the run's first row when that has come.
  void tell_swaps() {
    if (swaps.empty() || current_run.empty()) return;
    for (auto& event : swaps)
      if (event.run.empty()) event.run = current_run;
    if (auto untold = slot.swaps.take()) swaps.insert(swaps.begin(), untold->begin(), untold->end());
    slot.swaps.offer(std::make_unique<std::vector<SwapEvent>>(std::move(swaps)));
    swaps.clear();
  }

  // --- partitions ---

  OwnedPartition* owned(int number) {
    const auto index = static_cast<std::size_t>(number);
    return index < partitions.size() ? partitions[index].get() : nullptr;
  }

  OwnedPartition& open(int number) {
    const auto index = static_cast<std::size_t>(number);
    if (index >= partitions.size()) partitions.resize(index + 1);
    partitions[index] =
        std::make_unique<OwnedPartition>(log, topics, identity.group, number, settings.dedupe_window);
    return *partitions[index];
  }

  void follow_assignment() {
    for (const int number : consumer->revoked())
      if (owned(number) != nullptr) partitions[static_cast<std::size_t>(number)].reset();
    for (const int number : consumer->assigned()) open(number);
    for (const int number : consumer->assignment()) {
      auto* part = owned(number);
      if (part == nullptr) {  // dropped after an exception or a refused commit, and still ours: go back to
                              // what is not done
        part = &open(number);
        consumer->seek(number, part->next());
        part->skip_batch = true;
      } else {
        part->skip_batch = false;
      }
    }
  }

  // --- the end of the stream ---

  void learn_run(std::string_view of_record) {
    if (!run_end.learn(of_record)) return;
    mixer->set_run(of_record);
    for (auto& part : partitions) {
      if (!part || !part->has_pending_end) continue;
      part->has_pending_end = false;
      on_sentinel(*part, part->pending_end, false);
    }
  }

  /// `last`: the partition ends with this sentinel, as far as is known now.
  void on_sentinel(OwnedPartition& part, std::string_view of, bool last) {
    switch (run_end.judge(of)) {
      case RunEnd::Verdict::ours:
        part.ended = true;
        return;
      case RunEnd::Verdict::foreign:
        ++counts.foreign_sentinels;
        return;
      case RunEnd::Verdict::unknown:
        break;
    }
    // An heir of a finished partition finds nothing but the sentinel: the trace tells whose it is. Where
    // records of a later run lie behind it, those will tell.
    if (last && of == part.last_run()) {
      log::info(identity.member + ": run " + std::string(of) + " has ended on partition " +
                to_text(part.number()) + " of " + topics.source + "; --run-id names another to wait for");
      part.ended = true;
      return;
    }
    part.has_pending_end = true;
    part.pending_end = of;
  }

  [[nodiscard]] bool all_ended() {
    const auto& mine = consumer->assignment();
    return !mine.empty() && std::all_of(mine.begin(), mine.end(), [&](int number) {
      const auto* part = owned(number);
      return part != nullptr && part->ended;
    });
  }

  void leave() {
    consumer->close();
    if (auto untold = slot.swaps.take()) write_swaps(store, *untold, identity.member);
    write_swaps(store, swaps, identity.member);
    if (report) report(meter.report(identity.member, predictor->release(), clock.now()));
    finished = true;
  }

  // --- records ---

  Outcome& next_outcome(const RecordView& record) {
    if (outcomes_used == outcomes.size()) outcomes.emplace_back();
    Outcome& outcome = outcomes[outcomes_used++];
    outcome.row.partition = record.partition;
    outcome.row.offset = record.offset;
    outcome.row.row = -1;
    outcome.row.id.clear();
    outcome.row.truth = outcome.row.pred_orig = outcome.row.pred_adj =
        std::numeric_limits<float>::quiet_NaN();
    outcome.row.pred_live = std::numeric_limits<float>::quiet_NaN();
    outcome.row.mixture.clear();
    outcome.row.memory_offset = -1;
    outcome.row.voices_used = 0;
    outcome.row.imputed = 0;
    return outcome;
  }

  void dead_letter(OwnedPartition& part, const RecordView& record, Outcome& outcome,
                   const std::string& reason) {
    outcome.row.status = TraceRow::Status::dead_lettered;
    part.add_dead_letter(record, reason, clock.now());
    ++counts.dead_lettered;
  }

  void handle(OwnedPartition& part, const RecordView& record) {
    ++counts.records;
    Outcome& outcome = next_outcome(record);
    part.done_with(record.offset);
    const auto sample = decoder.decode(record);
    if (!sample) {
      outcome.run = record.header(run_id_header).value_or("");
      learn_run(outcome.run);
      dead_letter(part, record, outcome, sample.error().reason);
      return;
    }
    outcome.run = sample->run_id;
    learn_run(sample->run_id);
    outcome.row.id = sample->id;
    outcome.row.row = sample->row;
    outcome.send_ts = sample->send_ts;
    if (!sample->run_id.empty() && sample->run_id != current_run) {
      current_run = sample->run_id;
      highest_row = -1;
    }
    highest_row = std::max(highest_row, sample->row);
    if (sample->label) outcome.row.truth = static_cast<float>(*sample->label);
    if (!part.first_time(sample->id, sample->row)) {
      outcome.row.status = TraceRow::Status::duplicate;
      ++counts.duplicates;
      return;
    }
    outcome.slot = predictor->rows();
    const auto added = predictor->add(*sample, settings.max_missing_fraction);
    if (!added.usable) {
      dead_letter(part, record, outcome,
                  to_text(added.missing.columns) + " of the models' " + to_text(added.missing.of) +
                      " inputs are missing or not finite");
      return;
    }
    outcome.row.status = TraceRow::Status::predicted;
    outcome.row.imputed = added.missing.inputs;
  }

  void read_batch() {
    outcomes_used = 0;
    predictor->clear();
    for (const auto& record : batch.records()) {
      auto* part = owned(record.partition);
      if (part == nullptr || part->skip_batch || part->ended || record.offset < part->next()) continue;
      if (is_sentinel(record)) {
        const bool last =
            !run_end.known() && record.offset + 1 == log.watermarks(topics.source, record.partition).end;
        on_sentinel(*part, sentinel_run(record), last);
      } else {
        handle(*part, record);
      }
    }
  }

  void predict_and_trace() {
    predictor->predict();
    const Time now = clock.now();
    for (std::size_t i = 0; i < outcomes_used; ++i) {
      Outcome& outcome = outcomes[i];
      TraceRow& row = outcome.row;
      row.ts = now;
      row.consumer = identity.member;
      if (row.status == TraceRow::Status::predicted) {
        row.pred_orig = predictor->baseline(outcome.slot);
        row.pred_live = predictor->adaptive(outcome.slot);
        row.pred_adj = mixer->mix({row.row, predictor->baseline_inputs(outcome.slot), row.pred_orig,
                                   row.pred_live, predictor->lines(outcome.slot)});
        row.release = predictor->release();
        row.mixture = mixer->text();
        row.memory_offset = mixer->memory_offset();
        row.set_voices(mixer->voices());
        ++counts.predicted;
        counts.imputed += row.imputed;
        meter.add(static_cast<double>(row.pred_orig), static_cast<double>(row.pred_adj),
                  static_cast<double>(row.truth), now - outcome.send_ts, row.imputed);
      } else {
        row.release.clear();
      }
      partitions[static_cast<std::size_t>(row.partition)]->add_row(row, outcome.run);
    }
    if (const auto news = predictor->take_missing_news(); !news.empty())
      log::warning(identity.member + ": records of " + topics.source +
                   " lack inputs of the models, which are imputed: " + join(news));
  }

  /// All partitions' at once in each of the three steps: a log across a network answers once, not once each.
  void write_and_commit() {
    const Time now = clock.now();
    letters.clear();
    trace.clear();
    offsets.clear();
    for (const int number : consumer->assignment()) {
      auto* part = owned(number);
      if (part == nullptr) continue;
      if (!part->letters().empty()) letters.push_back({number, part->letters()});
      if (const auto rows = part->trace(now); !rows.empty()) {
        trace.push_back({number, rows});
        offsets.push_back({number, part->next()});
      }
    }
    if (!letters.empty()) log.append_each(topics.dead, letters);
    if (trace.empty()) return;
    log.append_each(topics.trace, trace);
    for (const auto& part : trace) owned(part.partition)->written();
    for (const int number : consumer->commit_each(offsets)) {
      ++counts.lost_leases;
      log::warning(identity.member + ": partition " + to_text(number) + " of " + topics.source +
                   " was taken over by another consumer (no poll within the lease); its heir goes on");
      partitions[static_cast<std::size_t>(number)].reset();
    }
  }

  [[nodiscard]] int64_t end_of_topic() {
    int64_t end = 0;
    for (int p = 0; p < log.partitions(topics.source); ++p) end += log.watermarks(topics.source, p).end;
    return end;
  }

  /// Nothing for this consumer. True if its patience is over: others' partitions count, too, since a stream
  /// that goes on there has begun and not ended. Looks at them only when it matters.
  bool given_up() {
    if (topic_end < 0) topic_end = end_of_topic();
    if (patience.begun() && !patience.over()) return false;
    const int64_t end = end_of_topic();
    if (std::exchange(topic_end, end) != end) patience.renew();
    return patience.over();
  }

  Step run_step() {
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
    const Time now = clock.now();
    if (!batch.empty()) {
      patience.renew();
      topic_end = -1;
    }
    if (report && meter.since_report() >= static_cast<uint64_t>(settings.report_records))
      report(meter.report(identity.member, predictor->release(), now));
    if (all_ended()) {
      leave();
      return Step::done;
    }
    tell_swaps();
    if (!batch.empty() || swapped) return Step::worked;
    if (!given_up()) return Step::idle;
    if (!patience.begun())
      throw FailedError(
          identity.member + ": no record came to topic " + topics.source + " within " +
          to_text(patience.limit_s()) +
          " s (inference.first_record_timeout_s); does `drst produce` write to the same --log?");
    log::warning(identity.member + ": nothing came for " + to_text(patience.limit_s()) +
                 " s; it leaves without having seen the end of the stream");
    timed_out = true;
    leave();
    return Step::done;
  }
};

InferenceConsumer::InferenceConsumer(Log& log, ObjectStore& store, const Clock& clock,
                                     InferenceSettings settings, ConsumerIdentity identity, ModelSlot& slot)
    : state_(std::make_unique<State>(log, store, clock, settings, std::move(identity), slot)) {}
InferenceConsumer::~InferenceConsumer() = default;

std::string_view InferenceConsumer::name() const { return state_->identity.member; }

Step InferenceConsumer::step() {
  auto& s = *state_;
  if (s.finished) return Step::done;
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

InferenceConsumer::Counts InferenceConsumer::counts() const { return state_->counts; }
Metrics InferenceConsumer::baseline_metrics() const { return state_->meter.baseline(); }
Metrics InferenceConsumer::adaptive_metrics() const { return state_->meter.adaptive(); }
bool InferenceConsumer::timed_out() const { return state_->timed_out; }
void InferenceConsumer::on_report(std::function<void(const BatchReport&)> callback) {
  state_->report = std::move(callback);
}

}  // namespace drst
