#include "drift/detector.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/random.h"
#include "data.h"
#include "drift/scan.h"
#include "table/csv.h"

namespace drst {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A tenth of the defaults' lengths, so that tests are short.
DriftSettings small() {
  DriftSettings settings;
  settings.window = 90;
  settings.stride = 5;
  settings.recent = {30};
  settings.calibration.block_rows = 8;
  settings.calibration.bootstrap_rounds = 100;
  settings.split_least = 8;
  settings.cool_down = 90;
  settings.vanished_rows = 15;
  return settings;
}

/// Six autocorrelated counters of three VNFs; `level` is added to all.
class Chain {
 public:
  explicit Chain(uint64_t seed) : random_(seed), state_(6) {}
  const std::vector<double>& next(double level) {
    values_.clear();
    for (double& x : state_) {
      x = 0.5 * x + random_.normal();
      values_.push_back(x + level);
    }
    return values_;
  }
  std::vector<std::string> columns = {"a_cycles", "a_loads", "b_cycles", "b_loads", "c_cycles", "c_loads"};

 private:
  Random random_;
  std::vector<double> state_;
  std::vector<double> values_;
};

std::vector<Alarm> run(DriftDetector& detector, int64_t rows, const std::function<double(int64_t)>& level,
                       bool acknowledge = true, uint64_t seed = 1) {
  Chain chain(seed);
  std::vector<Alarm> alarms;
  for (int64_t row = 0; row < rows; ++row) {
    if (auto alarm = detector.push(row, chain.columns, chain.next(level(row)))) {
      alarms.push_back(*alarm);
      if (acknowledge) detector.acknowledge();
    }
  }
  return alarms;
}

TEST(DriftDetector, IsSilentWhileNothingChanges) {
  DriftDetector detector(small(), 1);
  EXPECT_EQ(detector.phase(), "calibrating");
  EXPECT_TRUE(run(detector, 3000, [](int64_t) { return 0.0; }).empty());
  EXPECT_EQ(detector.phase(), "watching");
  EXPECT_EQ(detector.columns().size(), 6U);
}

TEST(DriftDetector, RaisesOneAlarmForOneChange) {
  DriftDetector detector(small(), 1);
  const auto alarms = run(detector, 1500, [](int64_t row) { return row >= 503 ? 5.0 : 0.0; });
  ASSERT_EQ(alarms.size(), 1U);
  EXPECT_GT(alarms[0].row, 503);
  EXPECT_LE(alarms[0].row, 503 + 30);
  EXPECT_NEAR(static_cast<double>(alarms[0].change_row), 503, 3);
  EXPECT_GE(alarms[0].signal, alarms[0].threshold);
  EXPECT_NE(alarms[0].tier, Tier::none);
  EXPECT_EQ(alarms[0].columns.size(), alarms[0].by_feature.size());
  EXPECT_EQ(detector.phase(), "watching") << "on the new baseline";
}

TEST(DriftDetector, HoldsItsTongueUntilAcknowledged) {
  DriftDetector detector(small(), 1);
  const auto alarms = run(
      detector, 1500, [](int64_t row) { return 5.0 * std::floor(static_cast<double>(row) / 300); }, false);
  EXPECT_EQ(alarms.size(), 1U);
  EXPECT_TRUE(detector.alarmed());
  EXPECT_EQ(detector.phase(), "alarmed");
  detector.acknowledge();
  EXPECT_FALSE(detector.alarmed());
  EXPECT_EQ(detector.phase(), "watching")
      << "a full window lies after the change, and is the new baseline at once";
}

TEST(DriftDetector, GoesOnPublishingAgainstTheOldBaselineWhileSettling) {
  DriftDetector detector(small(), 1);
  Chain chain(1);
  int64_t row = 0;
  while (!detector.alarmed()) {
    detector.push(row, chain.columns, chain.next(row >= 200 ? 5.0 : 0.0));
    ASSERT_LT(++row, 400);
  }
  detector.acknowledge();
  EXPECT_EQ(detector.phase(), "settling");
  std::size_t published = 0;
  double highest = 0;
  while (detector.phase() == "settling") {
    detector.push(row, chain.columns, chain.next(5.0));
    if (detector.evaluated()) {
      ++published;
      highest = std::max(highest, detector.evaluated()->signal);
    }
    ASSERT_LT(++row, 600);
  }
  EXPECT_GE(published, 10U);
  EXPECT_GT(highest, 0.6);
  EXPECT_NEAR(static_cast<double>(row), 290, 5) << "one full window after the change, not after the alarm";
}

TEST(DriftDetector, SeesAChangeThatComesWhileTheNewBaselineIsCollected) {
  for (const int64_t second : {530, 545, 560, 575, 588}) {
    DriftDetector detector(small(), 1);
    const auto alarms = run(detector, 1200, [&](int64_t row) {
      return row < 500 ? 0.0 : row < second ? 5.0 : 10.0;
    });
    ASSERT_EQ(alarms.size(), 2U) << "second change at " << second;
    EXPECT_NEAR(static_cast<double>(alarms[1].change_row), static_cast<double>(second), 3);
    EXPECT_LE(alarms[1].row, second + 90) << "second change at " << second;
  }
}

TEST(DriftDetector, SeesAChangeInsideTheFirstBaselineButNotBeforeAFullWindow) {
  for (const int64_t change : {20, 45, 70, 85}) {
    DriftDetector detector(small(), 1);
    const auto alarms = run(detector, 800, [&](int64_t row) { return row < change ? 0.0 : 5.0; });
    ASSERT_EQ(alarms.size(), 1U) << "change at " << change;
    EXPECT_GE(alarms[0].row, 89);
    EXPECT_LE(alarms[0].row, std::max<int64_t>(89, change + 30));
    EXPECT_NEAR(static_cast<double>(alarms[0].change_row), static_cast<double>(change), 3);
  }
  DriftDetector detector(small(), 1);
  EXPECT_TRUE(run(detector, 89, [](int64_t row) { return row < 40 ? 0.0 : 50.0; }).empty())
      << "fewer rows than a window";
}

TEST(DriftDetector, SeesAVnfReplacedAndWatchesItsSuccessorFromTheNextBaselineOn) {
  DriftDetector detector(small(), 1);
  Chain chain(2);
  std::vector<std::string> renamed = chain.columns;
  renamed[4] = "d_cycles";
  renamed[5] = "d_loads";
  std::optional<Alarm> first;
  for (int64_t row = 0; row < 600; ++row) {
    const auto alarm = detector.push(row, row < 301 ? chain.columns : renamed, chain.next(0));
    if (!alarm) continue;
    EXPECT_FALSE(first.has_value()) << "again at row " << row;
    first = alarm;
    detector.acknowledge();
  }
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->voice, "columns");
  EXPECT_EQ(first->change_row, 301);
  EXPECT_LE(first->row, 301 + 20);
  const auto c = std::find(first->columns.begin(), first->columns.end(), "c_cycles") - first->columns.begin();
  EXPECT_EQ(first->by_feature[static_cast<std::size_t>(c)], 1);
  const auto& watched = detector.columns();
  EXPECT_EQ(std::count(watched.begin(), watched.end(), "d_cycles"), 1);
  EXPECT_EQ(std::count(watched.begin(), watched.end(), "c_cycles"), 0);
}

TEST(DriftDetector, DoesNotMindTheOrderOfColumnsNorLags) {
  DriftDetector plain(small(), 1);
  DriftDetector mixed(small(), 1);
  Chain chain(3);
  Random random(9);
  for (int64_t row = 0; row < 500; ++row) {
    const auto values = chain.next(row >= 300 ? 5 : 0);
    std::vector<std::string> columns = {"a_cycles@-1"};
    std::vector<double> shuffled = {random.normal() * 1e6};
    std::vector<std::size_t> order = {0, 1, 2, 3, 4, 5};
    if (row > 0)
      random.shuffle(order.begin(), order.end());  // the first record fixes the order of the account
    for (const std::size_t i : order) {
      columns.push_back(chain.columns[i]);
      shuffled.push_back(values[i]);
    }
    const auto a = plain.push(row, chain.columns, values);
    const auto b = mixed.push(row, columns, shuffled);
    ASSERT_EQ(a.has_value(), b.has_value());
    if (a) {
      EXPECT_EQ(a->by_feature, b->by_feature);
    }
    if (plain.evaluated()) {
      ASSERT_EQ(plain.evaluated()->signal, mixed.evaluated()->signal);
    }
  }
  EXPECT_TRUE(plain.alarmed());
}

TEST(DriftDetector, SurvivesRecordsWithNothingInThem) {
  DriftDetector detector(small(), 1);
  const std::vector<std::string> columns = {"a", "b"};
  for (int64_t row = 0; row < 400; ++row)
    EXPECT_FALSE(detector.push(row, columns, std::vector<double>{nan, nan}));
  EXPECT_EQ(detector.phase(), "calibrating") << "no baseline can be had";
  for (int64_t row = 400; row < 450; ++row) detector.push(row, {}, {});
  Chain chain(1);
  for (int64_t row = 450; row < 700; ++row) {
    if (detector.push(row, chain.columns, chain.next(0))) detector.acknowledge();
  }
  EXPECT_EQ(detector.phase(), "watching");
}

bool same(const std::optional<Alarm>& a, const std::optional<Alarm>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->row == b->row && a->change_row == b->change_row && a->voice == b->voice &&
         a->signal == b->signal && a->threshold == b->threshold && a->tier == b->tier &&
         a->columns == b->columns && a->by_feature == b->by_feature;
}

RC_GTEST_PROP(DriftDetector, GoesOnToTheBitAfterSaveAndRestore, ()) {
  const auto seed = *rc::gen::arbitrary<uint64_t>();
  const auto every = *rc::gen::inRange<int64_t>(1, 120);
  const auto patience = *rc::gen::inRange<int64_t>(0, 60);
  const auto change = *rc::gen::inRange<int64_t>(10, 300);
  DriftDetector steady(small(), seed);
  auto restarted = std::make_unique<DriftDetector>(small(), seed);
  Chain chain(seed);
  int64_t alarmed_at = -1;
  for (int64_t row = 0; row < 450; ++row) {
    std::vector<double> values = chain.next(row >= change ? 4 : 0);
    if (row % 11 == 0) values[2] = nan;
    const auto a = steady.push(row, chain.columns, values);
    const auto b = restarted->push(row, chain.columns, values);
    RC_ASSERT(same(a, b));
    RC_ASSERT(steady.evaluated().has_value() == restarted->evaluated().has_value());
    if (steady.evaluated()) {
      RC_ASSERT(steady.evaluated()->signal == restarted->evaluated()->signal);
      RC_ASSERT(steady.evaluated()->by_feature == restarted->evaluated()->by_feature);
      RC_ASSERT(std::equal(steady.evaluated()->thresholds, steady.evaluated()->thresholds + 3,
                           restarted->evaluated()->thresholds));
    }
    if (a) alarmed_at = row;
    if (alarmed_at >= 0 && row >= alarmed_at + patience) {
      steady.acknowledge();
      restarted->acknowledge();
      alarmed_at = -1;
    }
    RC_ASSERT(steady.phase() == restarted->phase());
    if (row % every == 0) {
      const std::string state = restarted->save();
      restarted = std::make_unique<DriftDetector>(small(), 0);
      restarted->restore(state);
      RC_ASSERT(restarted->save() == state);
    }
  }
}

TEST(DriftDetector, RefusesAStateThatIsNotOne) {
  DriftDetector detector(small(), 1);
  run(detector, 200, [](int64_t) { return 0.0; });
  const std::string state = detector.save();
  for (std::size_t length = 0; length < state.size(); length += length < 300 ? 1 : 97)
    EXPECT_THROW(DriftDetector(small(), 1).restore(state.substr(0, length)), InputError) << length;
  EXPECT_THROW(DriftDetector(small(), 1).restore(state + "x"), InputError);
  DriftSettings other = small();
  other.bins = 8;
  EXPECT_THROW(DriftDetector(other, 1).restore(state), InputError);
  detector.restore(state);
  EXPECT_EQ(detector.save(), state);
}

TEST(DriftSettings, RefuseCombinationsThatCannotWork) {
  DriftSettings settings = small();
  settings.recent = {40};
  EXPECT_THROW(DriftDetector(settings, 1), InputError) << "does not divide the window";
  settings = small();
  settings.calibration.quantiles = {0.99, 0.9, 0.999};
  EXPECT_THROW(DriftDetector(settings, 1), InputError);
  settings = small();
  settings.calibration.quantiles = {0.9, 0.99, 1};
  EXPECT_THROW(DriftDetector(settings, 1), InputError) << "a threshold that no signal can cross";
  settings = small();
  settings.calibration.least_effect = {0.7, 0.8, 0.9};
  EXPECT_THROW(DriftDetector(settings, 1), InputError);
}

TEST(Scan, WatchesAllColumnsThatAreNoKpis) {
  Random random(3);
  std::vector<double> load, counter;
  for (int r = 0; r < 200; ++r) {
    load.push_back((r < 120 ? 0 : 50) + random.normal());
    counter.push_back(random.normal());
  }
  Table table;
  table.add_column("load", load);
  table.add_column("counter", counter);
  EXPECT_FALSE(scan(table, {}, small(), 1).empty());
  EXPECT_TRUE(scan(table, {"load"}, small(), 1).empty());
}

Table piece(const std::filesystem::path& path, std::size_t begin, std::size_t end) {
  Table table = read_csv(path).slice(begin, end);
  for (const auto& kpi : ChainSchema{}.kpis)
    if (table.find(kpi)) table.remove_column(kpi);
  return table;
}

TEST(DriftOnRealTables, FindsEachChangeOfStageWithinAHundredRowsAndNothingElse) {
  DRST_NEEDS_DATA(data);
  const auto perf = data / "perf";
  Table stream = piece(perf / "combined.csv", 1290, 1790);
  stream.append(piece(perf / "resource_stimulus_global_A-B-C_modified.csv", 0, 1000));
  stream.append(piece(perf / "dag-1_resource_stimulus_global_A-B-C.csv", 0, 1000));
  for (const uint64_t seed : {1U, 7U, 42U}) {
    const auto alarms = scan(stream, ChainSchema{}.kpis, {}, seed);
    ASSERT_EQ(alarms.size(), 2U) << "seed " << seed;
    EXPECT_GT(alarms[0].row, 500);
    EXPECT_LE(alarms[0].row, 600);
    EXPECT_NEAR(static_cast<double>(alarms[0].change_row), 500, 30);
    EXPECT_GT(alarms[1].row, 1500);
    EXPECT_LE(alarms[1].row, 1600);
    EXPECT_NEAR(static_cast<double>(alarms[1].change_row), 1500, 15);
  }
}

}  // namespace
}  // namespace drst
