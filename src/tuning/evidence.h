// Sequential tests that may be looked at after every label. Pure; one thread. Internal to this room.
//
// Both compare two models by paired differences d = loss of one - loss of the other, losses in [0, 1], so d
// in [-1, 1]. The null is "given the past, the mean of d is at most 0": no gain. For a bet l in (0, 1), 1 + l
// d is not negative and has mean at most 1 under the null whatever the dependence between rows, so its
// running product is a test supermartingale; so is the mean of the products over a grid of bets, which spares
// the choice of one.
//
// `PairedTest`: the wealth W that started at 1. P(W ever >= 1/alpha) <= alpha under the null (Ville 1939), at
// any stopping time. Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting",
// Journal of the Royal Statistical Society B 86, 2024.
//
// `PairedDetector`: watches for ever for the day on which the null stops holding. Each product starts anew
// whenever it has fallen below 1 (e-CUSUM). Under the null the expected number of labels until it reaches c
// is at least c. Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change
// detection", New England Journal of Statistics in Data Science 2, 2023.
//
// What the null is not: "no gain on average over all time". A model that is better in one experiment and
// worse in the next violates it in the first, and is found better there.
#pragma once

#include <array>
#include <cstdint>

namespace drst::tuning {

/// Bets of the grid: small ones find small gains in many labels, large ones large gains in few.
inline constexpr std::array<double, 8> bets = {0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9};

class PairedTest {
 public:
  /// A difference that is no number counts as 0; one beyond [-1, 1] is cut.
  void add(double difference);
  /// Natural logarithm of the e-value.
  [[nodiscard]] double log_e() const;
  [[nodiscard]] bool rejects(double alpha) const;
  [[nodiscard]] uint64_t labels() const { return labels_; }
  [[nodiscard]] double mean() const;

 private:
  std::array<double, bets.size()> log_wealth_{};
  uint64_t labels_ = 0;
  double sum_ = 0;
};

class PairedDetector {
 public:
  void add(double difference);
  [[nodiscard]] double log_e() const;
  /// True if the expected number of labels to an alarm under the null is at least `run_labels` and it is
  /// there.
  [[nodiscard]] bool alarms(double run_labels) const;
  /// Since the product of the strongest bet last started.
  [[nodiscard]] uint64_t labels() const;
  [[nodiscard]] double mean() const;

 private:
  struct Run {
    double log_wealth = 0, sum = 0;
    uint64_t labels = 0;
  };
  [[nodiscard]] const Run& strongest() const;
  std::array<Run, bets.size()> runs_{};
};

}  // namespace drst::tuning
