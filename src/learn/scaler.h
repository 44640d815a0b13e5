// The two ends of a network that are not trained by gradient: how raw counters are standardised, and how the
// target is.
//
// Fitted on training rows only, and part of the network from then on (nn/network.h), so whoever has the model
// has its scaler. Logarithms: counters span decades and act as ratios; a target learned as ln(y) makes an
// absolute loss a relative error, which is what the metric counts.
#pragma once

#include <span>
#include <vector>

#include "learn/dataset.h"
#include "nn/network.h"

namespace drst {

struct InputOptions {
  bool log_inputs = true;  ///< ln(1 + x) for inputs that are never negative
  bool clip = true;        ///< to the range of the training rows
};

/// Sets inputs, stand_in, impute, log1p, shift, scale, low, high of `network` from the rows `rows` of `data`;
/// leaves layers and target alone.
void fit_inputs(Network& network, const Dataset& data, std::span<const std::size_t> rows,
                const InputOptions& options);

/// Widens the clipping range so that it holds the rows of `data` too (for fine-tuning on a world with other
/// counters). Never narrows it.
void widen_clipping(Network& network, const Dataset& data);

/// Sets output_shift, output_scale, exponential, non_negative. `log_target`: ln(max(y, floor)).
void fit_target(Network& network, std::span<const float> y, bool log_target, double floor);

/// What the layers are trained on: z with y = network's un-standardising of z.
std::vector<float> standardise_target(const Network& network, std::span<const float> y, double floor);

/// The smallest target that is told apart from zero: `share` of the median of |y|.
double target_floor(std::span<const float> y, double share);

}  // namespace drst
