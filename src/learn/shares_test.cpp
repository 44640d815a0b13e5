#include "learn/shares.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"

namespace drst {
namespace {

constexpr double asleep = std::numeric_limits<double>::quiet_NaN();

double mean_loss(const Shares& shares, const std::vector<double>& losses) {
  return std::inner_product(losses.begin(), losses.end(), shares.weights().begin(), 0.0);
}

TEST(Shares, GoldenValues) {
  Shares shares({2, 1, 1}, 1.0, 0.1);
  shares.update(std::vector<double>{1, 0, 0.5});
  // By hand: 0.5/e, 0.25, 0.25/sqrt(e), normalised; then 0.9 of that and 0.1 of the start.
  const double a = 0.5 * std::exp(-1), b = 0.25, c = 0.25 * std::exp(-0.5), sum = a + b + c;
  EXPECT_NEAR(shares.weights()[0], 0.9 * a / sum + 0.05, 1e-12);
  EXPECT_NEAR(shares.weights()[1], 0.9 * b / sum + 0.025, 1e-12);
  EXPECT_NEAR(shares.weights()[2], 0.9 * c / sum + 0.025, 1e-12);
}

TEST(Shares, CostAtMostWhatTheBoundSaysAgainstEachExpert) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    const double rate = random.uniform(0.1, 4);
    const double share = random.uniform(0, 0.1);
    Shares shares({0.8, 0.1, 0.1}, rate, share);
    const std::vector<double> start = shares.weights();
    std::vector<double> total(3, 0);
    double mixed = 0;
    const int labels = 1 + static_cast<int>(random.below(400));
    for (int t = 0; t < labels; ++t) {
      std::vector<double> losses;
      // An adversary: now and then it is the heaviest expert that errs.
      const bool spiteful = random.chance(0.5);
      for (std::size_t i = 0; i < 3; ++i)
        losses.push_back(spiteful ? (shares.weights()[i] > 0.4 ? 1.0 : 0.0) : random.uniform());
      mixed += mean_loss(shares, losses);
      for (std::size_t i = 0; i < 3; ++i) total[i] += losses[i];
      shares.update(losses);
      EXPECT_NEAR(std::accumulate(shares.weights().begin(), shares.weights().end(), 0.0), 1, 1e-9);
    }
    for (std::size_t i = 0; i < 3; ++i)
      EXPECT_LE(mixed,
                (rate * total[i] + std::log(1 / start[i]) - labels * std::log(1 - share * (1 - start[i]))) /
                        (1 - std::exp(-rate)) +
                    1e-9)
          << "seed " << seed << ", expert " << i;
  }
}

TEST(Shares, AnExpertThatSleepsKeepsItsWeight) {
  Shares shares({0.6, 0.3, 0.1}, 2, 0);
  shares.update(std::vector<double>{1, asleep, 0});
  EXPECT_NEAR(shares.weights()[1], 0.3, 1e-12);
  EXPECT_LT(shares.weights()[0], 0.6);
  EXPECT_NEAR(shares.weights()[0] + shares.weights()[2], 0.7, 1e-12);
  const auto before = shares.weights();
  shares.update(std::vector<double>{asleep, asleep, asleep});
  EXPECT_EQ(shares.weights(), before);
}

TEST(Shares, ReturnsToTheStartWhenAllAreAlike) {
  Shares shares({0.9, 0.1}, 3, 0.05);
  for (int i = 0; i < 50; ++i) shares.update(std::vector<double>{1, 0});
  EXPECT_GT(shares.weights()[1], 0.9);
  for (int i = 0; i < 200; ++i) shares.update(std::vector<double>{0.1, 0.1});
  EXPECT_NEAR(shares.weights()[0], 0.9, 0.01);
}

TEST(Shares, WeightsThatAreNoneAreRefused) {
  EXPECT_THROW(Shares({}, 1, 0), InputError);
  EXPECT_THROW(Shares({1, 0}, 1, 0), InputError);
  EXPECT_THROW(Shares({1, asleep}, 1, 0), InputError);
}

TEST(WeightedMedian, IsTheLeastWithHalfOfTheWeightBelow) {
  const auto of = [](std::vector<float> predictions, std::vector<double> weights) {
    return weighted_median(predictions, weights);
  };
  EXPECT_EQ(of({5, 1, 9}, {0.2, 0.2, 0.6}), 9);
  EXPECT_EQ(of({5, 1, 9}, {0.4, 0.3, 0.3}), 5);
  EXPECT_EQ(of({5, 1, 9}, {0.5, 0.5, 0}), 1);
  EXPECT_EQ(of({5, 1, 9e9F}, {0.6, 0, 0.4}), 5);
  EXPECT_EQ(of({7}, {0}), 7);
  EXPECT_EQ(of({std::nanf(""), 3}, {0.9, 0.1}), 3) << "no prediction, no vote";
  EXPECT_TRUE(std::isnan(of({std::nanf("")}, {1})));
  EXPECT_TRUE(std::isnan(of({}, {})));
}

TEST(WeightedMedian, LosesAtMostTwiceTheWeightedMeanLoss) {
  Random random(4);
  for (int round = 0; round < 2000; ++round) {
    std::vector<float> predictions;
    std::vector<double> weights;
    double sum = 0;
    for (uint64_t i = 0; i < 1 + random.below(6); ++i) {
      predictions.push_back(static_cast<float>(std::exp(random.uniform(-3, 3))));
      weights.push_back(random.uniform());
      sum += weights.back();
    }
    const auto loss = [](float p) { return std::min(std::abs(static_cast<double>(p) - 1), 1.0); };
    double mean = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i) mean += weights[i] / sum * loss(predictions[i]);
    EXPECT_LE(loss(weighted_median(predictions, weights)), 2 * mean + 1e-9);
  }
}

}  // namespace
}  // namespace drst
