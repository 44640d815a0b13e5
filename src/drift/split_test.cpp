#include "drift/split.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "base/random.h"

namespace drst {
namespace {

double entropy(const std::vector<double>& counts, double total) {
  double sum = 0;
  for (const double n : counts)
    if (n > 0) sum -= n / total * std::log2(n / total);
  return sum;
}

/// H(all) - l/n H(first) - r/n H(others), by the formula.
double weighted_divergence(const BinnedRows& rows, std::size_t feature, std::size_t at) {
  const std::size_t n = rows.rows();
  std::vector<double> all(rows.cells);
  std::vector<double> first(rows.cells);
  std::vector<double> others(rows.cells);
  for (std::size_t r = 0; r < n; ++r) {
    const std::size_t bin = rows.row(r)[feature];
    ++all[bin];
    ++(r < at ? first : others)[bin];
  }
  const auto l = static_cast<double>(at);
  const auto total = static_cast<double>(n);
  return entropy(all, total) - l / total * entropy(first, l) -
         (total - l) / total * entropy(others, total - l);
}

TEST(BestSplit, MatchesAnIndependentImplementation) {
  // First six: five of 0, one of 1; last eight: one of 0, two of 1, five of 2. numpy gives 0.5098694194589952
  // bit for six against eight.
  const std::vector<double> values = {0, 0, 0, 0, 0, 1, 0, 1, 1, 2, 2, 2, 2, 2};
  const Split split = best_split(values, 1, 8, 6, 8);
  EXPECT_EQ(split.at, 6U);
  EXPECT_NEAR(split.bits, 0.5098694194589952, 1e-13);
}

RC_GTEST_PROP(BestSplit, IsTheMaximumOverAllSplits, ()) {
  const auto rows = *rc::gen::inRange<std::size_t>(8, 60);
  const auto features = *rc::gen::inRange<std::size_t>(1, 4);
  const auto least = *rc::gen::inRange<std::size_t>(1, 5);
  Random random(*rc::gen::arbitrary<uint64_t>());
  std::vector<double> values;
  for (std::size_t i = 0; i < rows * features; ++i)
    values.push_back(random.chance(0.1) ? NAN : random.normal());
  const Split split = best_split(values, features, 8, least, least);
  const BinnedRows binned = bin_rows(values, edges_of(values, features, 8));
  double best = 0;
  for (std::size_t at = least; at + least <= rows; ++at) {
    double sum = 0;
    for (std::size_t f = 0; f < features; ++f) sum += weighted_divergence(binned, f, at);
    best = std::max(best, sum / static_cast<double>(features));
  }
  RC_ASSERT(std::abs(split.bits - best) <= 1e-12);
  RC_ASSERT(split.at >= least);
  RC_ASSERT(split.at + least <= rows);
  for (std::size_t f = 0; f < features; ++f)
    RC_ASSERT(std::abs(split.by_feature[f] - weighted_divergence(binned, f, split.at)) <= 1e-12);
}

TEST(BestSplit, FindsTheRowWhereTheLevelMoved) {
  Random random(4);
  std::vector<double> values;
  for (int r = 0; r < 200; ++r)
    for (int f = 0; f < 3; ++f) values.push_back(random.normal() + (r >= 137 ? 4 : 0));
  EXPECT_NEAR(static_cast<double>(best_split(values, 3, 8, 25, 25).at), 137, 1);
}

TEST(BestSplit, NeedsRoomOnBothSides) {
  const std::vector<double> values(10, 1.0);
  EXPECT_EQ(best_split(values, 1, 8, 6, 5).at, 0U);
  EXPECT_EQ(best_split(values, 1, 8, 0, 5).at, 0U);
  EXPECT_EQ(best_split({}, 0, 8, 1, 1).at, 0U);
}

}  // namespace
}  // namespace drst
