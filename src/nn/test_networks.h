// Random networks and raw inputs for the tests of this room.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "nn/network.h"

namespace drst::testing {

/// Counter-like inputs: a third of them logarithmic.
inline Network random_network(std::size_t inputs, const std::vector<std::size_t>& hidden,
                              Activation activation, uint64_t seed) {
  Random random(seed);
  Network network;
  for (std::size_t i = 0; i < inputs; ++i) {
    network.inputs.push_back("vnf" + std::to_string(i) + "_cycles@-1 \"quoted\"");
    network.log1p.push_back(i % 3 == 0 ? 1 : 0);
    const bool logarithmic = network.log1p.back() != 0;
    network.impute.push_back(static_cast<float>(random.uniform(0, 1e6)));
    network.shift.push_back(
        static_cast<float>(logarithmic ? random.uniform(10, 14) : random.uniform(0, 1e6)));
    if (seed % 2 == 0) {
      network.log_factor.push_back(logarithmic ? std::exp(-network.shift.back()) : 1);
      if (logarithmic) network.shift.back() = 0;
    }
    network.scale.push_back(
        static_cast<float>(logarithmic ? random.uniform(0.5, 2) : random.uniform(0.5e-6, 2e-6)));
  }
  if (seed % 3 == 0) {
    network.exponential = true;
    for (std::size_t i = 0; i < inputs; ++i) {
      network.stand_in.push_back(random.chance(0.5) ? static_cast<int32_t>(random.below(inputs)) : -1);
      network.low.push_back(static_cast<float>(random.uniform(-1, 0)));
      network.high.push_back(static_cast<float>(random.uniform(0, 1)));
    }
  }
  network.layers = make_layers(inputs, hidden, seed);
  network.activation = activation;
  network.output_scale = network.exponential ? 0.7F : 250;
  network.output_shift = network.exponential ? 6 : 900;
  network.non_negative = seed % 2 == 0;
  return network;
}

/// Values up to 2e6, some negative, a tenth missing.
inline std::vector<float> random_raw(const Network& network, std::size_t rows, uint64_t seed) {
  Random random(seed);
  std::vector<float> raw(rows * network.inputs.size());
  for (float& v : raw)
    v = random.chance(0.1) ? std::numeric_limits<float>::quiet_NaN()
                           : static_cast<float>(random.uniform(-1e4, 2e6));
  return raw;
}

}  // namespace drst::testing
