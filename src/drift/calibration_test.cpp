#include "drift/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace drst {
namespace {

TEST(ResampleBlocks, RunOnCyclicallyWithTheMeanLength) {
  Random random(7);
  std::vector<uint32_t> out;
  constexpr std::size_t n = 50;
  resample_blocks(random, n, 200'000, 25, out);
  ASSERT_EQ(out.size(), 200'000U);
  std::size_t starts = 1;
  std::vector<std::size_t> uses(n);
  for (std::size_t i = 0; i < out.size(); ++i) {
    ASSERT_LT(out[i], n);
    ++uses[out[i]];
    if (i > 0 && out[i] != (out[i - 1] + 1) % n) ++starts;
  }
  // A new block continues the old one by chance once in n times.
  EXPECT_NEAR(200'000.0 / static_cast<double>(starts), 25 / (1 - 1.0 / n), 1.0);
  const auto [least, most] = std::minmax_element(uses.begin(), uses.end());
  EXPECT_GT(*least, 3000U);
  EXPECT_LT(*most, 5200U) << "every record is drawn equally often: the ends are not neglected";
}

TEST(ResampleBlocks, OfOneRecordAreTheOrdinaryBootstrap) {
  Random random(7);
  std::vector<uint32_t> out;
  resample_blocks(random, 1000, 20'000, 1, out);
  std::size_t runs = 0;
  for (std::size_t i = 1; i < out.size(); ++i) runs += out[i] == out[i - 1] + 1 ? 1U : 0U;
  EXPECT_LT(runs, 60U);
}

TEST(TailQuantile, IsEmpiricalInTheBodyAndExponentialInTheTail) {
  std::vector<double> sorted;
  sorted.reserve(20'001);
  for (int i = 0; i < 20'001; ++i) sorted.push_back(-std::log(1 - (i + 0.5) / 20'001));
  EXPECT_NEAR(tail_quantile(sorted, 0.5, 0.1), std::log(2), 1e-3);
  EXPECT_NEAR(tail_quantile(sorted, 0.01, 0.1), std::log(100), 0.02) << "exact for an exponential law";
  EXPECT_NEAR(tail_quantile(sorted, 1e-6, 0.1), std::log(1e6), 0.06) << "far beyond what was drawn";
  EXPECT_EQ(tail_quantile({}, 0.1, 0.1), 0);
}

TEST(TailQuantile, TheTailBeginsWhereItIsSet) {
  std::vector<double> sorted;  // flat, then a step: the fit over the upper half sees it, the quantiles do not
  for (int i = 0; i < 100; ++i) sorted.push_back(i < 98 ? 0.1 : 0.9);
  EXPECT_NEAR(tail_quantile(sorted, 0.05, 0.01), 0.1, 1e-12) << "empirical";
  EXPECT_GT(tail_quantile(sorted, 0.05, 0.5), 0.5) << "from the fit";
}

TEST(Thresholds, RiseAndStayBetweenLeastAndMost) {
  const CalibrationSettings settings;
  const Thresholds low = bounded({0.01, 0.01, 0.01}, settings.least_effect, settings.most_effect);
  EXPECT_EQ(low[0], settings.least_effect[0]);
  EXPECT_EQ(low[2], settings.least_effect[2]);
  const Thresholds high = bounded({0.95, 0.99, 1}, settings.least_effect, settings.most_effect);
  EXPECT_EQ(high[0], settings.most_effect[0]) << "however restless, tier A can fire";
  EXPECT_LT(high[2], 1);
  const Thresholds equal = bounded({0.01, 0.01, 0.01}, {0.2, 0.2, 0.2}, settings.most_effect);
  EXPECT_LT(equal[0], equal[1]);
  EXPECT_LT(equal[1], equal[2]);
}

/// Windows of an autoregressive process that never changes, against thresholds calibrated on a baseline of
/// it.
double exceedance_rate(double mean_block, double correlation) {
  constexpr std::size_t window = 300;
  constexpr std::size_t features = 4;
  constexpr int trials = 150;
  Random random(11);
  int exceeded = 0;
  for (int trial = 0; trial < trials; ++trial) {
    std::vector<double> state(features);
    for (double& x : state) x = random.normal() / std::sqrt(1 - correlation * correlation);
    const auto record = [&](std::vector<double>& out) {
      for (double& x : state) {
        x = correlation * x + random.normal();
        out.push_back(x);
      }
    };
    std::vector<double> baseline;
    for (std::size_t r = 0; r < window; ++r) record(baseline);
    JsWindow js(baseline, window, features, 8);
    for (std::size_t r = 0; r < window; ++r) {
      std::vector<double> row;
      record(row);
      js.push(row);
    }
    Random own = random.fork(static_cast<uint64_t>(trial));
    const auto null =
        bootstrap_null(js.baseline(), bin_rows_as_unseen(baseline, js.edges()), window, mean_block, 100, own);
    if (js.signal() > tail_quantile(null, 0.05, 0.1)) ++exceeded;
  }
  return static_cast<double>(exceeded) / trials;
}

TEST(BlockBootstrap, HoldsItsRateOnAutocorrelatedDataWhereTheOrdinaryOneOverFires) {
  EXPECT_NEAR(exceedance_rate(1, 0), 0.05, 0.05) << "independent records: both hold the nominal 5 %";
  // Correlation 0.7: a record says as much as its 5.7 neighbours; blocks of 25 are several times that.
  const double without = exceedance_rate(1, 0.7);
  const double with = exceedance_rate(25, 0.7);
  EXPECT_GT(without, 0.5) << "without blocks most unchanged windows exceed the 95 % quantile";
  EXPECT_LT(with, 0.2);
  EXPECT_LT(with, without / 3);
}

TEST(BlockBootstrap, TellsItsOwnError) {
  Random values(2);
  std::vector<double> baseline;
  for (int i = 0; i < 600; ++i) baseline.push_back(values.normal());
  const JsWindow js(baseline, 300, 2, 8);
  CalibrationSettings settings;
  Random random(5);
  const auto found = bootstrap_quantiles(js.baseline(), js.baseline(), 100, settings, random);
  for (std::size_t tier = 0; tier < 3; ++tier) {
    EXPECT_GT(found.errors[tier], 0);
    EXPECT_LT(found.errors[tier], found.quantiles[tier]);
  }
  EXPECT_LT(found.quantiles[0], found.quantiles[2]);
}

TEST(BlockBootstrap, FitsTheTailFromWhereItIsSet) {
  Random values(2);
  std::vector<double> baseline;
  baseline.reserve(600);
  for (int i = 0; i < 600; ++i) baseline.push_back(values.normal());
  const JsWindow js(baseline, 300, 2, 8);
  CalibrationSettings settings;
  const auto quantile = [&] {
    Random random(5);
    return bootstrap_quantiles(js.baseline(), js.baseline(), 100, settings, random).quantiles[2];
  };
  const double usual = quantile();
  settings.tail_from = 0.5;
  EXPECT_NE(quantile(), usual);
}

TEST(BlockBootstrap, IsRepeatableAndSorted) {
  Random values(2);
  std::vector<double> baseline;
  baseline.reserve(120);
  for (int i = 0; i < 120; ++i) baseline.push_back(values.normal());
  const JsWindow js(baseline, 60, 2, 8);
  Random first(5);
  Random second(5);
  const auto a = bootstrap_null(js.baseline(), js.baseline(), 20, 5, 50, first);
  EXPECT_EQ(a, bootstrap_null(js.baseline(), js.baseline(), 20, 5, 50, second));
  EXPECT_TRUE(std::is_sorted(a.begin(), a.end()));
  EXPECT_THROW(bootstrap_null(js.baseline(), js.baseline(), 7, 5, 50, first), InputError);
}

}  // namespace
}  // namespace drst
