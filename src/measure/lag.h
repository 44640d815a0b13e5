// How far two measurements of one chain are out of step: counters and rates are sampled by different tools,
// each on its own clock, so a row's counters may tell of the second before its rates.
//
// Both are taken as changes from row to row, so that a common trend says nothing; the lag is where their
// correlation is largest, refined by the parabola through its neighbours (the usual sub-sample estimate of a
// cross-correlation's peak; Boucher and Hassab, "Analysis of discrete implementation of generalized
// cross-correlator", 1981). Pure; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace drst {

struct Lag {
  double rows = 0;         ///< `later` follows `earlier` by so many; below 0: the other way round
  double correlation = 0;  ///< of their changes at the nearest whole row, -1 to 1
  std::size_t pairs = 0;   ///< of changes that were compared
};

/// Of two columns of a table whose experiments begin at `starts` (no change is taken across). `most` rows
/// either way. Nothing where there are fewer than 30 pairs, one of the two does not change, a single pair is
/// more than a quarter of all that speaks for the lag, or no lag stands out: a correlation below 3 /
/// sqrt(pairs), which noise has once in some hundred times. Missing cells are left out.
std::optional<Lag> estimate_lag(std::span<const double> earlier, std::span<const double> later,
                                std::span<const std::size_t> starts, int most = 5);

}  // namespace drst
