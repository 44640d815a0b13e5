// Training, family by family, behind one function.
//
// `mlp`: 64-32 ReLU network, Adam, Smooth L1, noise on the standardised inputs, a learning rate that falls to
// nothing, early stopping. `ridge`: weighted least squares with a penalty chosen by validation, published as
// a network without hidden layers. `extra_trees`, `gbt`: tree ensembles (trees/), of ln(y) where the target
// has a logarithm, else weighted by 1/|y|. `mixture`: several mlps that differ by their seeds and
// extra-trees, half of the weight each, as the geometric mean where there are logarithms: they err in
// different places. `auto`: whichever errs less on validation plus stress: bands of the target held out of
// training, the nearest thing to a new world that an offline table has (a linear model that is best within
// its world can be worthless beyond). What is left open by the settings (lags, logarithms) is decided the
// same way by short trials, each against the default; every decision is in `settings` of the result. A
// validation figure always belongs to a model that saw no validation row; with `refit_on_all` the published
// weights are then trained the same way on all rows. Deterministic in seed, whatever the threads. Pure
// functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "learn/dataset.h"
#include "learn/metrics.h"
#include "learn/model.h"
#include "learn/settings.h"
#include "learn/split.h"
#include "nn/network.h"

namespace drst {

struct TrainedModel {
  std::string family;
  std::shared_ptr<const Model> model;
  std::vector<float> relevance;            ///< by input, mean 1: Model::relevance
  std::shared_ptr<const Network> scaling;  ///< beside trees: Model::scaling
  Metrics validation;                      ///< on split.validation
  double stress = 0;  ///< mean bounded error on bands of the target held out of training; 0: not measured
  std::size_t epochs = 0;                       ///< of the published weights; 0: not trained in epochs
  std::map<std::string, std::string> settings;  ///< what was decided, for the lineage
  std::map<std::string, Metrics> families;      ///< validation figures of all families that were tried
};

/// What travels in the model file beside the graph: relevance and scaling.
std::map<std::string, std::string> metadata_of(const TrainedModel& trained);

/// Names that `train_family` knows, "auto" first.
const std::vector<std::string>& known_families();

/// `data` holds all candidate inputs, lags among them. InputError: unknown family, no training or validation
/// rows, no usable input.
TrainedModel train_family(const std::string& family, const Dataset& data, const Split& split,
                          const ModelSettings& settings, uint64_t seed);

/// Scores on `data`, inputs matched by name.
Metrics evaluate(const Network& network, const Dataset& data, double epsilon);
Metrics evaluate(const Model& model, const Dataset& data, double epsilon);

}  // namespace drst
