// Which inputs a model gets: the k with the largest |Pearson correlation| to the target, judged on the
// training rows only.
//
// Left out and counted: inputs that are constant, all missing, or equal, value by value, to an earlier one.
// Ties keep the order of the data set. Missing cells are left out pairwise. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "learn/dataset.h"

namespace drst {

struct FeatureChoice {
  std::vector<std::string> inputs;  ///< chosen, in the order of the data set
  std::vector<double> correlation;  ///< Pearson's r with the target, one an input of `inputs`
  std::size_t constant = 0, all_missing = 0, duplicate = 0;
};

/// `k` 0: all that are usable.
FeatureChoice choose_features(const Dataset& data, std::span<const std::size_t> train_rows, std::size_t k);
/// The same; InputError saying why if no input is left.
FeatureChoice need_features(const Dataset& data, std::span<const std::size_t> train_rows, std::size_t k);

}  // namespace drst
