// What a consumer does with partitions and records.
#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "inference/consumer_state.h"

namespace drst {

OwnedPartition& InferenceConsumer::State::open(int number) {
  const auto index = static_cast<std::size_t>(number);
  if (index >= partitions.size()) partitions.resize(index + 1);
  partitions[index] =
      std::make_unique<OwnedPartition>(log, topics, identity.group, number, settings.dedupe_window);
  return *partitions[index];
}

void InferenceConsumer::State::follow_assignment() {
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

void InferenceConsumer::State::learn_run(std::string_view of_record) {
  if (!run_end.learn(of_record)) return;
  if (!of_record.empty()) mixer->set_run(of_record);
  for (auto& part : partitions) {
    if (!part || !part->has_pending_end) continue;
    part->has_pending_end = false;
    on_sentinel(*part, part->pending_end, false);
  }
}

void InferenceConsumer::State::on_sentinel(OwnedPartition& part, std::string_view of, bool last) {
  switch (run_end.judge(of)) {
    case RunEnd::Verdict::ours:
      part.ended = true;
      return;
    case RunEnd::Verdict::foreign:
      ++counts.foreign_sentinels;
      if (of.empty())
        log::warning(identity.member + ": a sentinel on partition " + to_text(part.number()) + " of " +
                     topics.source + " names no run (header drst-run-id) and ends none");
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

InferenceConsumer::State::Outcome& InferenceConsumer::State::next_outcome(const RecordView& record) {
  if (outcomes_used == outcomes.size()) outcomes.emplace_back();
  Outcome& outcome = outcomes[outcomes_used++];
  outcome.row.partition = record.partition;
  outcome.row.offset = record.offset;
  outcome.row.row = -1;
  outcome.row.id.clear();
  outcome.row.truth = outcome.row.pred_orig = outcome.row.pred_adj = std::numeric_limits<float>::quiet_NaN();
  outcome.row.pred_live = std::numeric_limits<float>::quiet_NaN();
  outcome.row.mixture.clear();
  outcome.row.memory_offset = -1;
  outcome.row.voices_used = 0;
  outcome.row.imputed = 0;
  return outcome;
}

void InferenceConsumer::State::dead_letter(OwnedPartition& part, const RecordView& record, Outcome& outcome,
                                           const std::string& reason) {
  outcome.row.status = TraceRow::Status::dead_lettered;
  part.add_dead_letter(record, reason, clock.now());
  ++counts.dead_lettered;
}

void InferenceConsumer::State::handle(OwnedPartition& part, const RecordView& record) {
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

void InferenceConsumer::State::read_batch() {
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

void InferenceConsumer::State::predict_and_trace() {
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

void InferenceConsumer::State::write_and_commit() {
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
  if (!letters.empty()) log.append_each(topics.dead, letters, firsts);
  if (trace.empty()) return;
  log.append_each(topics.trace, trace, firsts);
  for (const auto& part : trace) owned(part.partition)->written();
  for (const int number : consumer->commit_each(offsets)) {
    ++counts.lost_leases;
    log::warning(identity.member + ": partition " + to_text(number) + " of " + topics.source +
                 " was taken over by another consumer (no poll within the lease); its heir goes on");
    partitions[static_cast<std::size_t>(number)].reset();
  }
}

}  // namespace drst
