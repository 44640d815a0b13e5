// Thresholds from the baseline's own variability, by a block bootstrap.
//
// What would the signal be if nothing changed? Two windows of the same regime differ by chance, and much more
// so because neighbouring seconds resemble each other and experiments come in stretches. So the null
// distribution is made by resampling blocks of the baseline (stationary bootstrap: Politis and Romano, "The
// stationary bootstrap", JASA 89, 1994; blocks keep the dependence inside them, Kuensch 1989): each round
// draws a pseudo-baseline of W records and a pseudo-window of `span` records from the baseline's blocks and
// takes their divergence in the frozen bins. Both are resampled, since both are random.
//
// A threshold is then a quantile of that distribution, or follows from a budget: with windows of `span`
// records, an expected run of N records between false alarms means an exceedance probability of span / N.
// Beyond a high quantile (`tail_from`) the tail is taken as exponential above it (peaks over threshold with
// shape 0; Pickands 1975), so that A < B < C do not need a million rounds. A bootstrap knows only what the
// baseline has shown; so a threshold is never below the smallest effect worth acting on. Pure functions; the
// generator is the caller's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "drift/divergence.h"

namespace drst {

struct CalibrationSettings {
  int64_t block_rows = 25;
  int64_t bootstrap_rounds = 400;
  std::string rule = "quantile";                        ///< or "budget"
  std::vector<double> quantiles = {0.95, 0.99, 0.999};  ///< of the null signal, for A, B, C
  std::vector<double> budget_rows = {10'000, 100'000,
                                     1'000'000};  ///< records between false alarms, for A, B, C
  /// Bits, for A, B, C: no threshold is lower; for the whole window, and for the shorter ones.
  std::vector<double> least_effect = {0.30, 0.40, 0.50};
  std::vector<double> recent_least_effect = {0.36, 0.46, 0.56};
  double tail_from = 0.1;  ///< exceedance from which on the null's tail is fitted
  std::vector<double> most_effect = {
      0.60, 0.70, 0.80};  ///< bits, for A, B, C: no threshold is higher, so every tier can fire
};

using Thresholds = std::array<double, 3>;  ///< A < B < C, bits

/// Indices 0..n-1 resampled in blocks: `length` of them, each block starts anywhere, runs on cyclically and
/// has a geometric length of mean `mean_block` (1: the ordinary bootstrap).
void resample_blocks(Random& random, std::size_t n, std::size_t length, double mean_block,
                     std::vector<uint32_t>& out);

/// Null signals, sorted: mean divergence of a window of `span` records resampled from `unseen`
/// (bin_rows_as_unseen) from a baseline resampled from all rows of `baseline`, the same records.
std::vector<double> bootstrap_null(const BinnedRows& baseline, const BinnedRows& unseen, std::size_t span,
                                   double mean_block, std::size_t rounds, Random& random);

/// The value exceeded with probability `exceedance`: empirical down to `tail_from`, exponential tail beyond.
double tail_quantile(std::span<const double> sorted, double exceedance, double tail_from);

/// The null's thresholds by the rule, held between `least` and the most effects, and strictly rising.
Thresholds thresholds_from(std::span<const double> sorted_null, std::size_t span,
                           const std::vector<double>& least, const CalibrationSettings& settings);

}  // namespace drst
