// Gradient boosted trees: Chen and Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016, trained by
// the xgboost library and taken over into a TreeEnsemble, so that everything else (predicting, publishing)
// needs no xgboost.
//
// Histograms of the inputs' quantiles, so no scale of an input matters and there are no logarithms to take.
// Gaps are filled before training (table.h) and again when predicting: the library sees no missing value. It
// compares by x < threshold, and so does the ensemble. Deterministic in the seed for one number of threads;
// another number may round sums in another order. The library keeps OpenMP threads and is told how many it
// may use at each call. May be called from several threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "trees/ensemble.h"
#include "trees/table.h"

namespace drst {

enum class BoostedLoss { squared, pseudo_huber };  ///< pseudo-Huber: slope 1 beyond `huber_slope` deviations

struct BoostedOptions {
  std::size_t rounds = 300;  ///< trees
  double learning_rate = 0.05;
  std::size_t depth = 6;
  double least_child_weight = 3;  ///< rows of mean weight
  double row_share = 0.7;         ///< drawn for a tree
  double column_share = 0.4;      ///< drawn for a tree
  double penalty = 1;             ///< on the squares of leaf values (lambda)
  /// Quantiles of an input at whose edges it may be split. Fewer are faster, but with weights 1/y 64 of them
  /// gave 0.26 where 256 give 0.63 (stage2, docs/figures.md).
  std::size_t bins = 256;
  BoostedLoss loss = BoostedLoss::squared;
  double huber_slope = 1;  ///< in deviations of the target
  uint64_t seed = 1;
  std::size_t threads = 1;  ///< the library's threads wait actively: only on cores that are free
};

/// InputError: see prepare_rows; options out of range. FailedError: the library failed.
TreeEnsemble fit_boosted(const TrainTable& table, const BoostedOptions& options);

}  // namespace drst
