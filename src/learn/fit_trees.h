// Trees fitted on rows with weights: offline by families, and online, when a model of trees is refitted.
//
// Extra-trees are grown anew in a tenth of a second, so a refit is nothing else than the same training on
// other rows. Boosted trees take several times that; `boost_on` leaves the base as it is and adds a few trees
// that learn what it misses on the rows given. For the squared error that is the same as going on from the
// base's margin (the library's base_margin): the gradient is the residual. Trees of both are one ensemble.
// Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "learn/dataset.h"
#include "learn/model.h"
#include "learn/settings.h"

namespace drst {

struct TreeTask {
  bool log_inputs = true;     ///< extra_trees: cuts uniform in the logarithm
  bool log_target = true;     ///< else rows are weighted by 1/|y|, so that the loss is relative
  double floor_share = 0.01;  ///< of the median |y|: smaller targets are learned as that
};

/// `family`: extra_trees or gbt. InputError for rows that cannot be learned from (trees/table.h).
/// `helper_cpu_s`: gets the CPU seconds of threads other than the caller's added.
std::unique_ptr<Model> fit_trees(const std::string& family, const Dataset& data, const TreeTask& task,
                                 const ModelSettings& settings, uint64_t seed,
                                 double* helper_cpu_s = nullptr);

/// Whether these are boosted trees as `fit_trees` makes them.
bool can_be_boosted_on(const Model& base);

struct BoostOn {
  std::size_t rounds = 30;  ///< trees
  std::size_t depth = 4;
  double learning_rate = 0.1;
  uint64_t seed = 1;
};

/// `base` and more trees. `data`: the base's inputs. InputError: the base cannot be boosted on; as for
/// fit_trees.
std::unique_ptr<Model> boost_on(const Model& base, const Dataset& data, const TreeTask& task,
                                const BoostOn& more);

}  // namespace drst
