#include "collect/nic_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace drst {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

struct Taken {
  std::vector<double> values, shares;
};

/// A tick: what the collector does with a source.
Taken tick(Source& source) {
  Tick at;
  at.now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(
                  std::chrono::steady_clock::now().time_since_epoch())
                  .count();
  source.ask(at);
  for (int i = 0; i < 1000 && !source.answered(); ++i) std::this_thread::sleep_for(1ms);
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  Taken taken{std::vector<double>(source.columns().size(), nan),
              std::vector<double>(source.columns().size(), nan)};
  source.take(at, taken.values, taken.shares);
  return taken;
}

struct Nic : testing::Test {
  TemporaryFolder folder;
  NicPlaces places;
  SourceSpec spec;
  Nic() {
    places.interfaces = folder.path();
    places.driver = [](const std::string&) { return DriverStatistics{}; };
    spec.type = "nic";
    spec.interface = "eth0";
    spec.where = "chain.toml:3";
  }
  void interface(double bytes, double others, int index = 2) {
    const auto at = folder.path() / "eth0";
    make_folders(at / "statistics");
    write_file_atomic(at / "ifindex", to_text(index) + "\n", Sync::no);
    for (const char* way : {"rx", "tx"})
      for (const char* what : {"_bytes", "_packets", "_dropped", "_errors"})
        write_file_atomic(at / "statistics" / (std::string(way) + what),
                          to_text(std::string(what) == "_bytes" ? bytes : others) + "\n", Sync::no);
  }
  std::unique_ptr<Source> make() { return make_nic_source(spec, {}, places); }
};

TEST_F(Nic, RatesAreOfTheTimeThatReallyPassed) {
  interface(1000, 10);
  const auto source = make();
  EXPECT_EQ(source->name(), "nic eth0");
  EXPECT_EQ(source->columns(),
            (std::vector<std::string>{"eth0_rx_mbit", "eth0_rx_pps", "eth0_rx_dropped", "eth0_rx_errors",
                                      "eth0_tx_mbit", "eth0_tx_pps", "eth0_tx_dropped", "eth0_tx_errors"}));
  EXPECT_TRUE(source->knows_columns());
  EXPECT_TRUE(std::isnan(tick(*source).values[0])) << "one read is no rate";
  EXPECT_TRUE(source->state().present);
  const auto begin = std::chrono::steady_clock::now();
  interface(1000 + 125'000, 10 + 60);
  std::this_thread::sleep_for(100ms);
  const auto taken = tick(*source);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_GE(taken.values[0], 1 / (seconds + 0.5));
  EXPECT_LE(taken.values[0], 1 / 0.1);
  EXPECT_NEAR(taken.values[1] / taken.values[0], 60, 3);
  EXPECT_EQ(taken.shares[0], 1);
}

TEST_F(Nic, WrapResetAndAnotherInterfaceAreMissingNotHuge) {
  interface(4'000'000'000, 4'000'000'000);
  const auto source = make();
  tick(*source);
  interface(5, 5);
  EXPECT_TRUE(std::isnan(tick(*source).values[1])) << "wrapped, or the driver was loaded again";
  interface(10, 10);
  EXPECT_GT(tick(*source).values[1], 0);
  interface(1e12, 1e12, 3);
  EXPECT_TRUE(std::isnan(tick(*source).values[1])) << "another of the same name, whose counts are larger";
  EXPECT_TRUE(source->state().present);
}

TEST_F(Nic, AnInterfaceThatIsGoneIsFoundAgain) {
  const auto source = make();
  EXPECT_TRUE(std::isnan(tick(*source).values[0]));
  EXPECT_FALSE(source->state().present);
  EXPECT_THAT(source->state().words, HasSubstr("there is no such interface"));
  interface(1, 1);
  tick(*source);
  EXPECT_EQ(tick(*source).values[0], 0);
  EXPECT_TRUE(source->state().present);
  std::filesystem::remove_all(folder.path() / "eth0");
  EXPECT_TRUE(std::isnan(tick(*source).values[0]));
  EXPECT_FALSE(source->state().present);
  interface(1, 1);
  EXPECT_TRUE(std::isnan(tick(*source).values[0]));
  EXPECT_EQ(tick(*source).values[0], 0);
}

TEST_F(Nic, WantedColumnsOnly) {
  interface(1, 1);
  spec.columns = {"tx_pps"};
  spec.name = "wan";
  const auto source = make();
  EXPECT_EQ(source->columns(), std::vector<std::string>{"wan_tx_pps"});
  tick(*source);
  EXPECT_EQ(tick(*source).values, std::vector<double>{0});
  spec.columns = {"tx_ppps"};
  try {
    (void)make();
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("chain.toml:3: an interface has no column 'tx_ppps'; did you mean 'tx_pps'"));
  }
}

TEST_F(Nic, StatisticsOfTheDriver) {
  interface(1, 1);
  spec.ethtool = true;
  std::atomic<std::uint64_t> count = 10;
  places.driver = [&](const std::string& name) {
    EXPECT_EQ(name, "eth0");
    return DriverStatistics{{{"rx_errors", count += 10}, {"q0", 5}, {"q0", 6}}, ""};
  };
  const auto source = make();
  for (int i = 0; i < 1000 && !source->knows_columns(); ++i) std::this_thread::sleep_for(1ms);
  ASSERT_TRUE(source->knows_columns()) << "before the first tick";
  ASSERT_EQ(source->columns().size(), 11U);
  EXPECT_EQ(source->columns()[8], "eth0_rx_errors.1") << "the kernel's has the name";
  EXPECT_EQ(source->columns()[10], "eth0_q0.1");
  tick(*source);
  const auto taken = tick(*source);
  EXPECT_GT(taken.values[8], 0);
  EXPECT_EQ(taken.values[9], 0);
  EXPECT_EQ(taken.values[3], 0);
}

TEST_F(Nic, ADriverThatHangsHoldsNobodyUp) {
  interface(1, 1);
  spec.ethtool = true;
  const auto hangs = std::make_shared<std::atomic<bool>>(true);
  places.driver = [hangs](const std::string&) {
    while (*hangs) std::this_thread::sleep_for(1ms);
    return DriverStatistics{{{"x", 1}}, ""};
  };
  const auto source = make();
  Tick at;
  source->ask(at);
  EXPECT_FALSE(source->answered());
  std::vector<double> values(8), shares(8);
  source->take(at, values, shares);
  source->take(at, values, shares);
  EXPECT_EQ(values[0], 0) << "the kernel's counters are there";
  EXPECT_THAT(source->state().words, HasSubstr("the driver has not answered in time"));
  *hangs = false;
}

TEST_F(Nic, ADriverWithoutStatisticsIsSaid) {
  spec.ethtool = true;
  spec.interface = "lo";
  spec.columns = {"rx_pps", "rx_queue_0_drops"};
  const auto source = make_nic_source(spec, {}, {});
  tick(*source);
  tick(*source);
  EXPECT_THAT(source->state().words, HasSubstr("the driver has no statistics"));
  EXPECT_THAT(source->state().words, HasSubstr("not there: rx_queue_0_drops"));
}

TEST_F(Nic, TheRealLoopback) {
  spec.interface = "lo";
  const auto source = make_nic_source(spec, {});
  tick(*source);
  std::this_thread::sleep_for(5ms);
  const auto taken = tick(*source);
  for (const double value : taken.values) EXPECT_GE(value, 0);
  EXPECT_TRUE(source->state().present);
  EXPECT_EQ(source->state().words, "");
}

}  // namespace
}  // namespace drst
