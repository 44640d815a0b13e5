#include "drift/account.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "table/table.h"

namespace drst {
namespace {

TEST(VnfsOf, FindsTheSchemeOfTheDefaultChain) {
  const ChainSchema schema;
  const auto columns = schema.counter_names();
  const auto found = vnfs_of(columns, {});
  EXPECT_EQ(found, vnfs_of(columns, schema.vnfs)) << "the same as if they were configured";
  for (const auto& vnf : schema.vnfs) EXPECT_EQ(std::count(found.begin(), found.end(), vnf), 12) << vnf;
}

TEST(VnfsOf, CutsWhereBothPartsAreShared) {
  const std::vector<std::string> columns = {"nf_router_L1_loads", "nf_router_L1_misses", "nf_router_cycles",
                                            "dpi_L1_loads",       "dpi_L1_misses",       "dpi_cycles",
                                            "temperature",        "room_humidity"};
  EXPECT_EQ(vnfs_of(columns, {}), (std::vector<std::string>{"nf_router", "nf_router", "nf_router", "dpi",
                                                            "dpi", "dpi", "temperature", "room_humidity"}));
  EXPECT_EQ(vnfs_of(std::vector<std::string>{"_x", "y_", "", "__"}, {}).size(), 4U) << "names of any kind";
}

TEST(VnfsOf, PrefersTheLongestConfiguredName) {
  const std::vector<std::string> columns = {"nf_router_cycles", "nf_cycles", "other_cycles", "nf"};
  const std::vector<std::string> configured = {"nf", "nf_router"};
  EXPECT_EQ(vnfs_of(columns, configured),
            (std::vector<std::string>{"nf_router", "nf", "other_cycles", "nf"}));
}

TEST(Account, AddsUpToAll) {
  Alarm alarm;
  alarm.columns = {"a_x", "a_y", "b_x", "b_y"};
  alarm.by_feature = {0.1, 0.1, 0.2, 0.4};
  const auto vnfs = by_vnf(alarm, {});
  ASSERT_EQ(vnfs.size(), 2U);
  EXPECT_EQ(vnfs[0].name, "b");
  EXPECT_NEAR(vnfs[0].share, 0.75, 1e-12);
  EXPECT_NEAR(vnfs[0].divergence, 0.3, 1e-12);
  EXPECT_NEAR(vnfs[0].share + vnfs[1].share, 1, 1e-12);
  const auto features = by_feature(alarm);
  EXPECT_EQ(features[0].name, "b_y");
  EXPECT_NEAR(features[0].share, 0.5, 1e-12);
  alarm.by_feature = {0, 0, 0, 0};
  EXPECT_EQ(by_vnf(alarm, {})[0].share, 0) << "nothing drifted: no share, and no NaN";
}

}  // namespace
}  // namespace drst
