// A second voice, for when labels come: has the prediction error of the live model grown?
//
// Fed with bounded losses (0..1, such as min(e, 1)) in the order in which their labels arrived. The first
// `reference` of them give an upper bound m on the mean loss of the present regime (empirical Bernstein
// bound: Maurer and Pontil, "Empirical Bernstein bounds and sample variance penalization", COLT 2009, Theorem
// 4). From then on it is an e-detector of Shiryaev-Roberts type (Shin, Ramdas, Rinaldo, "E-detectors: a
// nonparametric framework for sequential change detection", 2022): for bets b in a grid,
//     M_b <- (M_b + 1) * (1 + b (loss - m)),   0 < b < 1/m,
// and an alarm is raised once the mean of M_b over the grid reaches the budget N. As long as the mean of each
// loss given those before is at most m, each factor is an e-value, so the expected number of losses until a
// false alarm is at least N, whatever the losses' law and whenever one looks. That m is indeed an upper bound
// fails with probability `risk` at most. Losses that resemble their neighbours break the assumption; `block`
// averages so many into one, and the bound is then about N losses in blocks of them.
//
// It hears growth only: a model that suddenly predicts better is no harm. After an alarm it learns its
// reference anew. Constant memory; state can be saved and restored to the bit. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "drift/state_bytes.h"

namespace drst {

struct ErrorVoiceSettings {
  int64_t reference = 100;     ///< blocks that tell the usual loss, >= 2
  double risk = 0.05;          ///< that the usual loss is higher than the bound taken from them
  double budget_losses = 1e4;  ///< N: expected losses until a false alarm, at least
  int64_t block = 1;           ///< losses averaged into one
};

struct ErrorAlarm {
  int64_t row = 0;         ///< of the loss that raised it
  int64_t since = 0;       ///< estimated first row of the change (where the strongest bet last began)
  double usual_bound = 0;  ///< m
  double mean_since = 0;   ///< of the losses from `since` on
  double evidence = 0;     ///< the detector's value, >= N
};

class ErrorVoice {
 public:
  /// InputError on settings out of range.
  explicit ErrorVoice(const ErrorVoiceSettings& settings);
  /// Clamped to 0..1; NaN is left out and counted.
  /// `row`: where the loss belongs; told again by an alarm.
  std::optional<ErrorAlarm> push(double loss, int64_t row);
  void start_anew();  ///< learns its reference again: another model is live
  [[nodiscard]] uint64_t left_out() const { return left_out_; }
  [[nodiscard]] bool watching() const { return seen_ >= settings_.reference; }
  [[nodiscard]] double usual_bound() const { return bound_; }  ///< when watching

  void save(StateWriter& out) const;
  void restore(StateReader& in);

 private:
  static constexpr std::size_t bets = 6;
  std::optional<ErrorAlarm> take(double mean, int64_t row);
  void learn(double mean);

  ErrorVoiceSettings settings_;
  uint64_t left_out_ = 0;
  double block_sum_ = 0;
  int64_t block_row_ = 0;  // of its first loss
  int64_t block_size_ = 0;
  int64_t seen_ = 0;               // blocks of the reference
  double mean_ = 0, squares_ = 0;  // Welford's
  double bound_ = 0;
  std::array<double, bets> evidence_{};
  // The strongest stretch that ends now, a bet: Page's maximum, for the estimate of `since`.
  std::array<double, bets> stretch_{};
  std::array<int64_t, bets> begin_{};
  std::array<double, bets> sum_{};
  std::array<int64_t, bets> count_{};
};

}  // namespace drst
