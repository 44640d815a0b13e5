#include "drift/run_length.h"

#include <gtest/gtest.h>

#include <cmath>

namespace drst {
namespace {

/// Four counters, autocorrelated, without end and without change.
class Calm {
 public:
  explicit Calm(uint64_t seed) : random_(seed) {}
  void append(std::vector<double>& out) {
    for (double& x : state_) {
      x = 0.8 * x + 0.6 * random_.normal();
      out.push_back(x);
    }
  }
  std::vector<double> rows(std::size_t n) {
    std::vector<double> out;
    for (std::size_t r = 0; r < n; ++r) append(out);
    return out;
  }

 private:
  Random random_;
  std::array<double, 4> state_{};
};

RunLengthTask task() {
  RunLengthTask task;
  task.budget_rows = {1000, 4000, 30'000};
  task.window = 60;
  task.spans = {20, 180};
  task.bins = 8;
  task.stride = 5;
  task.rows = 40'000;
  return task;
}

DriftHistory history_from(Calm& world, std::size_t n) {
  DriftHistory history;
  history.columns = {"a", "b", "c", "d"};
  history.values = world.rows(n);
  history.starts = {0};
  return history;
}

TEST(BudgetThresholds, KeepTheBudgetOfAllVoicesTogetherOnAverage) {
  double rows = 0;
  std::array<double, 3> alarms{};
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Calm world(seed);
    const DriftHistory history = history_from(world, 6000);
    const Pieces pieces = pieces_of(history, 60, 5);
    JsWindow js(world.rows(60), 60, 4, 8, {20, 180});
    const auto found =
        budget_thresholds(js, bin_rows(history.values, js.edges()), pieces, task(), Random(seed));
    for (std::size_t tier = 0; tier < alarms.size(); ++tier) {
      js.clear_window();
      for (std::size_t r = 0; r < 60; ++r) js.push_binned(js.baseline().row(r));
      std::vector<double> record;
      for (std::size_t r = 1; r <= 8000; ++r) {
        record.clear();
        world.append(record);
        js.push(record);
        if (r % 5 != 0) continue;
        bool loud = false;
        for (std::size_t v = 0; v < 3; ++v)
          loud = loud || (js.full(v) && js.signal(v) >= found.voices[v][tier]);
        if (!loud) continue;
        ++alarms[tier];
        js.clear_window();
        for (std::size_t b = 0; b < 60; ++b) js.push_binned(js.baseline().row(b));
      }
    }
    rows += 8000;
  }
  EXPECT_GT(rows / alarms[0], 500) << "budget 1000";
  EXPECT_LT(rows / alarms[0], 2000);
  EXPECT_GT(rows / alarms[1], 2000) << "budget 4000";
  EXPECT_LT(rows / alarms[1], 8000);
  EXPECT_GT(rows / alarms[2], 15'000) << "budget 30 000, longer than each replicate's runs";
  EXPECT_LT(rows / alarms[2], 60'000);
  RecordProperty("rows_between_c", std::to_string(rows / alarms[2]));
}

TEST(BudgetThresholds, RiseWithTheBudgetAndSayHowSureTheyAre) {
  Calm world(4);
  const DriftHistory history = history_from(world, 3000);
  const Pieces pieces = pieces_of(history, 60, 5);
  const auto found = budget_thresholds(history, pieces, task(), Random(1));
  ASSERT_EQ(found.voices.size(), 3U);
  for (std::size_t v = 0; v < 3; ++v) {
    EXPECT_LT(found.medians[v], found.voices[v][0]);
    EXPECT_LT(found.voices[v][0], found.voices[v][1]);
    EXPECT_LT(found.voices[v][1], found.voices[v][2]);
    EXPECT_GT(found.errors[v][0], 0);
    EXPECT_LT(found.errors[v][0], 0.5 * found.voices[v][0]);
    EXPECT_LT(found.errors[v][0], found.errors[v][2]) << "what is extrapolated further is less sure";
  }
  EXPECT_GT(found.voices[1][0], found.voices[0][0]) << "a shorter window varies more";
  EXPECT_GT(found.voices[0][0], found.voices[2][0]) << "a longer one less";
  const auto again = budget_thresholds(history, pieces, task(), Random(1));
  EXPECT_EQ(found.voices, again.voices);
}

TEST(BudgetThresholds, OfAWorldThatNeverVaries) {
  DriftHistory history;
  history.columns = {"a"};
  history.values.assign(500, 3.0);
  history.starts = {0};
  const Pieces pieces = pieces_of(history, 60, 5);
  for (const auto& voice : budget_thresholds(history, pieces, task(), Random(1)).voices)
    for (const double threshold : voice) {
      EXPECT_GT(threshold, 0) << "or no change at all would be a drift";
      EXPECT_LT(threshold, 0.01);
    }
}

}  // namespace
}  // namespace drst
