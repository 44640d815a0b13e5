#include "collect/columns.h"

#include <gtest/gtest.h>

#include "collect/rate.h"

namespace drst {
namespace {

using Names = std::vector<std::string>;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t second = 1'000'000'000;

SourceSpec nic() {
  SourceSpec spec;
  spec.type = "nic";
  spec.interface = "eth0";
  return spec;
}

TEST(Columns, GrowInTheOrderInWhichTheyAreMet) {
  ColumnSet set(nic(), {});
  EXPECT_EQ(set.place("b"), 0U);
  EXPECT_EQ(set.place("a"), 1U);
  EXPECT_EQ(set.place("b"), 0U);
  EXPECT_EQ(set.names(), (Names{"eth0_b", "eth0_a"}));
  EXPECT_EQ(set.words(), "");
}

TEST(Columns, WantedOnesAreThereFromTheStartAndOthersAreNot) {
  SourceSpec spec = nic();
  spec.columns = {"b", "c"};
  ColumnSet set(spec, {});
  EXPECT_EQ(set.names(), (Names{"eth0_b", "eth0_c"}));
  EXPECT_EQ(set.place("a"), std::nullopt);
  EXPECT_EQ(set.place("b"), 0U);
  EXPECT_EQ(set.words(), "not there: c");
}

TEST(Columns, BeyondTheLimitAreLeftOutAndSaid) {
  CollectSettings settings;
  settings.max_columns = 1;
  ColumnSet set(nic(), settings);
  EXPECT_EQ(set.place("a"), 0U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(set.place("b"), std::nullopt);
  EXPECT_EQ(set.place("c"), std::nullopt);
  EXPECT_EQ(set.names(), Names{"eth0_a"});
  EXPECT_EQ(set.words(), "2 columns beyond collect.max_columns are left out");
}

TEST(Columns, PrefixesByType) {
  SourceSpec spec = nic();
  EXPECT_EQ(column_prefix(spec), "eth0_");
  spec.name = "wan";
  EXPECT_EQ(column_prefix(spec), "wan_");
  spec = {};
  spec.type = "dpdk";
  spec.port = 3;
  EXPECT_EQ(column_prefix(spec), "port3_");
  spec.type = "pcm";
  EXPECT_EQ(column_prefix(spec), "pcm_");
  spec.type = "perf_stat";
  spec.vnf = "firewall";
  EXPECT_EQ(column_prefix(spec), "firewall_");
  spec.type = "latency";
  EXPECT_EQ(column_prefix(spec), "");
}

TEST(Columns, AreRenamedByTheirBareOrTheirWholeName) {
  SourceSpec spec = nic();
  spec.rename = {{"rx_mbit", "input_rate"}, {"eth0_tx_mbit", "output_rate"}};
  EXPECT_EQ(row_name(spec, "eth0_rx_mbit"), "input_rate");
  EXPECT_EQ(row_name(spec, "eth0_tx_mbit"), "output_rate");
  EXPECT_EQ(row_name(spec, "eth0_rx_pps"), "eth0_rx_pps");
}

TEST(CounterRate, IsPerSecondOfTheTimeThatPassed) {
  CounterRate rate;
  EXPECT_TRUE(std::isnan(rate.next(100, 5 * second)));
  EXPECT_EQ(rate.next(150, 7 * second), 25);
  EXPECT_EQ(rate.next(150, 8 * second), 0);
}

TEST(CounterRate, IsMissingAfterAFallAndRightAgainAfterIt) {
  CounterRate rate;
  rate.next(4'294'967'000.0, second);
  EXPECT_TRUE(std::isnan(rate.next(500, 2 * second))) << "wrapped or reset: nobody knows";
  EXPECT_EQ(rate.next(700, 3 * second), 200);
}

TEST(CounterRate, AMissingCountIsNoBridge) {
  CounterRate rate;
  rate.next(10, second);
  EXPECT_TRUE(std::isnan(rate.next(nan, 2 * second)));
  EXPECT_TRUE(std::isnan(rate.next(30, 3 * second)));
  EXPECT_EQ(rate.next(40, 4 * second), 10);
}

TEST(CounterRate, NoTimeGivesNoRateAndKeepsTheReadBefore) {
  CounterRate rate;
  rate.next(10, second);
  EXPECT_TRUE(std::isnan(rate.next(20, second)));
  EXPECT_EQ(rate.next(30, 2 * second), 20);
}

}  // namespace
}  // namespace drst
