// Training of small networks: Adam (Kingma and Ba 2015) with L2 weight decay added to the gradient, as torch.optim.Adam does, mini-batches, sample weights,
// early stopping. Works on standardised inputs and targets (see Network). Deterministic: same data, options, seed -> same weights,
// whatever the number of threads elsewhere. A Trainer belongs to one thread; independent Trainers may run in parallel.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/network.h"

namespace drst {

struct TrainOptions {
  double learning_rate = 1e-3;
  std::size_t batch = 32;
  Loss loss = Loss::smooth_l1;
  double weight_decay = 0;
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  uint64_t seed = 1;  ///< order of the mini-batches
};

/// Standardised training data; views must outlive the Trainer. x: n x inputs row-major; y, weight: n (weight empty: all 1).
struct TrainData {
  std::span<const float> x;
  std::span<const float> y;
  std::span<const float> weight;
};

class Trainer {
 public:
  /// Takes a copy of the layers; never changes the network they came from.
  Trainer(std::vector<Dense> layers, Activation activation, const TrainOptions& options);
  /// One pass over the data in a fresh random order; returns the mean weighted loss before each step.
  double epoch(const TrainData& data);
  /// Mean weighted loss without training.
  double loss(const TrainData& data);
  void predict(std::span<const float> x, std::size_t rows, std::span<float> out);
  [[nodiscard]] const std::vector<Dense>& layers() const;
  void set_learning_rate(double rate);  ///< for schedules: from the next step on
  void set_layers(const std::vector<Dense>& layers);  ///< for restoring the best epoch; optimizer state is kept

 private:
  // ... flat parameter, gradient and moment arrays; see train.cpp
};

struct FitResult {
  std::vector<Dense> layers;      ///< of the best epoch
  double best_validation = 0;     ///< value of `score` there
  std::size_t epochs = 0;         ///< run
};

}  // namespace drst
