#include "base/log.h"
#include "base/text.h"
#include "stream/experts.h"
#include "stream/record.h"
#include "tuning/judge_state.h"

namespace drst {

using namespace tuning;

void Judge::State::find_earlier_life() {
  known_run = reader.run_id();
  to_repeat.clear();
  for (auto& judgement : read_judgements(store, known_run)) to_repeat.push_back(std::move(judgement));
  find_what_was_told();
  if (to_repeat.empty()) return;
  log::info("judge: goes on after row " + to_text(to_repeat.back().row) + ", " + to_text(to_repeat.size()) +
            " judgements are repeated");
  // The pointer names what the last of them left; the replay begins with what was live before the first.
  for (const auto& info : registry.list()) {
    if (info.model_key != to_repeat.front().from) continue;
    if (auto before = load_contestant(registry, {info.model_key, info.metrics_key}, options.model_limits))
      live = *before;
  }
}

void Judge::State::find_what_was_told() {
  rows_known_to_others = 0;
  Batch batch;
  const std::string memory = memory_topic(topic);
  for (int64_t at = 0; at < log.watermarks(memory, 0).end;) {
    log.read(memory, 0, at, batch, {.max_records = 1024, .max_bytes = std::size_t{8} << 20});
    if (batch.empty()) break;
    for (const auto& record : batch.records())
      rows_known_to_others += record.header(run_id_header) == known_run ? 1 : 0;
    at = batch.records().back().offset + 1;
  }
  ExpertFollower follower(log, topic, known_run);
  state_known_to_others = follower.refresh() ? follower.state()->row : -1;
}

bool Judge::State::repeat_judgements() {
  while (!to_repeat.empty() && to_repeat.front().row <= row) {
    const Judgement judgement = std::move(to_repeat.front());
    to_repeat.pop_front();
    auto to = load_contestant(registry, {judgement.to, judgement.to_metrics}, options.model_limits);
    if (!to) {
      log::warning("judge: an earlier judgement cannot be repeated: " + to.error().reason);
      continue;
    }
    (judgement.kind == "promotion" ? counts.promotions : counts.rollbacks) += 1;
    // A crash between judgement and pointer: the last of them still has to move it.
    const auto pointer = registry.pointer();
    if (to_repeat.empty() && pointer && *pointer && (*pointer)->model_key == judgement.from) {
      apply(*to, judgement);
    } else {
      set_live(std::move(*to));
    }
  }
  return !to_repeat.empty();
}

bool Judge::State::keep_for_replay(const std::string& id, float truth) {
  constexpr std::size_t most = 1'000'000;
  const auto parts = split_id(id);
  if (!parts || parts->row > state_known_to_others) return false;
  const bool passed = first_row >= 0 && parts->row < first_row;
  if (!passed && (parts->row <= row || early_labels.size() >= most)) return false;
  if (passed)
    ++passed_labels;
  else
    early_labels.emplace(parts->row, truth);
  counts.earlier_labels = early_labels.size() + passed_labels;
  return true;
}

void Judge::State::take_early_label(const std::string& id) {
  const auto found = early_labels.find(row);
  if (found == early_labels.end()) return;
  const float truth = found->second;
  early_labels.erase(found);
  counts.earlier_labels = early_labels.size() + passed_labels;
  take_label(id, static_cast<double>(truth));
}

}  // namespace drst
