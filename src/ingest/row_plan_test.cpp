#include "ingest/row_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
