// Fine-tuning a network on what was labelled lately, as pure functions. Internal to this room.
//
// A refit draws its mini-batches from the memory, newer rows more often (weight e^(-age / decay), age in
// labels), and from the offline table at `offline_weight`, so that its cost is fixed however much is
// remembered. Scaler and target stay as they are, so that a network and its descendants are comparable; only
// the clipping range widens to hold what was seen.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "learn/dataset.h"
#include "learn/model.h"
#include "nn/network.h"
#include "nn/train.h"
#include "tuning/retrainer.h"

namespace drst::tuning {

/// What is learned from, raw. Inputs are those of the network.
struct Material {
  Dataset recent;  ///< labelled rows, oldest first
  Dataset offline;
  double target_floor_share = 0.01;  ///< of the median |y|: smaller targets are learned as that
};

/// How much each row counts: recent ones by their age, then offline ones.
std::vector<double> row_weights(const Material& material, const TuningSettings& settings);

/// Standardised rows with sampling weights: recent rows, then offline ones.
struct Pool {
  std::vector<float> x, z;
  std::vector<double> cumulative;  ///< of the weights
  std::size_t width = 0;

  [[nodiscard]] std::size_t rows() const { return z.size(); }
  /// A row drawn by weight; u in [0, 1).
  [[nodiscard]] std::size_t draw(double u) const;
};

/// Widens the clipping of `network` to the recent rows, and standardises.
Pool make_pool(Network& network, const Material& material, const TuningSettings& settings);

/// Trains `network` in place for `settings.refit_steps` mini-batches drawn from the pool.
void fine_tune(Network& network, const Pool& pool, const TuningSettings& settings,
               const TrainOptions& options, uint64_t seed);

/// A refit as it is done between drifts: make_pool, then fine_tune with the refit settings.
Network refit(Network network, const Material& material, const TuningSettings& settings, uint64_t seed);

/// The same for all networks of a line, which share their inputs: each with a seed of its own.
std::vector<Network> refit_all(const std::vector<Network>& networks, const Material& material,
                               const TuningSettings& settings, uint64_t seed);

/// Networks of one line serve together, as the mean of their logarithms where they predict such.
std::shared_ptr<const Model> model_of(const std::vector<Network>& networks);

/// `network` with further inputs that it gives no weight yet, scaled by what `recent` shows of them: predicts
/// the same, and can learn columns that another topology brought. Inputs it has already are skipped.
Network with_new_inputs(Network network, const std::vector<std::string>& inputs, const Dataset& recent);

/// min(|p - y| / max(|y|, epsilon), 1); 1 for a prediction that is no number.
double bounded_error(float prediction, float truth, double epsilon);

/// Mean of it over the data.
double bounded_loss(const Network& network, const Dataset& data, double epsilon);

}  // namespace drst::tuning
