// Thousands of seeded runs of the whole loop under faults, and the proof that the harness finds planted
// mistakes. DRST_SIMULATIONS: how many seeds (default 400; `make test-long` 10 000). DRST_SIMULATION_SEED=N:
// only that one, told in full.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "simulation/world.h"

namespace drst::testing {
namespace {

uint64_t number_from(const char* variable, uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

const SimulationStart& start() {
  static const SimulationStart prepared = [] {
    // Thousands of runs would each tell their story; a single one may.
    log::set_level(std::getenv("DRST_SIMULATION_SEED") != nullptr ? log::Level::info : log::Level::off);
    return prepare_simulation();
  }();
  return prepared;
}

std::string story(uint64_t seed, const Verdict& verdict) {
  std::string text = "seed " + std::to_string(seed) + " (" + std::to_string(verdict.crashes) + " crashes, " +
                     std::to_string(verdict.pauses) + " pauses, " + std::to_string(verdict.power_cuts) +
                     " power cuts):";
  for (const auto& violation : verdict.violations) text += "\n  " + violation;
  return text + "\n  repeat it: DRST_SIMULATION_SEED=" + std::to_string(seed) + " fault_simulation_test";
}

TEST(FaultSimulation, NothingLostNothingTwicePointerAlwaysValid) {
  (void)start();
  const uint64_t only = number_from("DRST_SIMULATION_SEED", 0);
  const uint64_t first = only != 0 ? only : 1;
  const uint64_t count = only != 0 ? 1 : number_from("DRST_SIMULATIONS", 400);
  std::atomic<uint64_t> next{first};
  std::mutex mutex;
  std::vector<std::string> failures;
  Verdict sum;
  const auto work = [&] {
    for (uint64_t seed = next++; seed < first + count; seed = next++) {
      const auto verdict = simulate(start(), seed);
      const std::lock_guard lock(mutex);
      sum.crashes += verdict.crashes;
      sum.pauses += verdict.pauses;
      sum.power_cuts += verdict.power_cuts;
      sum.alarms += verdict.alarms;
      sum.releases += verdict.releases;
      sum.swaps += verdict.swaps;
      if (!verdict.violations.empty() && failures.size() < 5) failures.push_back(story(seed, verdict));
    }
  };
  std::vector<std::thread> workers;
  for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); ++i) workers.emplace_back(work);
  for (auto& worker : workers) worker.join();
  for (const auto& failure : failures) ADD_FAILURE() << failure;
  std::cout << count << " simulations: " << sum.crashes << " crashes, " << sum.pauses << " pauses, "
            << sum.power_cuts << " power cuts, " << sum.alarms << " alarms, " << sum.releases << " releases, "
            << sum.swaps << " swaps\n";
  if (only == 0) {
    // A harness in which nothing happens proves nothing.
    EXPECT_GT(sum.crashes, static_cast<int>(count));
    EXPECT_GT(sum.alarms, static_cast<int>(count) / 4);
    EXPECT_GT(sum.swaps, static_cast<int>(count));
  }
}

TEST(FaultSimulation, SameSeedSameRun) {
  const auto a = simulate(start(), 17), b = simulate(start(), 17);
  EXPECT_EQ(a.crashes, b.crashes);
  EXPECT_EQ(a.ticks, b.ticks);
  EXPECT_EQ(a.swaps, b.swaps);
}

class Planted : public ::testing::TestWithParam<PlantedBug> {};

TEST_P(Planted, IsFoundWithin200Seeds) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const auto verdict = simulate(start(), seed, GetParam());
    if (verdict.violations.empty()) continue;
    ASSERT_TRUE(simulate(start(), seed).violations.empty())
        << "seed " << seed << " fails without the planted bug too";
    std::cout << to_text(GetParam()) << ": found at seed " << seed << ": " << verdict.violations.front()
              << '\n';
    return;
  }
  FAIL() << "planted bug '" << to_text(GetParam()) << "' was not found";
}
INSTANTIATE_TEST_SUITE_P(AllBugs, Planted, ::testing::ValuesIn(all_bugs));

}  // namespace
}  // namespace drst::testing
