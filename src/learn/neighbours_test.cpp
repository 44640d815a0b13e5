#include "learn/neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "nn/network.h"
#include "nn/onnx.h"
#include "trees/ensemble.h"

namespace drst {
namespace {

constexpr float missing = std::numeric_limits<float>::quiet_NaN();

/// Two inputs as they are, standardised by 10; predicts 100 whatever comes.
std::shared_ptr<const Model> constant_model() {
  Network network;
  network.inputs = {"a", "b"};
  network.impute = {0, 0};
  network.log1p = {0, 0};
  network.shift = {0, 0};
  network.scale = {0.1F, 0.1F};
  network.low = {-1, -1};
  network.high = {1, 1};
  network.layers = {{2, 1, {0, 0}, {0}}};
  network.exponential = true;
  network.output_shift = std::log(100.0F);
  return make_model(std::move(network), "ridge");
}

NeighbourSettings plain() {
  NeighbourSettings settings;
  settings.recency = 0;
  settings.ridge = 0.05;
  settings.median_share = 0;
  return settings;
}

TEST(Neighbours, AbsurdRowsAreNotRememberedAndAbsurdQuestionsGetTheFrozenAnswer) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  Neighbours neighbours(constant_model(), plain());
  const std::vector<float> here = {1, 2};
  for (const float label : {0.0F, -5.0F, -3e38F, inf, -inf, missing}) neighbours.add(0, here, 100, label);
  for (const float said : {0.0F, -5.0F, inf, missing}) neighbours.add(0, here, said, 100);
  neighbours.add(0, std::vector<float>{1, 2, 3}, 100, 100);
  EXPECT_EQ(neighbours.size(), 0U);
  neighbours.add(0, std::vector<float>{inf, missing}, 100, 3e38F);
  neighbours.add(std::numeric_limits<int64_t>::min(), std::vector<float>{-inf, 3e38F}, 100, 1e-38F);
  EXPECT_EQ(neighbours.size(), 2U);
  for (const auto& asked :
       std::vector<std::vector<float>>{here, {inf, -inf}, {missing, missing}, {3e38F, -3e38F}})
    for (const int64_t row : {int64_t{-1}, int64_t{5}, std::numeric_limits<int64_t>::max()}) {
      const float said = neighbours.predict(row, asked, 100);
      EXPECT_GE(said, 100 / std::exp(1.01F));
      EXPECT_LE(said, 100 * std::exp(1.01F)) << "most_residual";
    }
  EXPECT_TRUE(std::isnan(neighbours.predict(1, here, missing)));
  EXPECT_TRUE(std::isnan(neighbours.predict(1, here, -1)));
}

TEST(Neighbours, GoldenValue) {
  Neighbours neighbours(constant_model(), plain());
  const std::vector<float> here = {1, 2}, there = {3, 4}, asked = {2, 2};
  neighbours.add(0, here, 100, 150);
  neighbours.add(1, there, 100, 80);
  // z = raw / 10; D = mean of squared differences; k = exp(-D / 0.2); by hand in double precision.
  const double k1 = std::exp(-(0.01 + 0) / 2 / 0.2), k2 = std::exp(-(0.01 + 0.04) / 2 / 0.2);
  const double expected = 100 * std::exp((k1 * std::log(1.5) + k2 * std::log(0.8)) / (k1 + k2 + 0.05));
  EXPECT_NEAR(static_cast<double>(neighbours.predict(2, asked, 100)), expected, 1e-4);
}

/// One tree, one leaf: predicts exp(1) * 100 whatever comes.
std::shared_ptr<const Model> constant_tree() {
  TreeEnsemble ensemble;
  ensemble.inputs = {"a", "b"};
  ensemble.impute = {0, 0};
  ensemble.trees = {0};
  ensemble.nodes = {{std::log(100.0F) + 1, 2, 0}};
  ensemble.exponential = true;
  return make_model(std::move(ensemble), "extra_trees");
}

TEST(Neighbours, TakeResidualsOfAMixtureWithAnotherShareOfTheTrees) {
  const std::shared_ptr<const Model> mixture =
      make_mixture({{constant_model(), 3}, {constant_tree(), 1}}, true, "mixture");
  const float frozen = 100 * std::exp(0.25F);
  for (const double share : {0.0, 0.25, 0.6, 1.0}) {
    NeighbourSettings settings = plain();
    settings.tree_share = share;
    Neighbours neighbours(mixture, settings);
    neighbours.add(0, std::vector<float>{-15, -15}, frozen, 150);
    // Far away it is the base, near by the base and its whole residual, less the ridge's share.
    EXPECT_NEAR(static_cast<double>(neighbours.predict(1, std::vector<float>{15, 15}, frozen)),
                100 * std::exp(share), 0.02)
        << share;
    EXPECT_NEAR(static_cast<double>(neighbours.predict(1, std::vector<float>{-15, -15}, frozen)),
                100 * std::exp(share + (std::log(1.5) - share) / 1.05), 0.02)
        << share;
  }
}

/// The tree as it is read from a file that says how constant_model() scales.
std::shared_ptr<const Model> tree_with(const std::string& scaling) {
  return load_model(constant_tree()->to_onnx({{"scaling", scaling}}));
}

TEST(Neighbours, OfTreesAloneMeasureByTheScalingBesideThem) {
  Neighbours networks(constant_model(), plain());
  Neighbours trees(tree_with(scaling_text(*constant_model()->network())), plain());
  ASSERT_TRUE(trees.usable());
  EXPECT_FALSE(Neighbours(constant_tree(), plain()).usable()) << "nobody said how";
  for (Neighbours* both : {&networks, &trees}) {
    both->add(0, std::vector<float>{1, 2}, 100, 150);
    both->add(1, std::vector<float>{12, -8}, 100, 80);
  }
  Random random(3);
  for (int i = 0; i < 50; ++i) {
    const std::vector<float> x = {static_cast<float>(random.uniform(-30, 30)),
                                  i == 7 ? missing : static_cast<float>(random.uniform(-30, 30))};
    EXPECT_EQ(networks.predict(2, x, 100), trees.predict(2, x, 100));
  }
}

TEST(Neighbours, AScalingThatDoesNotFitIsNoModelFile) {
  const std::string good = scaling_text(*constant_model()->network());
  const auto with = [&good](const std::string& from, const std::string& to) {
    std::string text = good;
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from << " in " << good;
    return text.replace(at, from.size(), to);
  };
  EXPECT_NO_THROW((void)tree_with(good));
  for (const std::string& bad :
       {std::string("{"), std::string("[1,2]"), with("\"shift\":[0.0,0.0]", "\"shift\":[0.0]"),
        with("\"shift\":", "\"lift\":"), with("\"log1p\":[0,0]", "\"log1p\":[]"),
        with("\"low\":[-1.0,-1.0]", "\"low\":[2,2]"), with("\"low\":[-1.0,-1.0]", "\"low\":[]"),
        with("\"shift\":[0.0,0.0]", "\"shift\":[0.0,1e300]"),
        with("\"shift\":[0.0,0.0]", "\"shift\":[0.0,null]"),
        with("\"log_factor\":[]", "\"log_factor\":[0,1]")})
    EXPECT_THROW((void)tree_with(bad), ModelError) << bad;
}

TEST(Neighbours, FarFromEverythingItIsTheFrozenModel) {
  Neighbours neighbours(constant_model(), plain());
  neighbours.add(0, std::vector<float>{-15, -15}, 100, 50);
  EXPECT_NEAR(static_cast<double>(neighbours.predict(1, std::vector<float>{15, 15}, 100)), 100, 0.1);
  EXPECT_NEAR(static_cast<double>(neighbours.predict(1, std::vector<float>{-15, -15}, 100)),
              100 * std::exp(std::log(0.5) / 1.05), 0.1);
}

TEST(Neighbours, HowFarAnInputAndALabelMayLieIsASetting) {
  const auto predicted = [](const NeighbourSettings& settings, float x, float label) {
    Neighbours neighbours(constant_model(), settings);
    neighbours.add(0, std::vector<float>{x, 0}, 100, label);
    return static_cast<double>(neighbours.predict(1, std::vector<float>{x, 0}, 100));
  };
  auto settings = plain();
  EXPECT_NEAR(predicted(settings, 0, 1e4F), 100 * std::exp(1 / 1.05), 0.1) << "e-fold at most";
  settings.most_residual = 2;
  EXPECT_NEAR(predicted(settings, 0, 1e4F), 100 * std::exp(2 / 1.05), 0.1);

  const auto apart = [](const NeighbourSettings& s) {  // 15 is at the usual end of the range, 30 is beyond
    Neighbours neighbours(constant_model(), s);
    neighbours.add(0, std::vector<float>{15, 0}, 100, 200);
    return static_cast<double>(neighbours.predict(1, std::vector<float>{30, 0}, 100));
  };
  settings = plain();
  const double clipped = apart(settings);
  settings.range_factor = 3;
  EXPECT_LT(apart(settings), clipped - 1) << "now they lie apart";
}

TEST(Neighbours, TheNewestLabelCountsMostWhereAllAreAlike) {
  NeighbourSettings settings = plain();
  settings.recency = 20;
  Neighbours neighbours(constant_model(), settings);
  const std::vector<float> x = {1, 1};
  for (int row = 0; row < 20; ++row) neighbours.add(row, x, 100, 100);
  neighbours.add(20, x, 100, 200);
  const float now = neighbours.predict(21, x, 100);
  const float later = neighbours.predict(100, x, 100);
  const float ageless = neighbours.predict(-1, x, 100);
  double weights = 0.05;
  for (int row = 0; row <= 20; ++row) weights += 1 + 20 * std::exp(-(21 - row) / 3.0);
  const double newest = 1 + 20 * std::exp(-1 / 3.0);
  EXPECT_NEAR(static_cast<double>(now), 100 * std::exp(newest / weights * std::log(2.0)), 1e-3);
  EXPECT_LT(later, 105);
  EXPECT_FLOAT_EQ(later, ageless);
}

TEST(Neighbours, MedianIsTheLeastResidualWithHalfOfTheWeight) {
  NeighbourSettings settings = plain();
  settings.median_share = 1;
  const std::vector<float> x = {1, 1}, far = {15, -15};
  const auto predicted = [&](const std::vector<std::pair<std::vector<float>, float>>& rows) {
    Neighbours neighbours(constant_model(), settings);
    int64_t row = 0;
    for (const auto& [raw, label] : rows) neighbours.add(row++, raw, 100, label);
    return neighbours.predict(row, x, 100);
  };
  EXPECT_FLOAT_EQ(predicted({{x, 150}}), 150);
  EXPECT_FLOAT_EQ(predicted({{x, 150}, {x, 130}, {x, 40}}), 130) << "one collapse does not move it";
  EXPECT_FLOAT_EQ(predicted({{x, 150}, {x, 50}}), 100) << "the base's small weight decides a tie";
  EXPECT_FLOAT_EQ(predicted({{x, 150}, {x, 140}, {far, 50}, {far, 55}, {far, 60}}), 140) << "only near rows";
  EXPECT_FLOAT_EQ(predicted({{far, 50}}), 100) << "nothing is near";
  settings.median_share = 0.5;
  const double mean = (std::log(1.5) + std::log(1.3) + std::log(0.4)) / 3.05;
  EXPECT_NEAR(static_cast<double>(predicted({{x, 150}, {x, 130}, {x, 40}})),
              100 * std::exp((std::log(1.3) + mean) / 2), 1e-3);
}

TEST(Neighbours, MedianIsThatOfASortedListWhateverComesAndGoes) {
  NeighbourSettings settings = plain();
  settings.median_share = 1;
  settings.rows = 16;
  settings.ridge = 0.3;
  Neighbours neighbours(constant_model(), settings);
  Random random(5);
  struct Row {
    std::vector<float> raw;
    float residual;
  };
  std::vector<Row> rows;
  for (int64_t step = 0; step < 400; ++step) {
    const std::vector<float> raw = {static_cast<float>(random.uniform(-15, 15)),
                                    static_cast<float>(random.uniform(-15, 15))};
    const float predicted = neighbours.predict(step, raw, 100);
    if (!rows.empty()) {
      std::vector<std::pair<double, double>> weighted = {{0.0, 0.3}};
      double all = 0.3;
      for (std::size_t i = rows.size() > 16 ? rows.size() - 16 : 0; i < rows.size(); ++i) {
        double distance = 0;
        for (std::size_t f = 0; f < 2; ++f)
          distance += std::pow(static_cast<double>(raw[f] - rows[i].raw[f]) / 10, 2) / 2;
        weighted.emplace_back(static_cast<double>(rows[i].residual), std::exp(-distance / 0.2));
        all += weighted.back().second;
      }
      std::sort(weighted.begin(), weighted.end());
      std::size_t at = 0;
      for (double below = weighted[0].second; below < all / 2; below += weighted[at].second) ++at;
      EXPECT_NEAR(std::log(static_cast<double>(predicted) / 100), weighted[at].first, 1e-5) << step;
    }
    const auto label = static_cast<float>(100 * std::exp(random.uniform(-0.9, 0.9)));
    neighbours.add(step, raw, 100, label);
    rows.push_back({raw, std::log(label / 100)});
  }
}

TEST(Neighbours, RemembersOnlySoManyRows) {
  auto settings = plain();
  settings.rows = 3;
  Neighbours neighbours(constant_model(), settings);
  const std::vector<float> x = {1, 1};
  neighbours.add(0, x, 100, 200);
  for (int row = 1; row < 4; ++row) neighbours.add(row, x, 100, 100);
  EXPECT_EQ(neighbours.size(), 3U);
  EXPECT_FLOAT_EQ(neighbours.predict(4, x, 100), 100);
}

TEST(Neighbours, WhatCannotBeLearnedFromIsLeftAlone) {
  Neighbours neighbours(constant_model(), plain());
  const std::vector<float> x = {1, 1};
  EXPECT_TRUE(std::isnan(neighbours.predict(0, x, 100)));
  for (const float label : {0.0F, -5.0F, missing, std::numeric_limits<float>::infinity()})
    neighbours.add(0, x, 100, label);
  neighbours.add(0, x, missing, 100);
  neighbours.add(0, std::vector<float>{1}, 100, 100);
  EXPECT_EQ(neighbours.size(), 0U);
  neighbours.add(0, std::vector<float>{missing, missing}, 100, 1e30F);
  EXPECT_EQ(neighbours.size(), 1U);
  const float answer = neighbours.predict(1, std::vector<float>{missing, 1e38F}, 100);
  EXPECT_TRUE(std::isfinite(answer));
  EXPECT_LE(answer, 100 * std::exp(1.0F));
}

TEST(Neighbours, ATargetThatIsNoLogarithmHasNoNeighbours) {
  Network linear = *constant_model()->network();
  linear.exponential = false;
  Neighbours neighbours(make_model(std::move(linear), "ridge"), plain());
  EXPECT_FALSE(neighbours.usable());
  neighbours.add(0, std::vector<float>{1, 1}, 100, 100);
  EXPECT_TRUE(std::isnan(neighbours.predict(0, std::vector<float>{1, 1}, 100)));
}

TEST(Neighbours, LearnsASecondWorldFromFewLabels) {
  Random random(5);
  Neighbours neighbours(constant_model(), plain());
  const auto truth = [](const std::vector<float>& x) { return x[0] > 0 ? 160.0F : 60.0F; };
  const auto draw = [&] {
    return std::vector<float>{
        static_cast<float>(random.chance(0.5) ? random.uniform(4, 9) : random.uniform(-9, -4)),
        static_cast<float>(random.uniform(-5, 5))};
  };
  for (int row = 0; row < 40; ++row) {
    const auto x = draw();
    neighbours.add(row, x, 100, truth(x));
  }
  int near = 0;
  for (int row = 0; row < 200; ++row) {
    const auto x = draw();
    near += std::abs(neighbours.predict(row, x, 100) - truth(x)) <= 0.2F * truth(x) ? 1 : 0;
  }
  EXPECT_GT(near, 190);
}

}  // namespace
}  // namespace drst
