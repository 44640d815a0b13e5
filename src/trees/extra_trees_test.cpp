#include "trees/extra_trees.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "trees/test_trees.h"

namespace drst {
namespace {

using testing::kInf;
using testing::kNaN;
using testing::power_law;
using testing::predicted;
using testing::Rows;

bool same(const TreeEnsemble& a, const TreeEnsemble& b) {
  const auto equal = [](const TreeNode& m, const TreeNode& n) {
    return m.value == n.value && m.feature == n.feature && m.right == n.right;
  };
  return a.trees == b.trees && a.base == b.base && a.scale == b.scale && a.impute == b.impute &&
         std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(), equal);
}

double mean_error(const TreeEnsemble& e, const Rows& data) {
  const auto out = predicted(e, data.x);
  double sum = 0;
  for (std::size_t r = 0; r < out.size(); ++r) sum += std::abs(out[r] - data.y[r]);
  return sum / static_cast<double>(out.size());
}

/// Rows in each leaf of a tree.
std::vector<std::size_t> leaf_sizes(const TreeEnsemble& e, std::size_t t, std::span<const float> x) {
  const auto tree = e.tree(t);
  std::vector<std::size_t> sizes(tree.size(), 0);
  for (std::size_t r = 0; r < x.size() / e.inputs.size(); ++r) {
    std::size_t at = 0;
    while (!e.is_leaf(tree[at]))
      at = tree[at].right - (x[r * e.inputs.size() + tree[at].feature] <= tree[at].value ? 1U : 0U);
    ++sizes[at];
  }
  std::vector<std::size_t> leaves;
  for (std::size_t i = 0; i < tree.size(); ++i)
    if (e.is_leaf(tree[i])) leaves.push_back(sizes[i]);
  return leaves;
}

TEST(ExtraTrees, LearnAStep) {
  Rows data(2);
  Random random(1);
  for (int r = 0; r < 400; ++r) {
    const auto a = static_cast<float>(random.uniform(0, 100));
    data.add({a, static_cast<float>(random.normal())}, a <= 50 ? 3.0F : 7.0F);
  }
  const auto e = fit_extra_trees(data.table(), {.trees = 50, .feature_share = 1, .least_leaf = 1});
  EXPECT_LT(mean_error(e, data), 1e-5);
  EXPECT_NEAR(predicted(e, std::vector<float>{20, 0})[0], 3, 0.05);
  EXPECT_NEAR(predicted(e, std::vector<float>{80, 0})[0], 7, 0.05);
}

TEST(ExtraTrees, LearnAPowerLawWithinTenPercent) {
  const auto train = power_law(3000, 1);
  const auto test = power_law(1000, 2);
  const auto logs = fit_extra_trees(train.table(), {.feature_share = 1});
  EXPECT_LT(mean_error(logs, test), 0.1) << "targets are ln(y): 10 %";
  const auto raw = fit_extra_trees(train.table(), {.feature_share = 1, .log_splits = false});
  EXPECT_LT(mean_error(logs, test), 0.8 * mean_error(raw, test)) << "decades are better cut in logarithms";
}

TEST(ExtraTrees, TheNumberOfThreadsChangesNothingAndTheSeedDoes) {
  const auto data = power_law(300, 3);
  const auto one = fit_extra_trees(data.table(), {.trees = 23, .threads = 1});
  for (const std::size_t threads : {2U, 5U, 40U})
    EXPECT_TRUE(same(one, fit_extra_trees(data.table(), {.trees = 23, .threads = threads})));
  EXPECT_FALSE(same(one, fit_extra_trees(data.table(), {.trees = 23, .seed = 2})));
}

TEST(ExtraTrees, MoreTreesKeepTheFirstOnes) {
  const auto data = power_law(300, 3);
  const auto few = fit_extra_trees(data.table(), {.trees = 3, .most_nodes = 3000});
  const auto many = fit_extra_trees(data.table(), {.trees = 5, .most_nodes = 5000});
  ASSERT_EQ(few.tree(2).size(), many.tree(2).size());
  for (std::size_t i = 0; i < few.tree(2).size(); ++i) EXPECT_EQ(few.tree(2)[i].value, many.tree(2)[i].value);
}

TEST(ExtraTrees, LeavesHoldAsManyRowsAsAskedAndAllRows) {
  const auto data = power_law(500, 4);
  for (const std::size_t least : {1U, 5U, 60U}) {
    const auto e = fit_extra_trees(data.table(), {.trees = 10, .least_leaf = least});
    for (std::size_t t = 0; t < 10; ++t) {
      const auto sizes = leaf_sizes(e, t, data.x);
      std::size_t sum = 0;
      for (const std::size_t size : sizes) {
        EXPECT_GE(size, least);
        sum += size;
      }
      EXPECT_EQ(sum, 500U);
      EXPECT_GE(sizes.size(), 250 / least / 2) << "a bad draw must not end a tree";
    }
  }
}

TEST(ExtraTrees, TheBoundOnNodesHoldsAndCostsTheLeastImportantLeaves) {
  const auto data = power_law(2000, 5);
  const auto free = fit_extra_trees(data.table(), {.trees = 20, .feature_share = 1});
  const auto bound = fit_extra_trees(data.table(), {.trees = 20, .feature_share = 1, .most_nodes = 2000});
  EXPECT_GT(free.nodes.size(), 5000U);
  EXPECT_LE(bound.nodes.size(), 2000U);
  EXPECT_GT(bound.nodes.size(), 1900U);
  EXPECT_LT(mean_error(bound, data), 0.35);
  const auto stumps = fit_extra_trees(data.table(), {.trees = 20, .most_nodes = 20});
  EXPECT_EQ(stumps.nodes.size(), 20U);
}

RC_GTEST_PROP(ExtraTrees, PredictionsLieWithinTheTargets, (uint64_t seed)) {
  Random random(seed);
  Rows data(4);
  const std::size_t rows = 1 + random.below(60);
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<float> row;
    for (int i = 0; i < 4; ++i)
      row.push_back(random.chance(0.1) ? kNaN : static_cast<float>(random.normal() * 1e3));
    data.add(row, static_cast<float>(random.normal() * 100 + 5));
    data.weight.push_back(random.chance(0.2) ? 0 : static_cast<float>(random.exponential(1)));
  }
  data.weight[0] = 1;
  const auto e = fit_extra_trees(data.table(), {.trees = 7, .least_leaf = 1 + random.below(4), .seed = seed});
  float low = kInf;
  float high = -kInf;
  for (std::size_t r = 0; r < rows; ++r) {
    if (data.weight[r] == 0) continue;
    low = std::min(low, data.y[r]);
    high = std::max(high, data.y[r]);
  }
  for (const float y : predicted(e, testing::random_raw(4, 50, seed))) {
    RC_ASSERT(y >= low - 1e-3F);
    RC_ASSERT(y <= high + 1e-3F);
  }
}

TEST(ExtraTrees, RowsOfWeightZeroAreAsIfTheyWereNotThere) {
  auto data = power_law(200, 6);
  auto without = data;
  data.weight.assign(200, 2.5F);
  without.weight = data.weight;
  for (int r = 0; r < 50; ++r) {
    data.add({1e9F, kNaN, kInf}, r % 2 == 0 ? kNaN : -1e30F);
    data.weight.push_back(0);
  }
  EXPECT_TRUE(
      same(fit_extra_trees(data.table(), {.trees = 9}), fit_extra_trees(without.table(), {.trees = 9})));
}

TEST(ExtraTrees, TheScaleOfWeightsDoesNotMatter) {
  auto data = power_law(200, 6);
  for (std::size_t r = 0; r < 200; ++r) data.weight.push_back(r % 3 == 0 ? 1.0F : 4.0F);
  auto scaled = data;
  for (float& w : scaled.weight) w *= 0x1p-40F;
  EXPECT_TRUE(
      same(fit_extra_trees(data.table(), {.trees = 9}), fit_extra_trees(scaled.table(), {.trees = 9})));
}

TEST(ExtraTrees, AWeightCountsAsThatManyRowsInALeaf) {
  Rows weighted(1);
  Rows repeated(1);
  for (int r = 0; r < 40; ++r) {  // two values of the only input: one split, whatever is drawn
    const std::vector<float> row = {r % 2 == 0 ? 3.0F : 900.0F};
    const auto y = static_cast<float>(r * r % 17);
    weighted.add(row, y);
    weighted.weight.push_back(static_cast<float>(1 + r % 5));
    for (int k = 0; k < 1 + r % 5; ++k) repeated.add(row, y);
  }
  const auto a = fit_extra_trees(weighted.table(), {.trees = 4});
  const auto b = fit_extra_trees(repeated.table(), {.trees = 4});
  ASSERT_EQ(a.nodes.size(), 12U);
  const std::vector<float> raw = {3, 900};
  const auto pa = predicted(a, raw);
  const auto pb = predicted(b, raw);
  EXPECT_NEAR(pa[0], pb[0], 1e-5F);
  EXPECT_NEAR(pa[1], pb[1], 1e-5F);
  EXPECT_NE(pa[0], pa[1]);
}

TEST(ExtraTrees, WeightsPullTheSplitToTheRowsThatCount) {
  Rows data(2);
  Random random(7);
  for (int r = 0; r < 400; ++r) {  // half the rows follow c0, the other half c1
    const double a = random.uniform(0, 1);
    const double b = random.uniform(0, 1);
    const bool first = r % 2 == 0;
    data.add({static_cast<float>(a), static_cast<float>(b)}, static_cast<float>(first ? a : b));
    data.weight.push_back(first ? 1.0F : 1e-4F);
  }
  const auto e = fit_extra_trees(data.table(), {.trees = 50, .feature_share = 1});
  EXPECT_NEAR(predicted(e, std::vector<float>{0.2F, 0.9F})[0], 0.2, 0.05);
}

TEST(ExtraTrees, OddColumnsDoNoHarm) {
  Rows data(8);
  Random random(8);
  for (int r = 0; r < 300; ++r) {
    const auto a = static_cast<float>(random.uniform(0, 10));
    const float huge = r % 3 == 0 ? 3.4e38F : r % 3 == 1 ? -3.4e38F : a;
    data.add({a, a, 5, kNaN, r % 2 == 0 ? kInf : a, r % 2 == 0 ? -kInf : kInf, huge, r % 2 == 0 ? kNaN : a},
             a);
  }
  for (const bool log_splits : {true, false}) {
    const auto e = fit_extra_trees(
        data.table(), {.trees = 30, .feature_share = 1, .least_leaf = 2, .log_splits = log_splits});
    for (const auto& node : e.nodes) {
      EXPECT_NE(node.feature, 2) << "a constant cannot be split";
      EXPECT_NE(node.feature, 3) << "what is never there cannot be split";
    }
    EXPECT_EQ(e.impute[3], 0);
    EXPECT_LT(mean_error(e, data), 0.2);
  }
}

TEST(ExtraTrees, NeighbouringFloatsAreToldApart) {
  Rows data(1);
  const float low = 1e9F;
  const float high = std::nextafter(low, 2e9F);
  for (int r = 0; r < 40; ++r) data.add({r % 2 == 0 ? low : high}, r % 2 == 0 ? 1.0F : 2.0F);
  const auto raw = fit_extra_trees(data.table(), {.trees = 3, .log_splits = false});
  EXPECT_EQ(predicted(raw, std::vector<float>{low, high}), (std::vector<float>{1, 2}));
  // In logarithms the two are one float32, so the column counts as constant.
  const auto logs = fit_extra_trees(data.table(), {.trees = 3});
  EXPECT_EQ(logs.nodes.size(), 3U);
}

TEST(ExtraTrees, TooFewRowsGiveAStump) {
  for (const std::size_t rows : {1U, 2U, 9U}) {
    Rows data(1);
    for (std::size_t r = 0; r < rows; ++r) data.add({static_cast<float>(r)}, static_cast<float>(r));
    const auto e = fit_extra_trees(data.table(), {.trees = 4, .least_leaf = 5});
    EXPECT_EQ(e.nodes.size(), 4U);
    EXPECT_NEAR(predicted(e, std::vector<float>{1e9F})[0], static_cast<float>(rows - 1) / 2, 1e-6F);
  }
}

TEST(ExtraTrees, EqualTargetsGiveAStump) {
  Rows data(1);
  for (int r = 0; r < 50; ++r) data.add({static_cast<float>(r)}, 42);
  const auto e = fit_extra_trees(data.table(), {.trees = 4});
  EXPECT_EQ(e.nodes.size(), 4U);
  EXPECT_EQ(predicted(e, std::vector<float>{7})[0], 42);
}

TEST(ExtraTrees, GapsAreFilledByStandInThenMedian) {
  Rows data(2);
  for (int r = 0; r < 60; ++r)
    data.add({static_cast<float>(r), r % 4 == 0 ? kNaN : static_cast<float>(r)}, static_cast<float>(r < 30));
  auto table = data.table();
  table.stand_in = {-1, 0};
  const auto e = fit_extra_trees(table, {.trees = 30, .feature_share = 1});
  EXPECT_EQ(e.stand_in, table.stand_in);
  EXPECT_EQ(e.impute[0], 29);
  const auto out = predicted(e, std::vector<float>{5, kNaN, 50, kNaN});
  EXPECT_NEAR(out[0], 1, 0.1);
  EXPECT_NEAR(out[1], 0, 0.1);
  table.impute = {7, 8};
  EXPECT_EQ(fit_extra_trees(table, {.trees = 1}).impute, table.impute);
}

TEST(ExtraTrees, WrongInputIsRefusedWithItsReason) {
  const auto refused = [](TrainTable table, const ExtraTreesOptions& options, const char* words) {
    try {
      fit_extra_trees(table, options);
      ADD_FAILURE() << "accepted what should be refused for '" << words << "'";
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(words));
    }
  };
  const auto good = power_law(20, 1);
  refused(good.table(), {.trees = 0}, "at least one tree");
  refused(good.table(), {.trees = 10, .most_nodes = 9}, "a node for each");
  refused(good.table(), {.feature_share = 0}, "share of inputs");
  refused(good.table(), {.feature_share = 1.01}, "share of inputs");
  refused(good.table(), {.feature_share = kNaN}, "share of inputs");
  refused(good.table(), {.least_leaf = 0}, "at least one row");
  refused(Rows(2).table(), {}, "no row");
  refused(Rows(0).table(), {}, "0 inputs");
  auto bad = good;
  bad.x.pop_back();
  refused(bad.table(), {}, "20 targets");
  bad = good;
  bad.y[3] = kNaN;
  refused(bad.table(), {}, "target of row 3");
  bad = good;
  bad.weight.assign(19, 1);
  refused(bad.table(), {}, "19 weights");
  bad.weight.assign(20, 1);
  bad.weight[4] = -1;
  refused(bad.table(), {}, "weight of row 4");
  bad.weight.assign(20, 0);
  refused(bad.table(), {}, "positive weight");
  auto table = good.table();
  table.stand_in = {0, 1, 3};
  refused(table, {}, "stand-in");
  table.stand_in = {0};
  refused(table, {}, "stand_in");
  table = good.table();
  table.impute = {1};
  refused(table, {}, "impute");
}

}  // namespace
}  // namespace drst
