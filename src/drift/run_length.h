// Thresholds from a budget of false alarms: how long would the detector as a whole stay silent in a world
// that does not change?
//
// The detector is run over pseudo-streams put together from blocks of records (history.h), with its own
// windows, stride and all voices, so that the overlap of successive windows and the voices' dependence are in
// the result and need no theory. Each voice's signal is put on one scale, the probability to be exceeded
// while nothing changes (empirical, beyond the 0.98 quantile exponential); an alarm is the loudest voice
// passing one level of it; after it the windows begin anew. The level whose mean time between alarms is the
// budget gives every voice its threshold. Beyond what the pseudo-streams are long enough to show, the alarms'
// excesses over the level of the 25th are taken as exponential (peaks over threshold with shape 0,
// declustered).
//
// Which pseudo-streams against which baseline:
//   * history of the regime at hand: against the baseline that was really frozen, so that a baseline that
//     happens to be odd gets thresholds of its own, and the budget holds for each, not only on average;
//   * history of another regime: pseudo-baselines from one half of it, streams from the other. How much
//     stretches of one regime differ is then known, not where they lie: it tells whether a baseline is of the
//     history's regime.
// A baseline alone is not enough: it holds a handful of experiments, and one sweep of the public baseline
// table is more than half of it.
// Everything is done `replicates` times, each on a random half of the source: the thresholds are those of all
// runs together, so that what is not known of the regime is in the null, and their spread over replicates
// (the delete-half jackknife: Wu, Annals of Statistics 14, 1986; with the noise of the simulation) is the
// standard error. A level too low by chance costs more alarms than one too high saves, so the level is raised
// until the mean rate over the estimate's uncertainty is the budget's. Pure functions; the generator is the
// caller's.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "base/random.h"
#include "drift/calibration.h"
#include "drift/divergence.h"
#include "drift/history.h"

namespace drst {

struct RunLengthTask {
  std::array<double, 3> budget_rows{};  ///< records between false alarms of the detector, for A, B, C
  std::size_t window = 0;               ///< baseline's records
  std::vector<std::size_t> spans;       ///< the further voices
  std::size_t bins = 0;                 ///< a feature
  std::size_t stride = 1;
  std::size_t rows = 0;  ///< pseudo-records in all
};

struct BudgetThresholds {
  std::vector<Thresholds> voices;
  std::vector<Thresholds> errors;  ///< standard errors
  std::vector<double> medians;     ///< a voice's signal while nothing changes, in its middle
};

/// History of the regime that `frozen` is a baseline of; `rows`: its records in the bins of `frozen`.
BudgetThresholds budget_thresholds(const JsWindow& frozen, const BinnedRows& rows, const Pieces& pieces,
                                   const RunLengthTask& task, Random random);
/// History of any regime.
BudgetThresholds budget_thresholds(const DriftHistory& history, const Pieces& pieces,
                                   const RunLengthTask& task, Random random);
}  // namespace drst
