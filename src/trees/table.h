// Training rows as the trainers of trees take them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/aligned.h"
#include "trees/ensemble.h"

namespace drst {

/// What the caller has; the spans must outlive the call they are given to.
struct TrainTable {
  std::vector<std::string> inputs;
  std::vector<int32_t> stand_in;  ///< as TreeEnsemble::stand_in
  std::vector<float> impute;      ///< as TreeEnsemble::impute; empty: the medians of the rows
  std::span<const float> x;       ///< rows x inputs, row-major, raw; NaN = missing
  std::span<const float> y;       ///< per row: what the leaves average, ln(y) for a relative error; finite
  std::span<const float> weight;  ///< per row, not negative; empty: all 1; 0: the row is left out
};

/// The same, ready: no gaps, nothing infinite, no row of weight 0.
struct TrainRows {
  std::size_t rows = 0;
  std::size_t stride = 0;     ///< floats from one row to the next; columns past the last are 0
  AlignedFloats x;            ///< rows x stride
  std::vector<float> weight;  ///< mean 1
  std::vector<float> target;  ///< (y - mean) / deviation, both weighted
  double mean = 0;
  double deviation = 1;
  std::vector<float> impute;
};

/// InputError: sizes that do not fit, no row of positive weight, a target or weight that is not finite.
/// Infinite counters become the largest float32, which takes the same branches.
TrainRows prepare_rows(const TrainTable& table);

}  // namespace drst
