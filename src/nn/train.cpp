#include "nn/train.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/stop.h"
#include "base/text.h"
#include "nn/kernels.h"

namespace drst {

namespace {

constexpr std::size_t kPad = 16;      // floats to a cache line and to the longest vector
constexpr std::size_t kPredict = 64;  // rows predicted at once, where batches are smaller
std::size_t padded(std::size_t n) { return (n + kPad - 1) / kPad * kPad; }

/// Loss and its derivative at prediction - truth.
struct Point {
  float loss, slope;
};
Point smooth_l1(float difference) {
  const float size = std::fabs(difference);
  return size < 1 ? Point{0.5F * difference * difference, difference}
                  : Point{size - 0.5F, std::copysign(1.0F, difference)};
}
Point squared(float difference) { return {difference * difference, 2 * difference}; }

}  // namespace

Trainer::Trainer(const std::vector<Dense>& layers, Activation activation, const TrainOptions& options)
    : options_(options),
      activation_(activation),
      room_(std::max(options.batch, kPredict)),
      random_(options.seed) {
  if (layers.empty() || layers.back().outputs != 1)
    throw InputError("training: the last layer must have one output");
  if (options.batch == 0) throw InputError("training: a batch must hold at least one row");
  std::size_t flat = 0;
  std::size_t transposed = 0;
  std::size_t held = 0;
  std::size_t stride = layers.front().inputs;
  std::size_t widest = 0;
  for (const auto& dense : layers) {
    const bool last = &dense == &layers.back();
    Layer layer{};
    layer.inputs = dense.inputs;
    layer.outputs = dense.outputs;
    layer.stride_in = stride;
    layer.columns = last ? 1 : padded(dense.outputs);
    layer.weights = flat;
    flat += padded(stride * layer.columns);
    layer.bias = flat;
    flat += padded(layer.columns);
    if (!last) {
      layer.transposed = transposed;
      transposed += layer.columns * stride;
      layer.out = held;
      held += room_ * layer.columns;
      layer.slope = held;
      held += activation == Activation::gelu ? room_ * layer.columns : 0;
      widest = std::max(widest, layer.columns);
    }
    stride = layer.columns;
    layers_.push_back(layer);
  }
  parameters_.assign(flat, 0);
  gradients_.assign(flat, 0);
  first_.assign(flat, 0);
  second_.assign(flat, 0);
  transposed_.assign(transposed, 0);
  activations_.assign(held, 0);
  delta_.assign(room_ * std::max<std::size_t>(widest, 1), 0);
  delta_before_.assign(delta_.size(), 0);
  predictions_.assign(room_, 0);
  ones_.assign(options.batch, 1);
  batch_x_.assign(options.batch * layers.front().inputs, 0);
  batch_y_.assign(options.batch, 0);
  batch_weight_.assign(options.batch, 1);
  set_layers(layers);
}

void Trainer::set_layers(const std::vector<Dense>& layers) {
  if (layers.size() != layers_.size()) throw InputError("training: layers of another network");
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto& layer = layers_[l];
    const auto& dense = layers[l];
    if (dense.inputs != layer.inputs || dense.outputs != layer.outputs ||
        dense.weights.size() != dense.inputs * dense.outputs || dense.bias.size() != dense.outputs)
      throw InputError("training: layer " + to_text(l) + " does not fit its network");
    for (std::size_t i = 0; i < dense.inputs; ++i)
      std::copy_n(&dense.weights[i * dense.outputs], dense.outputs,
                  &parameters_[layer.weights + i * layer.columns]);
    std::copy(dense.bias.begin(), dense.bias.end(), &parameters_[layer.bias]);
  }
}

std::vector<Dense> Trainer::unpack(const AlignedFloats& flat) const {
  std::vector<Dense> layers;
  for (const auto& layer : layers_) {
    Dense dense{layer.inputs, layer.outputs, std::vector<float>(layer.inputs * layer.outputs),
                std::vector<float>(layer.outputs)};
    for (std::size_t i = 0; i < layer.inputs; ++i)
      std::copy_n(&flat[layer.weights + i * layer.columns], layer.outputs, &dense.weights[i * layer.outputs]);
    std::copy_n(&flat[layer.bias], layer.outputs, dense.bias.begin());
    layers.push_back(std::move(dense));
  }
  return layers;
}

std::vector<Dense> Trainer::gradients() const { return unpack(gradients_); }

void Trainer::check(const TrainData& data) const {
  const std::size_t n = data.y.size();
  if (data.x.size() != n * layers_.front().inputs || (!data.weight.empty() && data.weight.size() != n))
    throw InputError("training: " + to_text(data.x.size()) + " inputs and " + to_text(data.weight.size()) +
                     " weights for " + to_text(n) + " rows of " + to_text(layers_.front().inputs));
  if (n > std::numeric_limits<std::uint32_t>::max()) throw InputError("training: more than 2^32 rows");
}

void Trainer::run(const float* x, std::size_t rows, bool training) {
  const auto& k = nn::kernels();
  for (const auto& layer : layers_) {
    const float* w = &parameters_[layer.weights];
    const float* b = &parameters_[layer.bias];
    if (&layer == &layers_.back()) {
      k.dot(x, layer.stride_in, w, *b, predictions_.data(), rows, layer.stride_in);
      return;
    }
    float* out = &activations_[layer.out];
    k.gemm({x, layer.stride_in, 1}, w, layer.columns, b, out, layer.columns, rows, layer.inputs,
           layer.columns);
    const std::size_t n = rows * layer.columns;
    if (activation_ == Activation::relu) {
      k.relu(out, n);
    } else if (training) {
      k.gelu_slope(out, &activations_[layer.slope], n);
    } else {
      k.gelu(out, n);
    }
    x = out;
  }
}

double Trainer::weigh(const float* y, const float* weight, std::size_t rows, float divisor) {
  double sum = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    const float difference = predictions_[r] - y[r];
    const Point point = options_.loss == Loss::smooth_l1 ? smooth_l1(difference) : squared(difference);
    const float w = weight == nullptr ? 1.0F : weight[r];
    sum += static_cast<double>(w) * static_cast<double>(point.loss);
    if (divisor > 0) delta_[r] = w * point.slope / divisor;
  }
  return sum;
}

void Trainer::backward(const float* x, std::size_t rows) {
  const auto& k = nn::kernels();
  for (std::size_t l = layers_.size(); l-- > 0;) {
    const auto& layer = layers_[l];
    const float* in = l == 0 ? x : &activations_[layers_[l - 1].out];
    const float* w = &parameters_[layer.weights];
    const bool last = l + 1 == layers_.size();
    float* gradient = &gradients_[layer.weights];
    if (last) {
      k.gemm({delta_.data(), 0, 1}, in, layer.stride_in, nullptr, gradient, layer.stride_in, 1, rows,
             layer.stride_in);
    } else {
      k.gemm({in, 1, layer.stride_in}, delta_.data(), layer.columns, nullptr, gradient, layer.columns,
             layer.inputs, rows, layer.columns);
    }
    k.gemm({ones_.data(), 0, 1}, delta_.data(), layer.columns, nullptr, &gradients_[layer.bias],
           layer.columns, 1, rows, layer.columns);
    if (l == 0) return;
    const auto& before = layers_[l - 1];
    if (last) {
      k.gemm({delta_.data(), 1, 0}, w, layer.stride_in, nullptr, delta_before_.data(), layer.stride_in, rows,
             1, layer.stride_in);
    } else {
      float* turned = &transposed_[layer.transposed];
      k.transpose(w, layer.columns, turned, layer.stride_in, layer.stride_in, layer.columns);
      k.gemm({delta_.data(), layer.columns, 1}, turned, layer.stride_in, nullptr, delta_before_.data(),
             layer.stride_in, rows, layer.outputs, layer.stride_in);
    }
    const std::size_t n = rows * before.columns;
    if (activation_ == Activation::relu) {
      k.relu_mask(delta_before_.data(), &activations_[before.out], n);
    } else {
      k.multiply(delta_before_.data(), &activations_[before.slope], n);
    }
    std::swap(delta_, delta_before_);
  }
}

void Trainer::update() {
  beta1_power_ *= options_.beta1;
  beta2_power_ *= options_.beta2;
  const nn::AdamStep step{static_cast<float>(options_.beta1),
                          static_cast<float>(options_.beta2),
                          static_cast<float>(options_.epsilon),
                          static_cast<float>(options_.weight_decay),
                          static_cast<float>(options_.learning_rate / (1 - beta1_power_)),
                          static_cast<float>(1 / std::sqrt(1 - beta2_power_))};
  nn::kernels().adam(step, parameters_.data(), gradients_.data(), first_.data(), second_.data(),
                     parameters_.size());
}

double Trainer::train_batch(const float* x, const float* y, const float* weight, std::size_t rows) {
  const double total =
      weight == nullptr ? static_cast<double>(rows) : std::accumulate(weight, weight + rows, 0.0);
  if (!(total > 0)) return 0;  // rows of no weight teach nothing
  run(x, rows, true);
  const double sum = weigh(y, weight, rows, static_cast<float>(total));
  backward(x, rows);
  update();
  return sum;
}

double Trainer::step(const TrainData& data) {
  check(data);
  const std::size_t n = data.y.size();
  if (n == 0 || n > options_.batch)
    throw InputError("training: a step takes 1 to " + to_text(options_.batch) + " rows");
  const double total = data.weight.empty() ? static_cast<double>(n)
                                           : std::accumulate(data.weight.begin(), data.weight.end(), 0.0);
  const double sum =
      train_batch(data.x.data(), data.y.data(), data.weight.empty() ? nullptr : data.weight.data(), n);
  return total > 0 ? sum / total : 0;
}

double Trainer::epoch(const TrainData& data) {
  throw_if_stopped();
  check(data);
  const std::size_t n = data.y.size();
  const std::size_t inputs = layers_.front().inputs;
  order_.resize(n);
  std::iota(order_.begin(), order_.end(), 0U);
  random_.shuffle(order_.begin(), order_.end());
  const bool weighted = !data.weight.empty();
  double sum = 0;
  for (std::size_t first = 0; first < n; first += options_.batch) {
    const std::size_t rows = std::min(options_.batch, n - first);
    for (std::size_t r = 0; r < rows; ++r) {
      const std::size_t row = order_[first + r];
      std::copy_n(&data.x[row * inputs], inputs, &batch_x_[r * inputs]);
      batch_y_[r] = data.y[row];
      if (weighted) batch_weight_[r] = data.weight[row];
    }
    sum += train_batch(batch_x_.data(), batch_y_.data(), weighted ? batch_weight_.data() : nullptr, rows);
  }
  const double total =
      weighted ? std::accumulate(data.weight.begin(), data.weight.end(), 0.0) : static_cast<double>(n);
  return total > 0 ? sum / total : 0;
}

double Trainer::loss(const TrainData& data) {
  check(data);
  const std::size_t n = data.y.size();
  double sum = 0;
  double total = 0;
  for (std::size_t first = 0; first < n; first += room_) {
    const std::size_t rows = std::min(room_, n - first);
    run(&data.x[first * layers_.front().inputs], rows, false);
    const float* weight = data.weight.empty() ? nullptr : &data.weight[first];
    sum += weigh(&data.y[first], weight, rows, 0);
    total += weight == nullptr ? static_cast<double>(rows) : std::accumulate(weight, weight + rows, 0.0);
  }
  return total > 0 ? sum / total : 0;
}

void Trainer::predict(std::span<const float> x, std::size_t rows, std::span<float> out) {
  const std::size_t inputs = layers_.front().inputs;
  if (x.size() != rows * inputs || out.size() != rows)
    throw InputError("training: predict got " + to_text(x.size()) + " inputs for " + to_text(rows) + " rows");
  for (std::size_t first = 0; first < rows; first += room_) {
    const std::size_t count = std::min(room_, rows - first);
    run(&x[first * inputs], count, false);
    std::copy_n(predictions_.begin(), count, &out[first]);
  }
}

FitResult fit(Trainer& trainer, const TrainData& data, std::span<const float> validation_x,
              const Score& score, const FitOptions& fit_options) {
  const std::size_t inputs = data.y.empty() ? 0 : data.x.size() / data.y.size();
  const std::size_t rows = inputs == 0 ? 0 : validation_x.size() / inputs;
  if (rows == 0) throw InputError("training: early stopping needs rows to train on and rows to validate on");
  std::vector<float> predictions(rows);
  FitResult result;
  result.best_validation = std::numeric_limits<double>::infinity();
  std::size_t since_best = 0;
  while (result.epochs < fit_options.epochs) {
    trainer.epoch(data);
    ++result.epochs;
    trainer.predict(validation_x, rows, predictions);
    const double value = score(predictions);
    if (value < result.best_validation || result.layers.empty()) {
      result.best_validation = std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
      result.layers = trainer.layers();
      since_best = 0;
    } else if (++since_best >= fit_options.patience) {
      break;
    }
  }
  if (result.layers.empty()) result.layers = trainer.layers();
  return result;
}

FitResult fit(const std::vector<Dense>& layers, Activation activation, const TrainOptions& options,
              const TrainData& data, std::span<const float> validation_x, const Score& score,
              const FitOptions& fit_options) {
  Trainer trainer(layers, activation, options);
  return fit(trainer, data, validation_x, score, fit_options);
}

}  // namespace drst
