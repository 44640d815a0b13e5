#include "learn/shares.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/text.h"

namespace drst {

Shares::Shares(std::vector<double> start, double rate, double share)
    : start_(std::move(start)), rate_(rate), share_(share) {
  if (start_.empty() || std::any_of(start_.begin(), start_.end(), [](double w) { return !(w > 0); }))
    throw InputError("experts: each of the " + to_text(start_.size()) +
                     " starting weights must be a positive number");
  const double sum = std::accumulate(start_.begin(), start_.end(), 0.0);
  for (double& weight : start_) weight /= sum;
  weights_ = start_;
}

void Shares::update(std::span<const double> losses) {
  double awake = 0;   // weight of the experts that predicted
  double scaled = 0;  // the same after their losses
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (std::isnan(losses[i])) continue;
    awake += weights_[i];
    scaled += weights_[i] * std::exp(-rate_ * std::clamp(losses[i], 0.0, 1.0));
  }
  if (awake == 0) return;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (std::isnan(losses[i])) continue;
    weights_[i] *= std::exp(-rate_ * std::clamp(losses[i], 0.0, 1.0)) * awake / scaled;
  }
  for (std::size_t i = 0; i < weights_.size(); ++i)
    weights_[i] = (1 - share_) * weights_[i] + share_ * start_[i];
}

float weighted_median(std::span<const float> predictions, std::span<const double> weights) {
  constexpr std::size_t most = 32;
  std::array<std::size_t, most> order{};
  std::size_t n = 0;
  double total = 0;
  for (std::size_t i = 0; i < std::min(predictions.size(), most); ++i) {
    if (std::isnan(predictions[i])) continue;
    total += weights[i];
    std::size_t at = n++;  // insertion keeps equal predictions in their order
    for (; at > 0 && predictions[order[at - 1]] > predictions[i]; --at) order[at] = order[at - 1];
    order[at] = i;
  }
  double below = 0;
  for (std::size_t i = 0; i < n; ++i) {
    below += weights[order[i]];
    if (2 * below >= total) return predictions[order[i]];
  }
  return n == 0 ? std::numeric_limits<float>::quiet_NaN() : predictions[order[n - 1]];
}

}  // namespace drst
