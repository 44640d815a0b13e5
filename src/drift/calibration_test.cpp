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
  CalibrationSettings settings;
  settings.least_effect = {0.01, 0.02, 0.03};
  const auto usual = thresholds_from(sorted, 100, settings.least_effect, settings);
  settings.tail_from = 0.01;
  EXPECT_LT(thresholds_from(sorted, 100, settings.least_effect, settings)[0], usual[0]);
}

TEST(Thresholds, RiseAndStayBetweenLeastAndMost) {
  CalibrationSettings settings;
  const std::vector<double> calm(100, 0.01);
  const Thresholds low = thresholds_from(calm, 100, settings.least_effect, settings);
  EXPECT_EQ(low[0], settings.least_effect[0]);
  EXPECT_EQ(low[2], settings.least_effect[2]);
  std::vector<double> wild;
  wild.reserve(100);
  for (int i = 0; i < 100; ++i) wild.push_back(0.5 + i * 0.005);
  const Thresholds high = thresholds_from(wild, 100, settings.least_effect, settings);
  EXPECT_EQ(high[0], settings.most_effect[0]) << "however restless, tier A can fire";
  EXPECT_LT(high[2], 1);
  settings.least_effect = {0.2, 0.2, 0.2};
  const Thresholds equal = thresholds_from(calm, 100, settings.least_effect, settings);
  EXPECT_LT(equal[0], equal[1]);
  EXPECT_LT(equal[1], equal[2]);
}

TEST(Thresholds, FollowABudgetOfFalseAlarms) {
  CalibrationSettings settings;
  settings.least_effect = {1e-9, 1e-9, 1e-9};
  settings.rule = "budget";
  settings.budget_rows = {1000, 10'000, 100'000};
  std::vector<double> null;
  null.reserve(1000);
  for (int i = 0; i < 1000; ++i) null.push_back(0.05 * -std::log(1 - (i + 0.5) / 1000));
  const Thresholds found = thresholds_from(null, 100, settings.least_effect, settings);
  EXPECT_NEAR(found[0], 0.05 * std::log(10), 0.005)
      << "windows of 100 records, one alarm in 1000: probability 0.1";
  EXPECT_NEAR(found[1], 0.05 * std::log(100), 0.01);
  EXPECT_NEAR(found[2], 0.05 * std::log(1000), 0.02);
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
