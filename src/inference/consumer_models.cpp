// How a consumer gets new models and experts from its guard, and gives the old ones back.
#include <memory>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "inference/consumer_state.h"

namespace drst {

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
  auto next = slot.take();
  if (!next) return false;
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
