#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "learn/families.h"
#include "learn/fitting.h"
#include "learn/scaler.h"
#include "nn/train.h"

namespace drst::learn {
namespace {

constexpr uint64_t seed_layers = 1, seed_batches = 2, seed_noise = 3;

/// Gaussian noise for the inputs. Drawing a fresh normal for each cell of each epoch would cost more than the
/// training step; rows take their noise from random places of one long strip instead.
class Noise {
 public:
  Noise(double deviation, std::size_t width, uint64_t seed)
      : random_(seed), width_(width), strip_(deviation > 0 ? 16'384 + width : 0) {
    for (auto& value : strip_) value = static_cast<float>(deviation * random_.normal());
  }
  void add(const std::vector<float>& x, std::vector<float>& out) {
    for (std::size_t row = 0; row + width_ <= x.size(); row += width_) {
      const float* noise = strip_.data() + random_.below(strip_.size() - width_);
      for (std::size_t i = 0; i < width_; ++i) out[row + i] = x[row + i] + noise[i];
    }
  }
  [[nodiscard]] bool none() const { return strip_.empty(); }

 private:
  Random random_;
  std::size_t width_;
  std::vector<float> strip_;
};

std::vector<std::size_t> widths(const std::vector<int64_t>& hidden) {
  std::vector<std::size_t> result;
  for (const int64_t width : hidden) {
    if (width < 1 || width > 4096)
      throw InputError("model.hidden: a layer of " + to_text(width) + " units is not between 1 and 4096");
    result.push_back(static_cast<std::size_t>(width));
  }
  return result;
}

}  // namespace

Fit fit_mlp(const FitRequest& request, const ModelSettings& settings) {
  const Random seeds(request.seed);
  Prepared prepared = prepare(request, settings, 1);
  Fit fit;
  fit.network = std::move(prepared.network);
  Network& network = fit.network;
  const std::size_t width = network.inputs.size();
  network.activation = settings.activation == "gelu" ? Activation::gelu : Activation::relu;
  network.layers = make_layers(width, widths(settings.hidden), seeds.fork(seed_layers)());

  TrainOptions options;
  options.learning_rate = settings.learning_rate;
  options.batch = static_cast<std::size_t>(settings.batch);
  options.loss = settings.loss == "mse" ? Loss::mse : Loss::smooth_l1;
  options.weight_decay = settings.weight_decay;
  options.seed = seeds.fork(seed_batches)();
  Trainer trainer(network.layers, network.activation, options);
  Noise noise(settings.input_noise, width, seeds.fork(seed_noise)());

  std::vector<float> noisy = prepared.x;
  double best = std::numeric_limits<double>::infinity();
  std::size_t since_best = 0;
  for (std::size_t epoch = 0; epoch < request.epochs; ++epoch) {
    const double left = 1 - static_cast<double>(epoch) / static_cast<double>(request.epochs);
    trainer.set_learning_rate(settings.learning_rate * std::max(left, settings.final_rate_share));
    if (!noise.none()) noise.add(prepared.x, noisy);
    trainer.epoch({noisy, prepared.z, prepared.weight});
    if (request.validation == nullptr) continue;
    Network now = network;
    now.layers = trainer.layers();
    const Metrics metrics = evaluate(now, *request.validation, settings.epsilon);
    if (metrics.bounded < best) {
      best = metrics.bounded;
      since_best = 0;
      fit.validation = metrics;
      fit.epochs = epoch + 1;
      network.layers = std::move(now.layers);
    } else if (++since_best > static_cast<std::size_t>(settings.patience)) {
      break;
    }
  }
  if (request.validation == nullptr) {
    network.layers = trainer.layers();
    fit.epochs = request.epochs;
  }
  return fit;
}

}  // namespace drst::learn
