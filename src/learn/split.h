// Splits in time that do not leak.
//
// Neighbouring seconds of an experiment are nearly the same row, and a lag input holds its neighbour
// outright; a random split would put copies of the training rows into the validation part. Here a validation
// part is a block of consecutive rows, whole experiments where there are enough, else with a gap to either
// side; lag inputs of a block's first rows never reach a training row because the gap is at least one row.
// Pure functions of sizes; row numbers ascending.
#pragma once

#include <cstddef>
#include <vector>

namespace drst {

struct Split {
  std::vector<std::size_t> train;
  std::vector<std::size_t> validation;
};

/// The last `share` of the rows as validation: whole experiments if a boundary lies within half that share of
/// the wanted cut, else the rows after a gap of `gap` rows (at least 1).
Split split_last(const std::vector<std::size_t>& starts, std::size_t rows, double share, std::size_t gap);

/// `folds` splits; fold f validates on the f-th of `folds` consecutive blocks and trains on the rest, less
/// `gap` rows (at least 1) on both sides of a cut that is not at the start of an experiment. Cuts move to the
/// nearest start of an experiment within half a block.
std::vector<Split> split_blocks(const std::vector<std::size_t>& starts, std::size_t rows, std::size_t folds,
                                std::size_t gap);

}  // namespace drst
