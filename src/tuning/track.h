// The record of what was predicted before the label was known: how baseline, live model and challenger
// compare. Internal to this room.
#pragma once

#include <cstddef>

#include "tuning/memory.h"

namespace drst::tuning {

/// Mean and standard error of paired differences between neighbouring rows.
struct Difference {
  double sum = 0, squares = 0, rows = 0;

  void add(double d);
  [[nodiscard]] double mean() const;
  /// Neighbouring errors go together, so only one row in `rows_a_fact` counts as a fact of its own.
  [[nodiscard]] double error(double rows_a_fact) const;
};

/// Mean bounded errors over the newest labelled rows, and paired differences with their standard errors.
struct Record {
  std::size_t rows = 0;
  double baseline = 0, live = 0, challenger = 0;
  double challenger_gain = 0,
         challenger_error = 0;           ///< baseline minus challenger; standard error of that mean
  double live_gain = 0, live_error = 0;  ///< baseline minus live
};

/// Over the last `most` rows of the memory.
Record compare(const Memory& memory, std::size_t most, double epsilon, double rows_a_fact);

}  // namespace drst::tuning
