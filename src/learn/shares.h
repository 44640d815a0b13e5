// Weights over experts that move with each label: fixed share (Herbster and Warmuth, "Tracking the best
// expert", Machine Learning 32, 1998), shared back to the starting weights.
//
// After a label, w_i <- w_i e^(-rate l_i), normalised, then w_i <- (1 - share) w_i + share p_i, where l_i in
// [0, 1] is expert i's loss and p the starting weights. For the weighted mean loss of the experts, L_i the
// sum of expert i's losses and T labels,
//
//   sum of mean losses <= (rate L_i + ln(1 / p_i) + T ln(1 / (1 - share (1 - p_i)))) / (1 - e^-rate)
//
// for each i, whatever comes: with the frozen model as i and p_i near 1, that is what adaptation can cost at
// most. A restart begins such a sum anew, so each adds at most ln(1 / p_i). An expert without a prediction
// (loss NaN) sleeps: its weight neither grows nor falls.
//
// `weighted_median` joins the predictions: the least one with half of the weight at or below it. At least
// half of the weight errs at least as much as it, so its loss is at most twice the weighted mean loss for
// every loss that grows with the distance, min(e, 1) among them. Weighted means, of predictions or their
// logarithms, were tried: with labels so few that weights stay where they began, a wild expert of small
// weight spoils them (figures.md). Pure; one thread.
#pragma once

#include <span>
#include <vector>

namespace drst {

class Shares {
 public:
  /// `start`: positive weights, normalised here. InputError if one is not.
  Shares(std::vector<double> start, double rate, double share);
  /// One label: each expert's loss in [0, 1], NaN: it had no prediction.
  void update(std::span<const double> losses);
  /// Back to the starting weights: what was learned is of another world.
  void restart() { weights_ = start_; }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

 private:
  std::vector<double> start_, weights_;
  double rate_, share_;
};

/// Predictions that are NaN have no vote; NaN if none has one. Weights: not negative, one a prediction. At
/// most 32 predictions; nothing is allocated.
float weighted_median(std::span<const float> predictions, std::span<const double> weights);

}  // namespace drst
