#include "trees/boosted.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xgboost/c_api.h>

#include "base/error.h"
#include "trees/test_trees.h"
#include "trees/xgboost_library.h"

namespace drst {
namespace {

using ::testing::HasSubstr;
using testing::kInf;
using testing::kNaN;
using testing::power_law;
using testing::predicted;
using testing::Rows;

double mean_error(const TreeEnsemble& e, const Rows& data) {
  const auto out = predicted(e, data.x);
  double sum = 0;
  for (std::size_t r = 0; r < out.size(); ++r) sum += std::abs(out[r] - data.y[r]);
  return sum / static_cast<double>(out.size());
}

TEST(Boosted, LearnsAPowerLaw) {
  const auto train = power_law(2000, 1);
  const auto test = power_law(1000, 2);
  for (const auto loss : {BoostedLoss::squared, BoostedLoss::pseudo_huber}) {
    const auto e = fit_boosted(train.table(), {.rounds = 200, .column_share = 1, .loss = loss});
    EXPECT_EQ(e.trees.size(), 200U);
    EXPECT_FALSE(e.less_or_equal);
    EXPECT_LT(mean_error(e, test), 0.15);
  }
}

TEST(Boosted, PredictsWhatTheLibraryPredicts) {
  // Trained by the library once more, without our conversion: integers, so that many values lie on cuts.
  Rows data(3);
  Random random(1);
  for (int r = 0; r < 300; ++r) {
    const auto a = static_cast<float>(random.below(9));
    const auto b = static_cast<float>(random.below(5));
    data.add({a, b, static_cast<float>(random.below(3))}, a * b);
  }
  const TrainRows rows = prepare_rows(data.table());
  DMatrixHandle matrix = nullptr;
  BoosterHandle booster = nullptr;
  ASSERT_EQ(XGDMatrixCreateFromMat(data.x.data(), 300, 3, kNaN, &matrix), 0);
  ASSERT_EQ(XGDMatrixSetFloatInfo(matrix, "label", rows.target.data(), 300), 0);
  ASSERT_EQ(XGBoosterCreate(&matrix, 1, &booster), 0);
  for (const auto& [key, value] : std::vector<std::pair<const char*, const char*>>{{"tree_method", "hist"},
                                                                                   {"base_score", "0"},
                                                                                   {"learning_rate", "0.3"},
                                                                                   {"max_depth", "4"},
                                                                                   {"min_child_weight", "1"},
                                                                                   {"nthread", "1"},
                                                                                   {"verbosity", "0"}})
    ASSERT_EQ(XGBoosterSetParam(booster, key, value), 0);
  for (int i = 0; i < 20; ++i) ASSERT_EQ(XGBoosterUpdateOneIter(booster, i, matrix), 0);
  bst_ulong count = 0;
  const float* theirs = nullptr;
  ASSERT_EQ(XGBoosterPredict(booster, matrix, 0, 0, 0, &count, &theirs), 0);
  ASSERT_EQ(count, 300U);
  const auto e = fit_boosted(data.table(), {.rounds = 20,
                                            .learning_rate = 0.3,
                                            .depth = 4,
                                            .least_child_weight = 1,
                                            .row_share = 1,
                                            .column_share = 1});
  const auto ours = predicted(e, data.x);
  for (std::size_t r = 0; r < 300; ++r)
    EXPECT_NEAR(ours[r], theirs[r] * rows.deviation + rows.mean, 1e-4) << r;
  XGBoosterFree(booster);
  XGDMatrixFree(matrix);
}

TEST(Boosted, TheSameSeedGivesTheSameTrees) {
  const auto data = power_law(500, 3);
  const auto a = fit_boosted(data.table(), {.rounds = 30, .seed = 7});
  const auto b = fit_boosted(data.table(), {.rounds = 30, .seed = 7});
  const auto c = fit_boosted(data.table(), {.rounds = 30, .seed = 8});
  EXPECT_EQ(predicted(a, data.x), predicted(b, data.x));
  EXPECT_NE(predicted(a, data.x), predicted(c, data.x));
}

TEST(Boosted, OddColumnsDoNoHarm) {
  Rows data(5);
  Random random(8);
  for (int r = 0; r < 300; ++r) {
    const auto a = static_cast<float>(random.uniform(0, 10));
    data.add({a, 5, kNaN, r % 2 == 0 ? kInf : -kInf, r % 2 == 0 ? 3.4e38F : a}, a);
    data.weight.push_back(r % 10 == 0 ? 0 : 1e-6F);
  }
  EXPECT_LT(mean_error(fit_boosted(data.table(), {.column_share = 1}), data), 0.5);
}

TEST(Boosted, OneRowAndEqualTargetsGiveTheMean) {
  Rows data(1);
  data.add({1}, 5);
  EXPECT_NEAR(predicted(fit_boosted(data.table(), {.rounds = 3}), std::vector<float>{9})[0], 5, 1e-5);
  for (int r = 0; r < 20; ++r) data.add({static_cast<float>(r)}, 5);
  EXPECT_NEAR(predicted(fit_boosted(data.table(), {.rounds = 3}), std::vector<float>{9})[0], 5, 1e-5);
}

TEST(Boosted, OptionsOutOfRangeAreRefused) {
  const auto data = power_law(20, 1);
  for (const auto& [options, words] :
       std::vector<std::pair<BoostedOptions, const char*>>{{{.rounds = 0}, "one round"},
                                                           {{.learning_rate = 0}, "learning rate"},
                                                           {{.depth = 0}, "depth"},
                                                           {{.depth = 16}, "depth"},
                                                           {{.least_child_weight = -1}, "negative"},
                                                           {{.row_share = 0}, "share of rows"},
                                                           {{.column_share = 2}, "share of columns"},
                                                           {{.bins = 1}, "bins"},
                                                           {{.huber_slope = 0}, "pseudo-Huber"}}) {
    try {
      fit_boosted(data.table(), options);
      ADD_FAILURE() << words;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(words));
    }
  }
}

TEST(XgboostLibrary, AMissingOrWrongOneIsSaid) {
  const auto said = [](const std::string& file) {
    try {
      trees::open_xgboost(file);
    } catch (const FailedError& error) {
      return std::string(error.what());
    }
    return std::string("opened");
  };
  EXPECT_THAT(said("libxgboost.so.none"), HasSubstr("libxgboost.so.none"));
  EXPECT_THAT(said("libxgboost.so.none"), HasSubstr("libxgboost0"));
  EXPECT_THAT(said("libm.so.6"), HasSubstr("libm.so.6 is not the xgboost library"));
}

}  // namespace
}  // namespace drst
