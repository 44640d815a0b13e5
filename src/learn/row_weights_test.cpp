#include "learn/row_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "learn/offline.h"

namespace drst {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
constexpr double missing = std::numeric_limits<double>::quiet_NaN();

TEST(QualityWeights, AreMeanSharesOverTheirMean) {
  Table quality;
  quality.add_column("a", {0.2, 1.0, missing, 0.4});
  quality.add_column("b", {0.4, 1.0, missing, missing});
  EXPECT_THAT(quality_weights(quality, 1),
              ElementsAre(DoubleEq(0.3 * 3 / 1.7), DoubleEq(3 / 1.7), 1, DoubleEq(0.4 * 3 / 1.7)));
  const auto squared = quality_weights(quality, 2);
  EXPECT_DOUBLE_EQ(squared[1] / squared[3], 1 / 0.16);
}

TEST(QualityWeights, WhatIsNoShareIsNotKnown) {
  Table quality;
  quality.add_column("a", {-1, 2, missing, std::numeric_limits<double>::infinity()});
  EXPECT_THAT(quality_weights(quality, 1), ElementsAre(1, 1, 1, 1));
}

TEST(RowsWithTarget, AreThoseOfTraining) {
  Table table;
  table.add_column("y", {1, missing, 1e300, 4});
  EXPECT_THAT(rows_with_target(table, "y"), ElementsAre(0, 3));
}

/// A table whose second half says something else, and was hardly counted.
TEST(OfflineWeights, RowsThatWereHardlyCountedTeachLess) {
  constexpr std::size_t rows = 400;
  std::vector<double> x(rows), y(rows), share(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    x[r] = 1 + static_cast<double>(r / 2 % 20);
    const bool bad = r % 2 == 1;
    y[r] = bad ? 100 : 10 * x[r];
    share[r] = bad ? 0.01 : 1;
  }
  Table table, quality;
  table.add_column("output_rate", y);
  table.add_column("x", x);
  quality.add_column("x", share);
  ModelSettings settings;
  settings.family = "extra_trees";
  settings.lags = "off";
  const auto error_of = [&](const OfflineOptions& options) {
    const auto trained = train_offline(table, settings, options);
    const auto scratch = trained.model->make_scratch();
    double error = 0;
    for (std::size_t r = 0; r < rows; r += 2) {
      const auto input = static_cast<float>(x[r]);
      float predicted = 0;
      trained.model->predict({&input, 1}, 1, {&predicted, 1}, *scratch);
      error += std::abs(static_cast<double>(predicted) - y[r]) / y[r];
    }
    return error / (0.5 * rows);
  };
  OfflineOptions plain, weighted;
  weighted.row_weights = quality_weights(quality, 2);
  EXPECT_LT(error_of(weighted), 0.5 * error_of(plain));
  weighted.row_weights.pop_back();
  EXPECT_THROW(train_offline(table, settings, weighted), InputError);
}

}  // namespace
}  // namespace drst
