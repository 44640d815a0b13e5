#include "drift/history.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace drst {
namespace {

/// x <- phi x + e, e from a linear congruential generator, so that other programs can make the same series.
std::vector<double> autoregressive(std::size_t n, double phi, uint32_t seed) {
  std::vector<double> series;
  uint32_t state = seed;
  double x = 0;
  for (std::size_t i = 0; i < n; ++i) {
    state = 1664525U * state + 1013904223U;
    x = phi * x + (static_cast<double>(state) / 4294967296.0 - 0.5);
    series.push_back(x);
  }
  return series;
}

TEST(OptimalBlock, MatchesAnIndependentImplementation) {
  // Python's arch 8.0.0: arch.bootstrap.optimal_block_length(series)["stationary"].
  EXPECT_NEAR(optimal_block(autoregressive(300, 0.5, 1)), 7.523775321006321, 1e-9);
  EXPECT_NEAR(optimal_block(autoregressive(300, 0.9, 1)), 13.553628194074472, 1e-9);
  EXPECT_NEAR(optimal_block(autoregressive(2000, 0.9, 7)), 41.22413611693276, 1e-8);
  EXPECT_NEAR(optimal_block(autoregressive(1000, -0.4, 3)), 6.930564160244605, 1e-9);
  EXPECT_NEAR(optimal_block(autoregressive(5000, 0.98, 11)), 137.4626832774496, 1e-6);
  EXPECT_EQ(optimal_block(autoregressive(300, 0, 1)), 1) << "arch gives 0.73: less than a record is no block";
}

TEST(OptimalBlock, OfOddSeries) {
  EXPECT_EQ(optimal_block({}), 1);
  EXPECT_EQ(optimal_block(std::vector<double>(100, 7.0)), 1);
  std::vector<double> huge = autoregressive(300, 0.5, 1);
  for (double& x : huge) x *= 1e300;
  EXPECT_NEAR(optimal_block(huge), 7.523775321006321, 1e-9) << "the unit does not matter";
}

TEST(History, HoldsTheCountersOfTheLastRows) {
  Table table({"output_rate", "a_cycles", "b_cycles", "empty"}, 10);
  for (std::size_t r = 0; r < 10; ++r) {
    table.column(1)[r] = static_cast<double>(r);
    table.column(2)[r] = r == 9 ? std::numeric_limits<double>::infinity() : 1;
  }
  table.set_experiment_starts({0, 4, 8});
  const DriftHistory history = history_of(table, {"output_rate"}, 7);
  EXPECT_EQ(history.columns, (std::vector<std::string>{"a_cycles", "b_cycles"}));
  ASSERT_EQ(history.rows(), 7U);
  EXPECT_EQ(history.values[0], 3);
  EXPECT_TRUE(std::isnan(history.values[13])) << "infinite is missing";
  EXPECT_EQ(history.starts, (std::vector<std::size_t>{0, 1, 5}));
}

DriftHistory experiments(const std::vector<std::size_t>& lengths) {
  DriftHistory history;
  history.columns = {"a"};
  for (const std::size_t length : lengths) {
    history.starts.push_back(history.values.size());
    history.values.insert(history.values.end(), length, 0.0);
  }
  return history;
}

TEST(Pieces, AreWholeExperimentsWhereThereAreEnough) {
  const Pieces pieces = pieces_of(experiments({40, 41, 40, 40, 41, 40, 40, 7}), 300, 25);
  ASSERT_EQ(pieces.experiments.size(), 7U) << "the cut one at the end is no piece";
  PieceStream stream(pieces, Random(1));
  for (int e = 0; e < 50; ++e) {
    const std::size_t first = stream.next();
    const auto piece = std::find_if(pieces.experiments.begin(), pieces.experiments.end(),
                                    [&](const auto& p) { return p.first == first; });
    ASSERT_NE(piece, pieces.experiments.end());
    for (std::size_t row = first + 1; row < piece->second; ++row) ASSERT_EQ(stream.next(), row);
  }
  EXPECT_TRUE(pieces_of(experiments({40, 40, 40}), 300, 25).experiments.empty());
  EXPECT_EQ(pieces_of(experiments({40, 40, 40}), 300, 25).mean_block, 25);
}

TEST(Pieces, DoNotReturnWithinAWindowWhereThereAreMany) {
  const Pieces pieces = pieces_of(experiments(std::vector<std::size_t>(40, 50)), 300, 25);
  EXPECT_EQ(pieces.apart, 6U);
  PieceStream stream(pieces, Random(3));
  std::vector<std::size_t> order;
  std::set<std::size_t> seen;
  for (int e = 0; e < 2000; ++e) {
    const std::size_t first = stream.next();
    for (int i = 1; i < 50; ++i) stream.next();
    const auto recent = order.end() - std::min<std::ptrdiff_t>(6, static_cast<std::ptrdiff_t>(order.size()));
    ASSERT_EQ(std::find(recent, order.end(), first), order.end());
    order.push_back(first);
    seen.insert(first);
  }
  EXPECT_EQ(seen.size(), 40U);
}

TEST(Pieces, HalvesHaveNothingInCommon) {
  for (const auto& pieces : {pieces_of(experiments(std::vector<std::size_t>(11, 50)), 300, 25),
                             pieces_of(experiments({500}), 300, 5)}) {
    auto [a, b] = PieceStream::halves(pieces, Random(8));
    std::set<std::size_t> first;
    std::set<std::size_t> second;
    for (int i = 0; i < 20'000; ++i) {
      first.insert(a.next());
      second.insert(b.next());
    }
    EXPECT_EQ(first.size() + second.size(), pieces.rows);
    for (const std::size_t row : first) ASSERT_EQ(second.count(row), 0U);
  }
}

TEST(Pieces, WithoutExperimentsAreGeometricBlocks) {
  DriftHistory history = experiments({2000});
  history.values = autoregressive(2000, 0.9, 7);
  const Pieces pieces = pieces_of(history, 300, 10);
  EXPECT_NEAR(pieces.mean_block, 41.2, 0.1);
  PieceStream stream(pieces, Random(5));
  std::size_t previous = stream.next();
  int blocks = 1;
  constexpr int drawn = 200'000;
  for (int i = 1; i < drawn; ++i) {
    const std::size_t row = stream.next();
    if (row != (previous + 1) % 2000) ++blocks;
    previous = row;
  }
  EXPECT_NEAR(static_cast<double>(drawn) / blocks, 41.2, 1.5);
}

}  // namespace
}  // namespace drst
