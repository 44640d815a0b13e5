#include "learn/neighbours.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "learn/mixture.h"
#include "nn/network.h"

namespace drst {
namespace {

constexpr std::size_t lanes = 8;  // partial sums, so that the compiler may use vectors

/// Sum of (a - b)^2, in an order that does not depend on the machine.
float squared_distance(const float* a, const float* b, std::size_t n) {
  float sums[lanes] = {};
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    for (std::size_t j = 0; j < lanes; ++j) {
      const float d = a[i + j] - b[i + j];
      sums[j] += d * d;
    }
  for (std::size_t j = 0; i < n; ++i, ++j) {
    const float d = a[i] - b[i];
    sums[j] += d * d;
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

}  // namespace

void describe(SettingsVisitor& v, NeighbourSettings& s) {
  v.visit("rows", s.rows, {"rows", "labelled rows remembered; 300 to 2000 do equally well", 1, 100'000});
  v.visit("width", s.width,
          {"1", "of the kernel, in mean squared standard deviations: rows of one experiment are nearer", 1e-4,
           100});
  v.visit(
      "ridge", s.ridge,
      {"1",
       "weight of the base as it is: where remembered rows have less than this together, it is left alone",
       1e-9, 100});
  v.visit(
      "median_share", s.median_share,
      {"1",
       "of the local median in the correction, the rest is the mean's: a median is not moved by one label "
       "of a short collapse",
       0, 1});
  v.visit(
      "recency", s.recency,
      {"1", "how much more a label of this very moment counts than an old one of the same place", 0, 1000});
  v.visit("recency_rows", s.recency_rows, {"rows", "after which that has fallen to 1/e", 0.1, 1e6});
  v.visit("range_factor", s.range_factor,
          {"1",
           "inputs are clipped so many times beyond the training range: another world still has its own "
           "places",
           1, 100});
  v.visit("most_residual", s.most_residual,
          {"1",
           "of the logarithm: by how much a label may differ from the frozen prediction; beyond e-fold it is "
           "as likely wrong",
           0.01, 100});
  v.visit("tree_share", s.tree_share,
          {"1",
           "of trees in what residuals are taken of, where the frozen model is a mixture of networks and "
           "trees",
           0, 1});
}

Neighbours::Neighbours(std::shared_ptr<const Model> frozen, const NeighbourSettings& settings)
    : frozen_(std::move(frozen)), settings_(settings) {
  if (frozen_->scaling() == nullptr || !frozen_->scaling()->exponential) return;
  usable_ = true;
  Network ends = *frozen_->scaling();
  for (auto* bound : {&ends.low, &ends.high})
    for (float& value : *bound) value *= static_cast<float>(settings_.range_factor);
  ends_ = std::make_shared<const Network>(std::move(ends));
  const std::size_t inputs = ends_->inputs.size();
  const auto relevance = frozen_->relevance();
  const double mean_scale = 1.0 / (static_cast<double>(inputs) * 2 * settings_.width);
  for (std::size_t i = 0; i < inputs; ++i) {
    const double c = relevance.size() == inputs ? static_cast<double>(relevance[i]) : 1;
    factor_.push_back(static_cast<float>(std::sqrt(std::max(c, 0.0) * mean_scale)));
  }
  find_trees();
}

void Neighbours::find_trees() {
  double all = 0;
  double of_trees = 0;
  for (const auto& member : frozen_->members()) {
    all += static_cast<double>(member.weight);
    if (member.model->network() == nullptr) of_trees += static_cast<double>(member.weight);
  }
  if (!(of_trees > 0) || !(of_trees < all)) return;
  // ln F = (1 - w) ln M + w ln T, with M the networks, T the trees; wanted: (1 - s) ln M + s ln T.
  const double w = of_trees / all;
  const double s = settings_.tree_share;
  frozen_weight_ = (1 - s) / (1 - w);
  for (const auto& member : frozen_->members())
    if (member.model->network() == nullptr)
      trees_.push_back({member.model.get(),
                        static_cast<double>(member.weight) / of_trees * (s - frozen_weight_ * w),
                        member.model->make_scratch()});
}

double Neighbours::base(std::span<const float> raw, float frozen_prediction) {
  double sum = frozen_weight_ * std::log(static_cast<double>(frozen_prediction));
  for (auto& tree : trees_) {
    if (tree.weight == 0) continue;
    float said = 0;
    tree.model->predict(raw, 1, {&said, 1}, *tree.scratch);
    sum += tree.weight * std::log(static_cast<double>(std::max(said, learn::least_prediction)));
  }
  return sum;
}

void Neighbours::standardise(std::span<const float> raw, float* out) {
  transform_inputs(*ends_, raw, 1, {out, raw.size()});
  for (std::size_t i = 0; i < raw.size(); ++i) out[i] *= factor_[i];
}

void Neighbours::add(int64_t row, std::span<const float> raw, float frozen_prediction, float label) {
  if (!usable_ || raw.size() != factor_.size() || !(label > 0) || !(frozen_prediction > 0) ||
      !std::isfinite(label) || !std::isfinite(frozen_prediction))
    return;
  const std::size_t inputs = factor_.size();
  const auto most = static_cast<std::size_t>(settings_.rows);
  if (residuals_.size() < most) {
    next_ = residuals_.size();
    residuals_.push_back(0);
    rows_.push_back(0);
    by_residual_.push_back(next_);
    kernel_.push_back(0);
    memory_.resize(residuals_.size() * inputs);
  }
  standardise(raw, memory_.data() + next_ * inputs);
  const double residual = std::log(static_cast<double>(label)) - base(raw, frozen_prediction);
  residuals_[next_] =
      static_cast<float>(std::clamp(residual, -settings_.most_residual, settings_.most_residual));
  rows_[next_] = row;
  remember_order(next_);
  next_ = (next_ + 1) % most;
}

float Neighbours::predict(int64_t row, std::span<const float> raw, float frozen_prediction) {
  if (!usable_ || residuals_.empty() || raw.size() != factor_.size() || !(frozen_prediction > 0))
    return std::numeric_limits<float>::quiet_NaN();
  const std::size_t inputs = factor_.size();
  scratch_.resize(inputs);
  standardise(raw, scratch_.data());
  double weights = settings_.ridge;
  double sum = 0;
  for (std::size_t i = 0; i < residuals_.size(); ++i) {
    kernel_[i] = 0;
    const float distance = squared_distance(scratch_.data(), memory_.data() + i * inputs, inputs);
    if (!(distance < 80)) continue;  // e^-80 is nothing
    double weight = std::exp(-static_cast<double>(distance));
    if (row >= 0 && rows_[i] >= 0)
      weight *= 1 + settings_.recency * std::exp(-static_cast<double>(std::max<int64_t>(row - rows_[i], 0)) /
                                                 settings_.recency_rows);
    kernel_[i] = weight;
    weights += weight;
    sum += weight * static_cast<double>(residuals_[i]);
  }
  const double correction =
      settings_.median_share * median_residual(weights) + (1 - settings_.median_share) * sum / weights;
  return static_cast<float>(std::exp(base(raw, frozen_prediction) + correction));
}

double Neighbours::median_residual(double weights) const {
  double below = 0;
  bool base_counted = false;
  for (const auto i : by_residual_) {
    if (!base_counted && residuals_[i] > 0) {
      base_counted = true;
      below += settings_.ridge;
      if (below >= weights / 2) return 0;
    }
    below += kernel_[i];
    if (below >= weights / 2) return static_cast<double>(residuals_[i]);
  }
  return 0;
}

void Neighbours::remember_order(std::size_t row) {
  by_residual_.erase(std::find(by_residual_.begin(), by_residual_.end(), row));
  const auto place =
      std::upper_bound(by_residual_.begin(), by_residual_.end(), residuals_[row],
                       [&](float residual, std::size_t other) { return residual < residuals_[other]; });
  by_residual_.insert(place, row);
}

}  // namespace drst
