// Extremely randomised trees: Geurts, Ernst and Wehenkel, "Extremely randomized trees", Machine Learning
// 2006.
//
// Each tree sees all rows. A node draws a share of the inputs that vary in it, for each one cut between its
// least and greatest value, and takes the cut that reduces the weighted variance most; where no cut leaves
// both sides enough rows, further inputs are drawn until one does. Counters span decades, so the cut of a
// column that is never negative is drawn uniformly in ln(1 + x); the threshold kept is a raw float32 value
// that parts the rows in the same way. A leaf is the weighted mean of its targets.
//
// A relative error is trained for by weights 1/|y|, or by targets ln(y) and `exponential` in the result, or
// both; the caller chooses.
//
// A tree grows where its weighted squared error is greatest, until no node can be split or the tree has its
// share of `most_nodes`: so a bound on nodes costs the leaves that matter least. Deterministic in the seed,
// whatever the threads: each tree has its own generator. Another order of the rows may give other trees (sums
// are rounded in another order). Pure function.
#pragma once

#include <cstddef>
#include <cstdint>

#include "trees/ensemble.h"
#include "trees/table.h"

namespace drst {

struct ExtraTreesOptions {
  std::size_t trees = 200;
  double feature_share = 0.4;        ///< of the inputs, tried at a split; at least one
  std::size_t least_leaf = 5;        ///< rows
  std::size_t most_nodes = 150'000;  ///< of the whole ensemble
  bool log_splits = true;            ///< cuts uniform in ln(1 + x) where a column is never negative
  uint64_t seed = 1;
  std::size_t threads = 1;
};

/// InputError: see prepare_rows; options out of range. `helper_cpu_s`: gets the CPU seconds of threads other
/// than the caller's added.
TreeEnsemble fit_extra_trees(const TrainTable& table, const ExtraTreesOptions& options,
                             double* helper_cpu_s = nullptr);

}  // namespace drst
