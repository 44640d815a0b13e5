#include "measure/lag.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"

namespace drst {
namespace {

constexpr std::size_t rows = 400;

/// A load that wanders, sampled at `shift` rows after each whole row, with noise.
std::vector<double> sampled(double shift, double noise, std::uint64_t seed) {
  Random load_random(7), noise_random(seed);
  std::vector<double> load(rows + 12);
  double level = 100;
  for (double& value : load) value = level += load_random.normal();
  std::vector<double> series(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    const double at = static_cast<double>(row) + 6 - shift;
    const auto whole = static_cast<std::size_t>(at);
    const double part = at - static_cast<double>(whole);
    series[row] = load[whole] * (1 - part) + load[whole + 1] * part + noise * noise_random.normal();
  }
  return series;
}

TEST(EstimateLag, FindsWholeAndHalfRows) {
  const std::size_t starts[] = {0};
  for (const double shift : {-3.0, -0.5, 0.0, 0.5, 1.0, 2.5}) {
    const auto lag = estimate_lag(sampled(0, 0.1, 1), sampled(shift, 0.1, 2), starts);
    ASSERT_TRUE(lag) << shift;
    EXPECT_NEAR(lag->rows, shift, 0.2);
    EXPECT_GT(lag->correlation, 0.5);
  }
}

TEST(EstimateLag, ScaleAndSignDoNotMatter) {
  const std::size_t starts[] = {0};
  auto idle = sampled(1, 0.1, 2);
  for (double& value : idle) value = 1e9 - 1e6 * value;
  const auto lag = estimate_lag(sampled(0, 0.1, 1), idle, starts);
  ASSERT_TRUE(lag);
  EXPECT_NEAR(lag->rows, 1, 0.2);
  EXPECT_LT(lag->correlation, -0.5);
}

TEST(EstimateLag, NoiseHasNone) {
  const std::size_t starts[] = {0};
  Random random(3);
  std::vector<double> a(rows), b(rows);
  int found = 0;
  for (int trial = 0; trial < 50; ++trial) {
    for (std::size_t row = 0; row < rows; ++row) a[row] = random.normal(), b[row] = random.normal();
    found += estimate_lag(a, b, starts).has_value();
  }
  EXPECT_LE(found, 4);
}

TEST(EstimateLag, TakesNothingAcrossExperiments) {
  // Each experiment is constant: all that changes is the step between them.
  std::vector<double> a(rows), b(rows);
  std::vector<std::size_t> starts;
  double level = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    if (row % 40 == 0) {
      starts.push_back(row);
      level = level < 20 ? level + 10 : 0;
    }
    a[row] = b[row] = level;
  }
  EXPECT_FALSE(estimate_lag(a, b, starts));
  const std::size_t one[] = {0};
  EXPECT_TRUE(estimate_lag(a, b, one));
}

TEST(EstimateLag, OneGlitchIsNoLag) {
  const std::size_t starts[] = {0};
  std::vector<double> ramp(rows), busy(rows);
  Random random(9);
  for (std::size_t row = 0; row < rows; ++row) {
    ramp[row] = static_cast<double>(row) + (row == 100 ? 500 : 0);
    busy[row] = 100 + random.normal() + (row == 102 ? 900 : 0);
  }
  EXPECT_FALSE(estimate_lag(busy, ramp, starts));
}

TEST(EstimateLag, MissingCellsAndShortTables) {
  const std::size_t starts[] = {0};
  auto a = sampled(0, 0.1, 1), b = sampled(1, 0.1, 2);
  for (std::size_t row = 0; row < rows; row += 7) b[row] = std::numeric_limits<double>::quiet_NaN();
  const auto lag = estimate_lag(a, b, starts);
  ASSERT_TRUE(lag);
  EXPECT_NEAR(lag->rows, 1, 0.3);
  a.resize(20);
  b.resize(20);
  EXPECT_FALSE(estimate_lag(a, b, starts));
  EXPECT_FALSE(estimate_lag({}, {}, {}));
}

}  // namespace
}  // namespace drst
