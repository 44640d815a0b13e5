// Training of small networks: Adam (Kingma and Ba 2015) with L2 weight decay added to the gradient, as
// torch.optim.Adam does, mini-batches, sample weights, early stopping. Works on standardised inputs and
// targets (see Network). The loss of a batch is the weighted mean sum(w l) / sum(w). Deterministic: same
// data, options, seed -> same weights, whatever the number of threads elsewhere. A Trainer belongs to one
// thread; independent Trainers may run in parallel. Memory is taken once, in the constructor.
//
// Inside, widths are padded with zeros to whole vectors. Padding has zero weights, so zero gradients, and
// stays zero.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/random.h"
#include "nn/aligned.h"
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

/// Standardised training data; views must outlive its use. x: n x inputs row-major; y, weight: n (weight
/// empty: all 1).
struct TrainData {
  std::span<const float> x;
  std::span<const float> y;
  std::span<const float> weight;
};

class Trainer {
 public:
  /// Takes a copy of the layers; never changes the network they came from.
  Trainer(const std::vector<Dense>& layers, Activation activation, const TrainOptions& options);
  /// One pass over the data in a fresh random order; returns the mean weighted loss, each batch's before its
  /// step. Error(interrupted) if a stop was requested: no training holds up a process that is to end.
  double epoch(const TrainData& data);
  /// One step on all rows of `data` at once, at most `options.batch`; returns the loss before it.
  double step(const TrainData& data);
  /// Mean weighted loss without training.
  double loss(const TrainData& data);
  void predict(std::span<const float> x, std::size_t rows, std::span<float> out);
  [[nodiscard]] std::vector<Dense> layers() const { return unpack(parameters_); }
  /// All weights as they lie in memory: a cheap copy to keep, which `layers(copy)` turns into layers.
  [[nodiscard]] const AlignedFloats& parameters() const { return parameters_; }
  [[nodiscard]] std::vector<Dense> layers(const AlignedFloats& parameters) const {
    return unpack(parameters);
  }
  void set_learning_rate(double rate) {
    options_.learning_rate = rate;
  }  ///< for schedules: from the next step on
  void set_layers(
      const std::vector<Dense>& layers);  ///< for restoring the best epoch; optimizer state is kept
  /// The gradient of the last step, weight decay not included, in the shape of the layers; for checks.
  [[nodiscard]] std::vector<Dense> gradients() const;

 private:
  struct Layer {
    std::size_t inputs, outputs;  // as in Dense
    std::size_t stride_in;        // width of the activations that come in, with padding
    std::size_t columns;          // outputs with padding; 1 for the last layer, whose weights are one row
    std::size_t weights, bias;    // where they start in the flat arrays
    std::size_t transposed;       // where its transpose starts, columns x stride_in
    std::size_t out, slope;       // where its activations and their slopes start
  };
  void check(const TrainData& data) const;
  [[nodiscard]] std::vector<Dense> unpack(const AlignedFloats& flat) const;
  /// Activations of `rows` rows; the last layer's go to predictions_. With `training`, the slopes of GELU
  /// too.
  void run(const float* x, std::size_t rows, bool training);
  /// Sum of weighted losses of predictions_; with a divisor also their derivatives into delta_.
  double weigh(const float* y, const float* weight, std::size_t rows, float divisor);
  void backward(const float* x, std::size_t rows);
  void update();
  double train_batch(const float* x, const float* y, const float* weight, std::size_t rows);

  TrainOptions options_;
  Activation activation_;
  std::size_t room_;  // rows that the buffers hold
  std::vector<Layer> layers_;
  AlignedFloats parameters_, gradients_, first_, second_, transposed_;
  AlignedFloats activations_;  // of all hidden layers, and their slopes
  AlignedFloats delta_, delta_before_, predictions_, ones_;
  AlignedFloats batch_x_, batch_y_, batch_weight_;
  std::vector<std::uint32_t> order_;
  Random random_;
  double beta1_power_ = 1, beta2_power_ = 1;
};

struct FitOptions {
  std::size_t epochs = 8;
  std::size_t patience = 2;  ///< stop after so many epochs without a better score
};

struct FitResult {
  std::vector<Dense> layers;   ///< of the best epoch
  double best_validation = 0;  ///< value of `score` there
  std::size_t epochs = 0;      ///< run
};

/// Judges predictions (standardised, one a row of the validation data): less is better, NaN is worst.
using Score = std::function<double(std::span<const float>)>;

/// Trains on, from where `trainer` is, until the epochs or the patience run out.
FitResult fit(Trainer& trainer, const TrainData& data, std::span<const float> validation_x,
              const Score& score, const FitOptions& fit_options);
/// The same from `layers`.
FitResult fit(const std::vector<Dense>& layers, Activation activation, const TrainOptions& options,
              const TrainData& data, std::span<const float> validation_x, const Score& score,
              const FitOptions& fit_options);

}  // namespace drst
