#include "learn/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace drst {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Expected values by numpy: tools/golden_learn.py.
TEST(Metrics, EqualNumpy) {
  const double truth[] = {100, 250, -40, 1000, 5, 60, 0, 900, 75, 310, 42};
  const double predicted[] = {110, 200, -52, 1000, 9, 55, 1e-7, 540, 91, 372, 42.5};
  Scores scores(1e-6);
  for (std::size_t i = 0; i < std::size(truth); ++i) scores.add(predicted[i], truth[i]);
  const Metrics m = scores.metrics();
  EXPECT_EQ(m.n, 11U);
  EXPECT_DOUBLE_EQ(m.acc015, 0.45454545454545453);
  EXPECT_DOUBLE_EQ(m.acc02, 0.6363636363636364);
  EXPECT_DOUBLE_EQ(m.acc025, 0.7272727272727273);
  EXPECT_DOUBLE_EQ(m.mae, 47.227272736363645);
  EXPECT_DOUBLE_EQ(m.rmse, 111.39008034829672);
  EXPECT_DOUBLE_EQ(m.e_p50, 0.2);
  EXPECT_DOUBLE_EQ(m.e_p80, 0.3);
  EXPECT_DOUBLE_EQ(m.e_p90, 0.4);
  EXPECT_DOUBLE_EQ(m.e_p95, 0.6000000000000001);
  EXPECT_DOUBLE_EQ(m.e_p99, 0.7600000000000002);
  EXPECT_DOUBLE_EQ(m.bounded, 0.218961038961039);
}

TEST(Metrics, AMissingPredictionIsWrongAndAMissingTruthIsNoPair) {
  Scores scores(1e-6);
  scores.add(10, 10);
  scores.add(nan, 10);
  scores.add(10, nan);
  const Metrics m = scores.metrics();
  EXPECT_EQ(m.n, 2U);
  EXPECT_DOUBLE_EQ(m.acc02, 0.5);
  EXPECT_DOUBLE_EQ(m.bounded, 0.5);
  EXPECT_DOUBLE_EQ(m.mae, 0);
  EXPECT_TRUE(std::isinf(m.e_p99));
}

TEST(Metrics, JsonKnowsNoNaN) {
  EXPECT_EQ(to_json(Scores(1).metrics()),
            R"({"acc@0.15": null, "acc@0.2": null, "acc@0.25": null, "mae": null, "rmse": null, )"
            R"("e_p50": null, "e_p80": null, "e_p90": null, "e_p95": null, "e_p99": null})");
  Scores one(1);
  one.add(3, 2);
  EXPECT_EQ(to_json(one.metrics()),
            R"({"acc@0.15": 0, "acc@0.2": 0, "acc@0.25": 0, "mae": 1, "rmse": 1, )"
            R"("e_p50": 0.5, "e_p80": 0.5, "e_p90": 0.5, "e_p95": 0.5, "e_p99": 0.5})");
}

}  // namespace
}  // namespace drst
