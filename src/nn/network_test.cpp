#include "nn/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "nn/test_networks.h"

namespace drst {
namespace {

using testing::random_network;
using testing::random_raw;

/// The definition, in double precision.
double reference(const Network& network, const float* raw) {
  std::vector<double> x;
  for (std::size_t i = 0; i < network.inputs.size(); ++i) {
    float value = raw[i];
    if (std::isnan(value) && !network.stand_in.empty() && network.stand_in[i] >= 0)
      value = raw[network.stand_in[i]];
    auto v = static_cast<double>(std::isnan(value) ? network.impute[i] : value);
    if (network.log1p[i] != 0) {
      v = std::log1p(std::max(v, 0.0));
      if (!network.log_factor.empty()) v += std::log(static_cast<double>(network.log_factor[i]));
    }
    v = (v - static_cast<double>(network.shift[i])) * static_cast<double>(network.scale[i]);
    if (!network.low.empty())
      v = std::clamp(v, static_cast<double>(network.low[i]), static_cast<double>(network.high[i]));
    x.push_back(v);
  }
  for (const auto& layer : network.layers) {
    std::vector<double> z(layer.bias.begin(), layer.bias.end());
    for (std::size_t i = 0; i < layer.inputs; ++i)
      for (std::size_t o = 0; o < layer.outputs; ++o)
        z[o] += x[i] * static_cast<double>(layer.weights[i * layer.outputs + o]);
    if (&layer != &network.layers.back())
      for (double& v : z)
        v = network.activation == Activation::relu ? std::max(v, 0.0)
                                                   : v / 2 * (1 + std::erf(v / std::sqrt(2.0)));
    x = z;
  }
  double y = static_cast<double>(network.output_shift) + static_cast<double>(network.output_scale) * x[0];
  if (network.exponential) y = std::exp(y);
  return network.non_negative ? std::max(y, 0.0) : y;
}

class Forward : public ::testing::TestWithParam<Network> {};

TEST_P(Forward, MatchesTheDefinition) {
  const auto& network = GetParam();
  const std::size_t rows = 150;
  const auto raw = random_raw(network, rows, 7);
  std::vector<float> out(rows);
  Workspace workspace;
  forward(network, raw, rows, out, workspace);
  for (std::size_t r = 0; r < rows; ++r) {
    const double truth = reference(network, &raw[r * network.inputs.size()]);
    EXPECT_NEAR(static_cast<double>(out[r]), truth, 2e-5 * std::max(1.0, std::abs(truth)));
  }
}

TEST_P(Forward, GivesTheSameBitsWhateverTheBatch) {
  const auto& network = GetParam();
  const std::size_t inputs = network.inputs.size();
  const std::size_t rows = 131;
  const auto raw = random_raw(network, rows, 8);
  std::vector<float> whole(rows);
  Workspace workspace;
  forward(network, raw, rows, whole, workspace);
  for (const std::size_t batch : {1U, 2U, 3U, 7U, 64U}) {
    std::vector<float> parts(rows);
    for (std::size_t first = 0; first < rows; first += batch) {
      const std::size_t count = std::min<std::size_t>(batch, rows - first);
      forward(network, std::span(raw).subspan(first * inputs, count * inputs), count,
              std::span(parts).subspan(first, count), workspace);
    }
    EXPECT_EQ(whole, parts) << "batch " << batch;
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Forward,
                         ::testing::Values(random_network(10, {64, 32}, Activation::relu, 1),
                                           random_network(10, {64, 32}, Activation::gelu, 2),
                                           random_network(60, {192, 96}, Activation::gelu, 3),
                                           random_network(3, {}, Activation::relu, 4),
                                           random_network(120, {}, Activation::relu, 5),
                                           random_network(1, {1}, Activation::relu, 6),
                                           random_network(17, {33, 5, 1, 9}, Activation::gelu, 7)));

TEST(Network, NetworksOfOneTransformShareTheirStandardisedInputs) {
  for (const uint64_t seed : {6U, 7U}) {  // with stand-ins and clipping, without
    const Network first = random_network(13, {9}, Activation::relu, seed);
    Network second = first;
    second.layers = make_layers(13, {20, 5}, seed + 1);
    second.output_shift += 1;
    ASSERT_TRUE(same_transform(first, second));
    const std::size_t rows = 130;
    const auto raw = random_raw(first, rows, 3);
    Workspace workspace;
    std::vector<float> x(raw.size());
    transform_inputs(first, raw, rows, x, workspace);
    for (const Network* network : std::initializer_list<const Network*>{&first, &second, &first}) {
      std::vector<float> whole(rows);
      std::vector<float> shared(rows);
      Workspace fresh;
      forward(*network, raw, rows, whole, fresh);
      forward_standardised(*network, x, rows, shared, workspace);
      EXPECT_EQ(whole, shared);
    }
    auto other = first;
    other.shift[12] += 1;
    EXPECT_FALSE(same_transform(first, other));
    other = first;
    other.low.assign(13, -9);
    EXPECT_FALSE(same_transform(first, other));
  }
}

TEST(Network, TransformAloneIsWhatForwardUses) {
  auto network = random_network(12, {}, Activation::relu, 10);
  const auto raw = random_raw(network, 5, 10);
  std::vector<float> x(raw.size());
  transform_inputs(network, raw, 5, x);
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t c = i % 12;
    const float v = std::isnan(raw[i]) ? network.impute[c] : raw[i];
    const double t = network.log1p[c] != 0 ? std::log1p(std::max(static_cast<double>(v), 0.0)) +
                                                 std::log(static_cast<double>(network.log_factor[c]))
                                           : static_cast<double>(v);
    const double truth = (t - static_cast<double>(network.shift[c])) * static_cast<double>(network.scale[c]);
    EXPECT_NEAR(static_cast<double>(x[i]), truth, 2e-6 * std::max(1.0, std::abs(truth)));
  }
}

TEST(Network, NonNegativeBoundsThePrediction) {
  auto network = random_network(4, {8}, Activation::relu, 11);
  network.output_shift = -1e6F;
  const auto raw = random_raw(network, 3, 12);
  std::vector<float> out(3);
  Workspace workspace;
  network.non_negative = true;
  forward(network, raw, 3, out, workspace);
  EXPECT_EQ(out, std::vector<float>(3, 0));
  network.non_negative = false;
  forward(network, raw, 3, out, workspace);
  EXPECT_LT(out[0], -1e5F);
}

TEST(Network, CheckNamesWhatDoesNotFit) {
  const auto good = random_network(4, {8, 3}, Activation::relu, 13);
  EXPECT_NO_THROW(good.check());
  EXPECT_EQ(good.hidden(), (std::vector<std::size_t>{8, 3}));
  auto bad = good;
  bad.layers[1].inputs = 9;
  EXPECT_THROW(bad.check(), InputError);
  bad = good;
  bad.layers[0].weights.pop_back();
  EXPECT_THROW(bad.check(), InputError);
  bad = good;
  bad.layers[2].bias[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(bad.check(), InputError);
  bad = good;
  bad.scale[0] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(bad.check(), InputError);
  bad = good;
  bad.stand_in = {0, 1, 2, 4};
  EXPECT_THROW(bad.check(), InputError);
  bad.stand_in = {0, 1};
  EXPECT_THROW(bad.check(), InputError);
  bad = good;
  bad.low = {0, 0, 0, 2};
  EXPECT_THROW(bad.check(), InputError);
  bad.high = {1, 1, 1, 1};
  EXPECT_THROW(bad.check(), InputError);
  bad = good;
  bad.impute.pop_back();
  EXPECT_THROW(bad.check(), InputError);
  bad = good;
  bad.layers.pop_back();
  EXPECT_THROW(bad.check(), InputError);
}

TEST(Network, ForwardRefusesArraysOfTheWrongSize) {
  const auto network = random_network(4, {8}, Activation::relu, 14);
  std::vector<float> raw(7);
  std::vector<float> out(2);
  Workspace workspace;
  EXPECT_THROW(forward(network, raw, 2, out, workspace), InputError);
}

TEST(Network, FreshLayersAreUniformWithinTheirBound) {
  const auto layers = make_layers(100, {50}, 15);
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers[1].outputs, 1U);
  double sum = 0;
  double squares = 0;
  for (const float w : layers[0].weights) {
    EXPECT_LE(std::abs(w), 0.1F);
    sum += static_cast<double>(w);
    squares += static_cast<double>(w) * static_cast<double>(w);
  }
  EXPECT_NEAR(sum / 5000, 0, 0.003);
  EXPECT_NEAR(squares / 5000, 0.01 / 3, 0.0003);
  EXPECT_EQ(make_layers(100, {50}, 15)[0].weights, layers[0].weights);
  EXPECT_NE(make_layers(100, {50}, 16)[0].weights, layers[0].weights);
}

}  // namespace
}  // namespace drst
