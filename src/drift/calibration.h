// Thresholds from the baseline's own variability, by a block bootstrap.
//
// What would the signal be if nothing changed? Two windows of the same regime differ by chance, and much more
// so because neighbouring seconds resemble each other and experiments come in stretches. So the null
// distribution is made by resampling blocks of the baseline (stationary bootstrap: Politis and Romano, "The
// stationary bootstrap", JASA 89, 1994; blocks keep the dependence inside them, Kuensch 1989): each round
// draws a pseudo-baseline of W records and a pseudo-window of `span` records from the baseline's blocks and
// takes their divergence in the frozen bins. Both are resampled, since both are random.
//
// A threshold is then a quantile of that distribution. (Thresholds from a budget of false alarms are found
// otherwise: run_length.h.) Beyond a high quantile (`tail_from`) the tail is taken as exponential above it
// (peaks over threshold with shape 0; Pickands 1975), so that A < B < C do not need a million rounds. A
// bootstrap knows only what the baseline has shown; so a threshold is never below the smallest effect worth
// acting on. Pure functions; the generator is the caller's.
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
  std::string rule = "budget";                          ///< or "quantile"
  std::vector<double> quantiles = {0.95, 0.99, 0.999};  ///< of the null signal, for A, B, C
  std::vector<double> budget_hours = {24, 168, 720};    ///< of stream between false alarms, for A, B, C
  double row_s = 1;                                     ///< time from record to record
  int64_t null_rows = 200'000;                          ///< pseudo-records a calibration
  /// Bits, for A, B, C: no threshold is lower, unless it follows from a history of the regime; for the whole
  /// window and longer ones, and for the shorter ones.
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

struct BootstrapQuantiles {
  Thresholds quantiles{};  ///< of the null, for A, B, C
  Thresholds errors{};     ///< standard errors, by a bootstrap of the baseline around it
};
/// Arguments as of bootstrap_null.
BootstrapQuantiles bootstrap_quantiles(const BinnedRows& baseline, const BinnedRows& unseen, std::size_t span,
                                       const CalibrationSettings& settings, Random& random);

/// Held between two sets of bounds, and strictly rising.
Thresholds bounded(const Thresholds& found, const std::vector<double>& least,
                   const std::vector<double>& most);

}  // namespace drst
