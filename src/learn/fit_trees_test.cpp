#include "learn/fit_trees.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "learn/families.h"
#include "trees/ensemble.h"

namespace drst {
namespace {

/// y = factor * a * b, some of b missing where it has a stand-in.
Dataset world(double factor, std::size_t rows, uint64_t seed) {
  Random random(seed);
  Dataset data;
  data.inputs = {"a", "b", "b@-1"};
  for (std::size_t r = 0; r < rows; ++r) {
    const double a = random.uniform(1, 3);
    const double b = random.uniform(1, 3);
    const bool first = random.chance(0.1);
    for (const double x : {a, b, first ? std::nan("") : b}) data.x.push_back(static_cast<float>(x));
    data.y.push_back(static_cast<float>(factor * a * b));
  }
  data.starts = {0};
  return data;
}

ModelSettings quick() {
  ModelSettings settings;
  settings.trees = 40;
  settings.gbt_rounds = 100;
  return settings;
}

double error(const Model& model, const Dataset& data) { return evaluate(model, data, 1e-6).bounded; }

TEST(FitTrees, BoostedOnTheyLearnANewWorldAndKeepTheirFirstTrees) {
  for (const bool log_target : {true, false}) {
    const TreeTask task{.log_target = log_target};
    const auto base = fit_trees("gbt", world(1, 400, 1), task, quick(), 1);
    const Dataset test = world(0.5, 200, 2);
    EXPECT_GT(error(*base, test), 0.8);
    const auto more = boost_on(*base, world(0.5, 300, 3), task, {.rounds = 40, .seed = 7});
    EXPECT_LT(error(*more, test), log_target ? 0.1 : 0.2);
    ASSERT_EQ(more->trees()->trees.size(), 140U);
    for (std::size_t t = 0; t < 100; ++t) EXPECT_EQ(more->trees()->trees[t], base->trees()->trees[t]);
    EXPECT_EQ(more->family(), "gbt");
    // One ensemble in one file.
    const auto read = load_model(more->to_onnx({}));
    std::vector<float> mine(test.rows()), theirs(test.rows());
    more->predict(test.x, test.rows(), mine, *more->make_scratch());
    read->predict(test.x, test.rows(), theirs, *read->make_scratch());
    EXPECT_EQ(mine, theirs);
    EXPECT_EQ(more->to_onnx({}),
              boost_on(*base, world(0.5, 300, 3), task, {.rounds = 40, .seed = 7})->to_onnx({}));
    EXPECT_NE(more->to_onnx({}),
              boost_on(*base, world(0.5, 300, 3), task, {.rounds = 40, .seed = 8})->to_onnx({}));
  }
}

TEST(FitTrees, RowsThatTheBaseKnowsTeachItLittle) {
  const auto base = fit_trees("gbt", world(1, 400, 1), {}, quick(), 1);
  const auto more = boost_on(*base, world(1, 400, 1), {}, {.rounds = 20});
  const Dataset test = world(1, 200, 2);
  EXPECT_LT(error(*more, test), error(*base, test) + 0.005);
}

TEST(FitTrees, WeightsSayWhichWorldCounts) {
  Dataset both = world(1, 300, 1);
  append_rows(both, world(0.5, 300, 2));
  for (const std::string family : {"extra_trees", "gbt"})
    for (const bool second : {false, true}) {
      both.weight.assign(600, second ? 0.001F : 1.0F);
      std::fill(both.weight.begin() + 300, both.weight.end(), second ? 1.0F : 0.001F);
      EXPECT_LT(error(*fit_trees(family, both, {}, quick(), 1), world(second ? 0.5 : 1, 200, 3)), 0.12)
          << family << second;
    }
}

TEST(FitTrees, OnlyBoostedTreesCanBeBoostedOn) {
  const Dataset data = world(1, 100, 1);
  const auto base = fit_trees("extra_trees", data, {}, quick(), 1);
  EXPECT_THROW((void)boost_on(*base, data, {}, {}), InputError);
}

}  // namespace
}  // namespace drst
