#include "ingest/row_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<StageTable> one_stage() { return {{"s", Table({"rx", "tx", "nat_cycles", "output_rate"}, 3)}}; }

TEST(RowPlan, FeaturesAreTheColumnsThatAreNoKpis) {
  ProducerSettings settings;
  EXPECT_THAT(RowPlan(one_stage(), {"output_rate"}, settings, "c").columns(0),
              ElementsAre("rx", "tx", "nat_cycles"));
  settings.kpis = {"rx", "tx", "loss"};
  EXPECT_THAT(RowPlan(one_stage(), {"tx"}, settings, "c").columns(0),
              ElementsAre("nat_cycles", "output_rate"))
      << "the usual names mean nothing to another chain";
  settings.lags = true;
  EXPECT_THAT(RowPlan(one_stage(), {"output_rate"}, settings, "c").columns(0),
              ElementsAre("nat_cycles", "nat_cycles@-1"))
      << "the label is none, KPI or not";
}

TEST(RowPlan, LabelsThatNobodyCanUseAreCountedAndLeftOut) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  auto stages = one_stage();
  auto labels = stages[0].table.column(3);
  labels[0] = inf;
  labels[1] = 1e300;
  labels[2] = -5;
  const RowPlan plan(std::move(stages), {"output_rate"}, {}, "c");
  EXPECT_EQ(plan.unusable_labels(), 2U);
  EXPECT_TRUE(std::isnan(plan.truth(0)));
  EXPECT_TRUE(std::isnan(plan.truth(1)));
  EXPECT_FALSE(plan.label(1));
  EXPECT_EQ(plan.label(2), -5);
}

TEST(RowPlan, AStageOfKpisOnlyIsRefused) {
  ProducerSettings settings;
  settings.kpis = {"rx", "tx", "nat_cycles"};
  try {
    const RowPlan plan(one_stage(), {"output_rate"}, settings, "c");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("model.kpis"));
  }
}

}  // namespace
}  // namespace drst
