// Inside of families: one fit of one family with everything decided. Not for other rooms.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "learn/dataset.h"
#include "learn/metrics.h"
#include "learn/settings.h"
#include "nn/network.h"

namespace drst::learn {

/// What settings may leave to validation.
struct Recipe {
  bool lags = true;
  bool log_inputs = true;
  bool log_target = true;
};

/// A part of the training rows held out together, and the rest.
struct Fold {
  Dataset train, validation;
};

struct FitRequest {
  const Dataset* train = nullptr;
  const Dataset* validation = nullptr;  ///< null: train for `epochs` without looking
  Recipe recipe;
  std::size_t epochs = 0;         ///< mlp: at most
  std::optional<double> penalty;  ///< ridge: given, or chosen by validation
  uint64_t seed = 1;
  const std::vector<Fold>* folds = nullptr;  ///< worlds held out: `Fit::stress` is judged on them
};

struct Fit {
  Network network;
  Metrics validation;
  double stress = 0;  ///< mean bounded error over the folds; 0 without
  std::size_t epochs = 0;
  double penalty = 0;
};

Fit fit_mlp(const FitRequest& request, const ModelSettings& settings);
Fit fit_ridge(const FitRequest& request, const ModelSettings& settings);

/// A network without layers yet, its ends fitted on the training rows; and what its layers are to learn.
struct Prepared {
  Network network;
  std::vector<float> x, z, weight;  ///< standardised inputs, targets; loss weights (empty: all 1)
};
/// `weight_power`: a linear target is weighted by 1/|y| to this power so that the loss is relative; a
/// logarithmic one needs none.
Prepared prepare(const FitRequest& request, const ModelSettings& settings, double weight_power);

}  // namespace drst::learn
