// The frozen model put right by what was labelled nearby: an expert that learns from one label at once.
//
// ln N(x) = ln B(x) + m M(x) + (1 - m) A(x), over the labelled rows that are remembered, where
// r_i = ln y_i - ln B(x_i), cut at +-1, is what the base B missed there,
//
//   A(x) = sum_i k_i r_i / (sum_i k_i + ridge), and M(x) the weighted median of the r_i with weights k_i and
//   of 0 with weight `ridge` (the least of them with half of the weight at or below it),
//   k_i = exp(-D_i / (2 width)) (1 + recency e^(-age_i / recency_rows)),
//   D_i = mean over inputs of c_f (z_f - z_if)^2
//
// with z the inputs as the frozen model's network standardises them (of trees alone, as one would that was
// fitted beside them: Model::scaling), cut at 1.5 times the range seen in training, c_f the inputs' relevance
// (|Pearson r| with ln y offline, mean 1), and m the `median_share`. A kernel regression of residuals by
// local medians (Truong, "Asymptotic properties of kernel estimators based on local medians", Annals of
// Statistics 17, 1989); m < 1 mixes in the usual local mean (Nadaraya 1964, Watson 1964), which one label of
// a short collapse moves for a whole experiment. Only where nothing at all is near it is B; whether
// neighbours can be trusted is for their weight among the experts to say. B is the frozen model; where that
// is a geometric mixture of networks and trees, its members with another share of the trees, which in a world
// that neither has seen are wrong in a steadier way: what is steady, residuals put right. Not for targets
// that can be negative or zero: such rows are not remembered. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/settings.h"
#include "learn/model.h"

namespace drst {

struct NeighbourSettings {
  int64_t rows = 512;
  double width = 0.1;
  double ridge = 0.0001;
  double median_share = 0.7;
  double recency = 5;
  double recency_rows = 3;
  double range_factor = 1.5;
  double most_residual = 1;
  double tree_share = 0.67;
};
void describe(SettingsVisitor& visitor, NeighbourSettings& settings);

class Neighbours {
 public:
  /// `frozen` must have a scaling, and a target that was learned as its logarithm; else `usable()` is false
  /// and nothing is ever predicted.
  Neighbours(std::shared_ptr<const Model> frozen, const NeighbourSettings& settings);
  [[nodiscard]] bool usable() const { return usable_; }
  [[nodiscard]] std::size_t size() const { return residuals_.size(); }
  /// A labelled row: raw inputs in the order of the frozen model's, what that predicted for them, the label.
  void add(int64_t row, std::span<const float> raw, float frozen_prediction, float label);
  /// NaN: nothing is remembered yet. `row` < 0: of no known age.
  float predict(int64_t row, std::span<const float> raw, float frozen_prediction);

 private:
  void standardise(std::span<const float> raw, float* out);
  void find_trees();
  void remember_order(std::size_t row);
  /// M(x) by kernel_; `weights`: their sum and the ridge.
  [[nodiscard]] double median_residual(double weights) const;
  /// ln B from what the frozen model predicted.
  [[nodiscard]] double base(std::span<const float> raw, float frozen_prediction);

  struct Tree {
    const Model* model;  // of frozen_
    double weight;       // of its logarithm in ln B
    std::unique_ptr<Model::Scratch> scratch;
  };

  std::shared_ptr<const Model> frozen_;
  std::vector<Tree> trees_;
  double frozen_weight_ = 1;  // of ln F in ln B
  NeighbourSettings settings_;
  bool usable_ = false;
  std::shared_ptr<const Network> ends_;  // the transform of the inputs, with the range widened
  std::vector<float> factor_;  // by input: sqrt(c_f / (inputs x 2 width)), so that k = exp(-|u - u_i|^2)
  std::vector<float> scratch_;
  std::vector<double> kernel_;  // of the row that is predicted, by remembered row
  // A ring of the newest rows.
  std::vector<float> memory_;  // rows x inputs
  std::vector<float> residuals_;
  std::vector<int64_t> rows_;
  std::vector<std::size_t> by_residual_;  // the rows in order of their residuals
  std::size_t next_ = 0;
};

}  // namespace drst
