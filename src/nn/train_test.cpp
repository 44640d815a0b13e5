#include "nn/train.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "nn/golden_nn.h"

namespace drst {
namespace {

std::vector<float> sines(std::size_t count, double step, double scale) {
  std::vector<float> values;
  for (std::size_t i = 1; i <= count; ++i)
    values.push_back(static_cast<float>(scale * std::sin(step * static_cast<double>(i))));
  return values;
}

/// The starting network of tools/golden_nn.py.
std::vector<Dense> golden_start() {
  const std::vector<std::size_t> sizes = {3, 4, 2, 1};
  const auto flat = sines(29, 1.7, 0.6);
  std::vector<Dense> layers;
  auto at = flat.begin();
  for (std::size_t l = 0; l + 1 < sizes.size(); ++l) {
    Dense layer{sizes[l], sizes[l + 1], {}, {}};
    const auto weights = static_cast<std::ptrdiff_t>(layer.inputs * layer.outputs);
    const auto outputs = static_cast<std::ptrdiff_t>(layer.outputs);
    layer.weights.assign(at, at + weights);
    layer.bias.assign(at + weights, at + weights + outputs);
    at += weights + outputs;
    layers.push_back(layer);
  }
  return layers;
}

TEST(Train, StepsMatchTheGoldenValues) {
  const std::size_t rows = 6;
  const auto x = sines(rows * 5 * 3, 2.3, 1.5);
  const auto y = sines(rows * 5, 0.9, 2.0);
  auto weight = sines(rows * 5, 3.1, 0.9);
  for (float& w : weight) w = 1 + std::abs(w);
  for (const auto& golden : golden::trainings()) {
    TrainOptions options;
    options.learning_rate = golden.learning_rate;
    options.weight_decay = golden.weight_decay;
    options.loss = golden.loss;
    options.batch = rows;
    Trainer trainer(golden_start(), golden.activation, options);
    std::vector<float> first(rows);
    trainer.predict(std::span(x).first(rows * 3), rows, first);
    for (std::size_t r = 0; r < rows; ++r)
      EXPECT_NEAR(static_cast<double>(first[r]), golden.first_row[r], 1e-6);
    for (std::size_t s = 0; s < 5; ++s) {
      const TrainData batch{std::span(x).subspan(s * rows * 3, rows * 3),
                            std::span(y).subspan(s * rows, rows), std::span(weight).subspan(s * rows, rows)};
      EXPECT_NEAR(trainer.loss(batch), golden.losses[s], 2e-6);
      EXPECT_NEAR(trainer.step(batch), golden.losses[s], 2e-6);
    }
    std::size_t at = 0;
    for (const auto& layer : trainer.layers()) {
      for (const float w : layer.weights) EXPECT_NEAR(static_cast<double>(w), golden.parameters[at++], 5e-6);
      for (const float b : layer.bias) EXPECT_NEAR(static_cast<double>(b), golden.parameters[at++], 5e-6);
    }
    EXPECT_EQ(at, golden.parameters.size());
  }
}

struct Data {
  std::vector<float> x, y, weight;
  [[nodiscard]] TrainData view() const { return {x, y, weight}; }
};

Data noisy_data(std::size_t rows, std::size_t inputs, uint64_t seed) {
  Random random(seed);
  Data data;
  for (std::size_t r = 0; r < rows; ++r) {
    double sum = 0;
    for (std::size_t i = 0; i < inputs; ++i) {
      data.x.push_back(static_cast<float>(random.normal()));
      sum += static_cast<double>(data.x.back()) * (i % 2 == 0 ? 0.7 : -0.4);
    }
    data.y.push_back(static_cast<float>(std::tanh(sum) + 0.05 * random.normal()));
    data.weight.push_back(static_cast<float>(random.uniform(0.1, 2)));
  }
  return data;
}

TEST(Train, GradientsMatchFiniteDifferences) {
  const auto data = noisy_data(20, 5, 3);
  for (const auto activation : {Activation::relu, Activation::gelu}) {
    for (const auto loss : {Loss::smooth_l1, Loss::mse}) {
      for (const auto& hidden : {std::vector<std::size_t>{}, {7}, {24, 11}, {5, 1, 3}}) {
        TrainOptions options;
        options.loss = loss;
        options.batch = 20;
        const auto start = make_layers(5, hidden, 4);
        Trainer trainer(start, activation, options);
        trainer.step(data.view());
        const auto gradients = trainer.gradients();
        Random random(5);
        for (int probe = 0; probe < 40; ++probe) {
          const std::size_t l = random.below(start.size());
          const bool bias = random.chance(0.3);
          const auto& gradient = bias ? gradients[l].bias : gradients[l].weights;
          const std::size_t i = random.below(gradient.size());
          const float step = 2e-3F;
          auto moved = start;
          const auto loss_at = [&](float delta) {
            auto& values = bias ? moved[l].bias : moved[l].weights;
            const auto& from = bias ? start[l].bias : start[l].weights;
            values[i] = from[i] + delta;
            trainer.set_layers(moved);
            return trainer.loss(data.view());
          };
          const double slope = (loss_at(step) - loss_at(-step)) / static_cast<double>(2 * step);
          EXPECT_NEAR(static_cast<double>(gradient[i]), slope, 2e-3)
              << "layer " << l << (bias ? " bias " : " weight ") << i;
        }
      }
    }
  }
}

TEST(Train, LearnsASmoothFunction) {
  const auto data = noisy_data(400, 6, 6);
  for (const auto activation : {Activation::relu, Activation::gelu}) {
    TrainOptions options;
    options.learning_rate = 5e-3;
    Trainer trainer(make_layers(6, {32, 16}, 1), activation, options);
    const double before = trainer.loss(data.view());
    for (int e = 0; e < 60; ++e) trainer.epoch(data.view());
    EXPECT_LT(trainer.loss(data.view()), 0.05 * before);
  }
}

TEST(Train, SameSeedSameBitsAndWeightDecayShrinks) {
  const auto data = noisy_data(77, 4, 7);
  const auto run = [&](uint64_t seed, double decay) {
    TrainOptions options;
    options.seed = seed;
    options.weight_decay = decay;
    options.batch = 16;
    Trainer trainer(make_layers(4, {20}, 1), Activation::relu, options);
    for (int e = 0; e < 10; ++e) trainer.epoch(data.view());
    return trainer.layers();
  };
  EXPECT_EQ(run(1, 0)[0].weights, run(1, 0)[0].weights);
  EXPECT_NE(run(1, 0)[0].weights, run(2, 0)[0].weights);
  const auto size = [](const std::vector<Dense>& layers) {
    double sum = 0;
    for (const float w : layers[0].weights) sum += static_cast<double>(w) * static_cast<double>(w);
    return sum;
  };
  EXPECT_LT(size(run(1, 0.1)), size(run(1, 0)));
}

TEST(Train, RowsOfNoWeightTeachNothing) {
  auto data = noisy_data(64, 4, 8);
  auto spoiled = data;
  for (std::size_t r = 0; r < 64; r += 2) {
    data.weight[r] = 0;
    spoiled.weight[r] = 0;
    spoiled.y[r] = 1e6F;
  }
  const auto run = [](const Data& d) {
    Trainer trainer(make_layers(4, {8}, 1), Activation::gelu, {});
    for (int e = 0; e < 3; ++e) trainer.epoch(d.view());
    return trainer.layers()[0].weights;
  };
  EXPECT_EQ(run(data), run(spoiled));
  for (float& w : data.weight) w = 0;
  EXPECT_EQ(run(data), make_layers(4, {8}, 1)[0].weights);
}

TEST(Train, PredictionIsBitEqualToTheNetworks) {
  const auto data = noisy_data(100, 10, 9);
  Network network;
  network.inputs.assign(10, "");
  network.impute.assign(10, 0);
  network.log1p.assign(10, 0);
  network.shift.assign(10, 0);
  network.scale.assign(10, 1);
  for (const auto activation : {Activation::relu, Activation::gelu}) {
    Trainer trainer(make_layers(10, {37, 20}, 2), activation, {});
    trainer.epoch(data.view());
    network.layers = trainer.layers();
    network.activation = activation;
    std::vector<float> a(100);
    std::vector<float> b(100);
    Workspace workspace;
    trainer.predict(data.x, 100, a);
    forward(network, data.x, 100, b, workspace);
    EXPECT_EQ(a, b);
  }
}

TEST(Train, RefusesDataOfTheWrongSize) {
  Trainer trainer(make_layers(4, {8}, 1), Activation::relu, {});
  const auto data = noisy_data(10, 3, 1);
  EXPECT_THROW(trainer.epoch(data.view()), InputError);
  EXPECT_THROW(trainer.set_layers(make_layers(4, {9}, 1)), InputError);
  EXPECT_THROW(Trainer(make_layers(4, {8}, 1), Activation::relu, {.batch = 0}), InputError);
}

TEST(Fit, KeepsTheBestEpochAndStopsAfterPatience) {
  const auto data = noisy_data(50, 4, 2);
  const std::vector<double> scores = {5, 3, 4, 2, 6, 7, 1};
  std::size_t calls = 0;
  std::vector<std::vector<float>> seen;
  const auto score = [&](std::span<const float> predictions) {
    seen.emplace_back(predictions.begin(), predictions.end());
    return scores[calls++];
  };
  const auto result = fit(make_layers(4, {8}, 1), Activation::relu, {}, data.view(), data.x, score,
                          {.epochs = 7, .patience = 2});
  EXPECT_EQ(result.epochs, 6U);  // the best is the fourth; two without progress end it before the seventh
  EXPECT_EQ(result.best_validation, 2);
  Trainer check(result.layers, Activation::relu, {});
  std::vector<float> predictions(50);
  check.predict(data.x, 50, predictions);
  EXPECT_EQ(predictions, seen[3]);
}

TEST(Fit, NanScoresNeverWin) {
  const auto data = noisy_data(50, 4, 2);
  std::size_t calls = 0;
  const auto score = [&](std::span<const float>) {
    return ++calls == 2 ? 0.5 : std::numeric_limits<double>::quiet_NaN();
  };
  const auto result = fit(make_layers(4, {8}, 1), Activation::relu, {}, data.view(), data.x, score,
                          {.epochs = 3, .patience = 3});
  EXPECT_EQ(result.best_validation, 0.5);
}

}  // namespace
}  // namespace drst
