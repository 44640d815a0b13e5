// How a consumer gets new models and experts from its guard, and gives the old ones back.
#include <memory>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "inference/consumer_state.h"
#include "trees/ensemble.h"

namespace drst {

namespace {

/// Into how many steps the first look at a new model is divided where records wait.
constexpr std::size_t warming_steps = 16;

/// Reads a part of what a prediction reads, so that it lies in the cache of this core: the guard made the
/// model ready on another. Networks are too small to matter.
void touch(const Model& model, std::size_t part) {
  for (const auto& member : model.members()) touch(*member.model, part);
  const TreeEnsemble* trees = model.trees();
  if (trees == nullptr) return;
  constexpr std::size_t a_line = 64 / sizeof(TreeNode);
  const std::size_t count = trees->nodes.size();
  float sum = 0;
  for (std::size_t i = count * part / warming_steps; i < count * (part + 1) / warming_steps; i += a_line)
    sum += trees->nodes[i].value;
  [[maybe_unused]] const volatile float seen = sum;
}

}  // namespace

void InferenceConsumer::State::follow_experts() {
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

void InferenceConsumer::State::hand_back() {
  if (retiring) slot.retire(retiring);
}

bool InferenceConsumer::State::take_swap() {
  hand_back();
  if (retiring) return false;  // one at a time: the guard frees it at its next step
  if (!next) {
    next = slot.take();
    warmed = 0;
  }
  if (!next) return false;
  // With records waiting, the one that meets a cold model would take as long as several.
  const bool busy = batch.records().size() >= static_cast<std::size_t>(settings.batch);
  if (busy && warmed < warming_steps) {
    touch(*next->model, warmed++);
    return false;
  }
  swaps.push_back(
      {highest_row + 1, identity.member, next->release, next->load_ms, next->rollback, current_run});
  retiring = predictor->replace(std::move(next));
  hand_back();
  ++counts.swaps;
  return true;
}

void InferenceConsumer::State::tell_swaps() {
  if (swaps.empty() || current_run.empty()) return;
  for (auto& event : swaps)
    if (event.run.empty()) event.run = current_run;
  if (auto untold = slot.swaps.take()) swaps.insert(swaps.begin(), untold->begin(), untold->end());
  slot.swaps.offer(std::make_unique<std::vector<SwapEvent>>(std::move(swaps)));
  swaps.clear();
}

}  // namespace drst
