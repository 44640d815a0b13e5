#include "tuning/contestants.h"

#include <limits>

#include "learn/model.h"

namespace drst::tuning {

Result<ContestantPtr> load_contestant(Registry& registry, const Pointer& pointer, const ModelLimits& limits) {
  const auto loaded = registry.load(pointer);
  if (!loaded) return failure(loaded.error().reason);
  try {
    auto contestant = std::make_shared<Contestant>();
    contestant->model_key = pointer.model_key;
    contestant->metrics_key = pointer.metrics_key;
    contestant->predictor = Predictor(load_model(loaded->onnx, limits));
    return contestant;
  } catch (const InputError& error) {
    return failure(pointer.model_key + ": " + error.what());
  }
}

float Prophecy::of(const ContestantPtr& contestant) const {
  for (const auto& [who, prediction] : predictions)
    if (who == contestant) return prediction;
  return std::numeric_limits<float>::quiet_NaN();
}

void Prophecies::add(const std::string& id, Prophecy prophecy) {
  if (!waiting_.emplace(id, std::move(prophecy)).second) return;
  order_.push_back(id);
  while (order_.size() > most_) {
    waiting_.erase(order_.front());
    order_.pop_front();
  }
}

Prophecies::Outcome Prophecies::take(const std::string& id, Prophecy& prophecy) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return Outcome::unknown;
  if (!found->second) return Outcome::duplicate;
  prophecy = std::move(*found->second);
  found->second.reset();
  return Outcome::met;
}

}  // namespace drst::tuning
