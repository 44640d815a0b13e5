// Where does a stretch of records fall into two? For the row of a change, and for baselines that hold two
// regimes.
//
// For a split of n binned records into the first l and the other r = n - l, the weighted
// Jensen-Shannon divergence
//     JSD_w = H(all) - l/n H(first) - r/n H(others)      (bits, mean over features)
// is the log-likelihood ratio of "two histograms" over "one", over n (Lin 1991; used so to segment sequences:
// Bernaola-Galvan, Roman-Roldan, Oliver, Phys. Rev. E 53(5), 1996). Its maximum over l is the most likely
// place of the change. One pass: a record moves from one side to the other and two cells a feature change.
// Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "drift/divergence.h"

namespace drst {

struct Split {
  std::size_t at = 0;  ///< records of the first part; 0: there was no room for a split
  double bits = 0;     ///< JSD_w there, mean over features
  std::vector<double> by_feature;
};

/// Best split with at least `least_first` records before it and `least_last` after it (each >= 1). Bins are
/// cut anew from `values` (rows x features), `bins` a feature.
Split best_split(std::span<const double> values, std::size_t features, std::size_t bins,
                 std::size_t least_first, std::size_t least_last);

}  // namespace drst
