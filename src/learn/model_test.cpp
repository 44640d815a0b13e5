// A mixture says what its members say, each asked by itself.
#include "learn/model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "learn/mixture.h"
#include "nn/kernels.h"
#include "nn/network.h"

namespace drst {
namespace {

const std::vector<std::string> inputs = {"a", "b", "a@-1"};

Network network(uint64_t seed, float shift) {
  Network made;
  made.inputs = inputs;
  made.stand_in = {-1, -1, 0};
  made.impute = {1, 2, 3};
  made.log1p = {1, 0, 1};
  made.shift = {shift, 1, shift};
  made.scale = {1, 0.5F, 1};
  made.layers = make_layers(3, {8, 4}, seed);
  made.exponential = true;
  return made;
}

std::vector<float> raw_rows(std::size_t rows) {
  Random random(1);
  std::vector<float> raw;
  for (std::size_t i = 0; i < rows * inputs.size(); ++i)
    raw.push_back(random.chance(0.2) ? std::numeric_limits<float>::quiet_NaN()
                                     : static_cast<float>(random.uniform(0, 50)));
  return raw;
}

std::vector<float> predicted(const Model& model, std::span<const float> raw) {
  std::vector<float> out(raw.size() / inputs.size());
  model.predict(raw, out.size(), out, *model.make_scratch());
  return out;
}

TEST(Mixture, IsTheGeometricMeanOfItsMembersToTheBit) {
  // Two share their transform with the first, one has its own.
  std::vector<MixtureMember> members;
  for (const auto& made : {network(1, 2), network(2, 2), network(3, 1), network(4, 2)})
    members.push_back({make_model(made, "mlp"), 0.25F});
  const auto mixture = make_mixture(members, true, "mixture");
  const auto raw = raw_rows(150);
  std::vector<float> expected(150, 0);
  for (const auto& member : members) {
    auto said = predicted(*member.model, raw);
    for (float& p : said) p = std::max(p, learn::least_prediction);
    nn::kernels().log(said.data(), said.size());
    for (std::size_t r = 0; r < said.size(); ++r) expected[r] += 0.25F * said[r];
  }
  nn::kernels().exp(expected.data(), expected.size());
  EXPECT_EQ(predicted(*mixture, raw), expected);
  for (const std::size_t row : {0U, 63U, 64U, 149U})
    EXPECT_EQ(predicted(*mixture, std::span(raw).subspan(row * 3, 3))[0], expected[row]);
}

}  // namespace
}  // namespace drst
