#include "drift/divergence.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <deque>
#include <limits>

#include "base/error.h"
#include "base/random.h"

namespace drst {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(JsDivergence, MatchesAnIndependentImplementation) {
  // numpy: p, q normalised, m = (p + q) / 2, 0.5 * (nansum(p log2(p / m)) + nansum(q log2(q / m))).
  const std::vector<uint32_t> a = {10, 0, 5, 85};
  const std::vector<uint32_t> b = {0, 40, 30, 30};
  EXPECT_NEAR(js_divergence_bits(a, b), 0.42032522165487807, 1e-14);
  const std::vector<uint32_t> c = {1, 2, 3, 4, 5, 6, 7, 8, 9, 55};
  const std::vector<uint32_t> d = {55, 9, 8, 7, 6, 5, 4, 3, 2, 1};
  EXPECT_NEAR(js_divergence_bits(c, d), 0.5460302983690062, 1e-14);
}

TEST(JsDivergence, IsZeroForEqualAndOneForDisjointHistograms) {
  EXPECT_NEAR(js_divergence_bits(std::vector<uint32_t>{3, 4, 5}, std::vector<uint32_t>{3, 4, 5}), 0, 1e-15);
  EXPECT_NEAR(js_divergence_bits(std::vector<uint32_t>{3, 9, 0, 0}, std::vector<uint32_t>{0, 0, 7, 5}), 1,
              1e-15);
}

TEST(QuantileEdges, HoldTheBaselineBetweenFirstAndLast) {
  const std::vector<double> values = {5, 1, 3, 2, 4, nan, std::numeric_limits<double>::infinity()};
  const BinEdges edges = quantile_edges(values, 4);
  ASSERT_EQ(edges.edges.size(), 5U);
  EXPECT_EQ(edges.edges[0], 1);
  EXPECT_EQ(edges.edges[1], 2);
  EXPECT_EQ(edges.edges[3], 4);
  EXPECT_EQ(edges.bin(0.99), 0U) << "underflow";
  EXPECT_EQ(edges.bin(1), 1U);
  EXPECT_EQ(edges.bin(5), 4U) << "the largest value of the baseline is inside";
  EXPECT_EQ(edges.bin(5.01), 5U) << "overflow";
  EXPECT_EQ(edges.bin(nan), 6U);
  EXPECT_EQ(edges.bins(), 7U);
}

TEST(QuantileEdges, OfAConstantSeeAnyOtherValue) {
  const BinEdges edges = quantile_edges(std::vector<double>(9, 7.0), 16);
  EXPECT_NE(edges.bin(7), edges.bin(std::nextafter(7.0, 8.0)));
  EXPECT_NE(edges.bin(7), edges.bin(std::nextafter(7.0, 6.0)));
}

TEST(QuantileEdges, OfNothingStillTellMissingFromPresent) {
  const BinEdges edges = quantile_edges(std::vector<double>{nan, nan}, 16);
  EXPECT_EQ(edges.bins(), 3U);
  EXPECT_NE(edges.bin(nan), edges.bin(0));
}

/// What JsWindow must equal: counts anew from the last records.
double recomputed(const JsWindow& js, const std::vector<std::vector<double>>& base,
                  const std::deque<std::vector<double>>& records, std::size_t feature, std::size_t span) {
  const BinEdges& edges = js.edges()[feature];
  std::vector<uint32_t> a(edges.bins());  // totals may differ: the formula takes shares
  std::vector<uint32_t> b(edges.bins());
  for (const auto& row : base) ++a[edges.bin(row[feature])];
  for (std::size_t i = records.size() - span; i < records.size(); ++i) ++b[edges.bin(records[i][feature])];
  return js_divergence_bits(a, b);
}

RC_GTEST_PROP(JsWindow, EqualsTheFullRecomputationOnRandomStreams, ()) {
  const auto third = *rc::gen::inRange<std::size_t>(1, 40);
  const std::size_t window = 3 * third;
  const auto features = *rc::gen::inRange<std::size_t>(1, 6);
  const auto bins = *rc::gen::inRange<std::size_t>(1, 70);
  const auto length = *rc::gen::inRange<std::size_t>(0, 400);
  Random random(*rc::gen::arbitrary<uint64_t>());
  double level = 0;
  const auto record = [&] {
    std::vector<double> row;
    for (std::size_t f = 0; f < features; ++f) {
      level += random.normal() * 0.05;
      row.push_back(random.chance(0.1) ? nan : std::round(4 * (level + random.normal())) / 4);  // with ties
    }
    return row;
  };
  std::vector<std::vector<double>> base;
  std::vector<double> flat;
  for (std::size_t r = 0; r < window; ++r) {
    base.push_back(record());
    flat.insert(flat.end(), base.back().begin(), base.back().end());
  }
  const std::vector<std::size_t> spans = {window, third, 2 * window};
  JsWindow js(flat, window, features, bins, {third, 2 * window});
  std::deque<std::vector<double>> records;
  for (std::size_t r = 0; r < window + length; ++r) {
    records.push_back(record());
    js.push(records.back());
    if (records.size() > 2 * window) records.pop_front();
    RC_ASSERT(js.full() == (r + 1 >= window));
    if (!js.full() || r % 7 != 0) continue;
    for (std::size_t voice = 0; voice < 3; ++voice) {
      RC_ASSERT(js.full(voice) == (r + 1 >= spans[voice]));
      if (!js.full(voice)) continue;
      double sum = 0;
      for (std::size_t f = 0; f < features; ++f) {
        const double expected = recomputed(js, base, records, f, spans[voice]);
        RC_ASSERT(std::abs(js.feature(f, voice) - expected) <= 1e-12);
        sum += expected;
      }
      RC_ASSERT(std::abs(js.signal(voice) - sum / static_cast<double>(features)) <= 1e-12);
    }
  }
}

TEST(JsWindow, DoesNotDriftOverAMillionUpdates) {
  constexpr std::size_t window = 60;
  Random random(3);
  std::vector<double> base;
  for (std::size_t i = 0; i < window; ++i) base.push_back(random.normal());
  JsWindow js(base, window, 1, 16);
  for (int i = 0; i < 1'000'000; ++i) {
    const double x = random.normal() + (i % 1000) * 1e-3;
    js.push({&x, 1});
  }
  for (std::size_t i = 0; i < window; ++i) js.push({&base[i], 1});
  EXPECT_LE(js.signal(), 1e-13) << "the baseline itself has no divergence, whatever passed before";
}

TEST(JsWindow, SeesAVanishedColumnAsOneBit) {
  std::vector<double> base;
  for (int i = 0; i < 20; ++i) base.insert(base.end(), {double(i), double(i % 3)});
  JsWindow js(base, 20, 2, 8);
  for (int i = 0; i < 20; ++i) js.push(std::vector<double>{nan, double(i % 3)});
  EXPECT_NEAR(js.feature(0), 1, 1e-12);
  EXPECT_NEAR(js.signal(), (1 + js.feature(1)) / 2, 1e-12);
}

TEST(JsWindow, KnowsInfinityFromMissing) {
  std::vector<double> base;
  base.reserve(20);
  for (int i = 0; i < 20; ++i) base.push_back(i);
  JsWindow js(base, 20, 1, 5);
  const double infinity = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 10; ++i) js.push({&infinity, 1});
  const double lowest = -infinity;
  for (int i = 0; i < 10; ++i) js.push({&lowest, 1});
  EXPECT_NEAR(js.signal(), 1, 1e-12) << "over- and underflow, where the baseline has nothing";
}

TEST(JsWindow, ClearsTheWindowAndKeepsTheBaseline) {
  std::vector<double> base;
  base.reserve(30);
  for (int i = 0; i < 30; ++i) base.push_back(i);
  JsWindow js(base, 30, 1, 6);
  const double far = 1000;
  for (int i = 0; i < 30; ++i) js.push({&far, 1});
  EXPECT_NEAR(js.signal(), 1, 1e-12);
  js.clear_window();
  EXPECT_FALSE(js.full());
  for (const double x : base) js.push({&x, 1});
  EXPECT_TRUE(js.full());
  EXPECT_NEAR(js.signal(), 0, 1e-13);
}

TEST(JsWindow, RefusesSizesThatDoNotFit) {
  const std::vector<double> base(20, 1.0);
  EXPECT_THROW(JsWindow(base, 20, 2, 4), InputError);
  EXPECT_THROW(JsWindow(base, 20, 1, 0), InputError);
  EXPECT_THROW(JsWindow(base, 20, 1, 4, {7}), InputError);
  EXPECT_THROW(JsWindow(base, 20, 1, 4, {30}), InputError);
  EXPECT_THROW(JsWindow({}, 0, 1, 4), InputError);
}

}  // namespace
}  // namespace drst
