#include "drift/detector.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

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
  settings.recent = {30, 270};
  settings.calibration.null_rows = 20'000;
  settings.calibration.block_rows = 8;
  settings.calibration.bootstrap_rounds = 100;
  settings.split_least = 8;
  settings.cool_down = 90;
  settings.vanished_rows = 10;
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
  EXPECT_LE(first->row, 301 + 15);
  EXPECT_EQ(first->gone, (std::vector<std::string>{"c_cycles", "c_loads"}));
  EXPECT_EQ(first->appeared, (std::vector<std::string>{"d_cycles", "d_loads"}));
  const auto c = std::find(first->columns.begin(), first->columns.end(), "c_cycles") - first->columns.begin();
  EXPECT_EQ(first->by_feature[static_cast<std::size_t>(c)], 1);
  const auto& watched = detector.columns();
  EXPECT_EQ(std::count(watched.begin(), watched.end(), "d_cycles"), 1);
  EXPECT_EQ(std::count(watched.begin(), watched.end(), "c_cycles"), 0);
}

TEST(DriftDetector, TellsGoneAndNewColumnsAsSoonAsItIsSure) {
  Chain chain(2);
  std::vector<std::string> more = chain.columns;
  more.insert(more.end(), {"d_cycles", "d_loads"});
  for (const int kind : {0, 1, 2}) {  // two gone, two more, two gone for a while only
    DriftDetector detector(small(), 1);
    std::optional<Alarm> alarm;
    int64_t row = 0;
    for (; row < 600 && !alarm; ++row) {
      std::vector<double> values = chain.next(0);
      const bool changed = kind == 2 ? row >= 301 && row < 310 : row >= 301;
      if (changed && kind != 1) values[4] = values[5] = nan;
      if (changed && kind == 1) values.insert(values.end(), {1, 2});
      alarm = detector.push(row, changed && kind == 1 ? more : chain.columns, values);
    }
    ASSERT_EQ(alarm.has_value(), kind != 2) << "a gap of nine records is none";
    if (kind == 2) continue;
    EXPECT_EQ(alarm->voice, "columns");
    EXPECT_EQ(alarm->change_row, 301);
    EXPECT_LE(alarm->row, 301 + small().vanished_rows + small().stride);
    EXPECT_EQ(alarm->gone.size(), kind == 0 ? 2U : 0U);
    EXPECT_EQ(alarm->appeared.size(), kind == 1 ? 2U : 0U);
    EXPECT_EQ(alarm->columns.size(), alarm->by_feature.size());
  }
}

TEST(DriftDetector, TakesNoGapForALossThatTheBaselineHadToo) {
  DriftDetector detector(small(), 1);
  Chain chain(2);
  for (int64_t row = 0; row < 600; ++row) {
    std::vector<double> values = chain.next(0);
    if (row % 45 < 20) values[4] = nan;  // sampled now and then only
    EXPECT_FALSE(detector.push(row, chain.columns, values)) << row;
  }
}

TEST(DriftDetector, CountsAndSurvivesOddInput) {
  DriftDetector detector(small(), 1);
  Chain chain(4);
  Random random(5);
  std::vector<std::string> columns = chain.columns;
  columns.insert(columns.end(), {"constant", "empty", "twin", "huge", "mostly_infinite", "top"});
  const double infinity = std::numeric_limits<double>::infinity();
  for (int64_t row = 0; row < 600; ++row) {
    std::vector<double> values = chain.next(0);
    const double twin = values[0];
    values.insert(values.end(),
                  {7, nan, twin, (random.chance(0.5) ? 1 : -1) * 1e308 * random.uniform(0.5, 1.7),
                   random.chance(0.9) ? infinity : random.normal(),
                   random.chance(0.5) ? std::numeric_limits<double>::max() : -1e308});
    EXPECT_FALSE(detector.push(row, columns, values)) << row;
    if (!detector.evaluated()) continue;
    EXPECT_TRUE(std::isfinite(detector.evaluated()->signal));
    for (const double bits : detector.evaluated()->by_feature) EXPECT_TRUE(std::isfinite(bits));
    for (const double threshold : detector.evaluated()->thresholds) EXPECT_TRUE(std::isfinite(threshold));
  }
  const DriftInput input = detector.input();
  EXPECT_EQ(input.constant, std::vector<std::string>{"constant"});
  EXPECT_EQ(input.duplicated, std::vector<std::string>{"twin"});
  EXPECT_GT(input.infinite_cells, 450U);
  EXPECT_LT(input.infinite_cells, 600U);
  EXPECT_EQ(std::count(detector.columns().begin(), detector.columns().end(), "empty"), 0);
}

TEST(DriftDetector, HearsAConstantColumnMove) {
  DriftSettings settings = small();
  settings.calibration.least_effect = settings.calibration.recent_least_effect = {0.1, 0.2, 0.3};
  DriftDetector detector(settings, 1);
  const std::vector<std::string> columns = {"a", "b", "c"};
  std::optional<Alarm> alarm;
  for (int64_t row = 0; row < 400 && !alarm; ++row)
    alarm = detector.push(row, columns, std::vector<double>{1, 2, row < 200 ? 3.0 : 3.000001});
  ASSERT_TRUE(alarm.has_value());
  EXPECT_LE(alarm->row, 220);
  EXPECT_NEAR(static_cast<double>(alarm->change_row), 200, 20);
  EXPECT_GT(alarm->by_feature[2], 0.3);
  EXPECT_EQ(alarm->by_feature[0], 0);
}

TEST(DriftDetector, IgnoresColumnsBeyondTheLimitAndSaysSo) {
  DriftSettings settings = small();
  settings.max_columns = 4;
  DriftDetector detector(settings, 1);
  run(detector, 200, [](int64_t) { return 0.0; });
  EXPECT_EQ(detector.columns().size(), 4U);
  EXPECT_EQ(detector.input().ignored_columns, 2U);
}

TEST(DriftDetector, TakesAnErrorAlarmUnlessItKnowsOfTheChange) {
  DriftDetector detector(small(), 1);
  Chain chain(4);
  int64_t row = 0;
  const auto push_until = [&](int64_t end, double level) {
    std::optional<Alarm> last;
    for (; row < end; ++row)
      if (auto alarm = detector.push(row, chain.columns, chain.next(level))) last = std::move(alarm);
    return last;
  };
  const ErrorAlarm error{.row = 398, .since = 370, .usual_bound = 0.1, .mean_since = 0.4, .evidence = 1e6};
  push_until(50, 0);
  EXPECT_FALSE(detector.hear(error, 49)) << "before there is a baseline";
  ASSERT_FALSE(push_until(400, 0));
  const auto alarm = detector.hear(error, 399);
  ASSERT_TRUE(alarm.has_value());
  EXPECT_EQ(alarm->voice, "error");
  EXPECT_EQ(alarm->tier, Tier::A);
  EXPECT_EQ(alarm->row, 399);
  EXPECT_EQ(alarm->change_row, 370);
  EXPECT_EQ(alarm->signal, 0.4);
  EXPECT_EQ(alarm->by_feature.size(), alarm->columns.size());
  EXPECT_TRUE(detector.alarmed());
  EXPECT_FALSE(detector.hear(error, 399)) << "one stands";
  detector.acknowledge();
  push_until(370 + 89, 0);
  EXPECT_FALSE(detector.hear(error, row)) << "the same change";
  ASSERT_FALSE(push_until(600, 0));
  EXPECT_TRUE(push_until(700, 5).has_value()) << "the counters are still watched";
  EXPECT_FALSE(detector.hear(error, row));
}

TEST(DriftDetector, HearsASmallLastingChangeWithItsLongWindow) {
  DriftSettings settings = small();
  settings.calibration.budget_hours = {5, 20, 80};
  Chain past(99);
  auto history = std::make_shared<DriftHistory>();
  history->columns = past.columns;
  history->starts = {0};
  for (int r = 0; r < 6000; ++r) {
    const auto& values = past.next(0);
    history->values.insert(history->values.end(), values.begin(), values.end());
  }
  std::map<std::string, int> voices;
  for (uint64_t seed = 1; seed <= 24; ++seed) {
    DriftDetector detector(settings, seed);
    detector.set_history(history);
    for (const auto& alarm : run(
             detector, 1400,
             [](int64_t row) { return std::clamp(0.002 * static_cast<double>(row - 200), 0.0, 0.45); }, true,
             seed))
      ++voices[alarm.voice];
  }
  EXPECT_GE(voices["recent 270"], 3) << "before any shorter one";
}

TEST(DriftDetector, CalibratesOnAHistoryOfItsOwnRegimeOnly) {
  Chain past(7);
  auto history = std::make_shared<DriftHistory>();
  history->columns = past.columns;
  history->starts = {0};
  for (int r = 0; r < 3000; ++r) {
    const auto& values = past.next(0);
    history->values.insert(history->values.end(), values.begin(), values.end());
  }
  DriftDetector detector(small(), 1);
  detector.set_history(history);
  EXPECT_EQ(detector.calibrated_on(), "");
  const auto alarms = run(detector, 700, [](int64_t row) { return row >= 403 ? 5.0 : 0.0; });
  ASSERT_EQ(alarms.size(), 1U);
  EXPECT_GT(alarms[0].threshold_error, 0);
  EXPECT_EQ(detector.calibrated_on(), "baseline") << "the new regime is not the history's";
  DriftDetector first(small(), 1);
  first.set_history(history);
  run(first, 200, [](int64_t) { return 0.0; });
  EXPECT_EQ(first.calibrated_on(), "history");
  ASSERT_TRUE(first.evaluated().has_value());
  EXPECT_LT(first.evaluated()->thresholds[0], 0.3) << "no least effect: the history knows better";
  EXPECT_GT(first.evaluated()->errors[0], 0);
  auto other = std::make_shared<DriftHistory>(*history);
  other->columns[0] = "z_cycles";
  DriftDetector stranger(small(), 1);
  stranger.set_history(other);
  run(stranger, 200, [](int64_t) { return 0.0; });
  EXPECT_EQ(stranger.calibrated_on(), "baseline");
  EXPECT_EQ(stranger.history_lacks(), std::vector<std::string>{"a_cycles"});
  EXPECT_TRUE(first.history_lacks().empty());
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
  EXPECT_THROW(DriftDetector(settings, 1), InputError) << "neither divides nor multiplies the window";
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

/// Two features of forty make no alarm without a history; it must not go unsaid.
TEST(Scan, TellsWhichFeaturesMovedWithoutAnAlarm) {
  const auto table = [](int64_t rows, double few, double all, uint64_t seed) {
    Random random(seed);
    Table made;
    for (int c = 0; c < 40; ++c) {
      std::vector<double> values;
      for (int64_t r = 0; r < rows; ++r) values.push_back(random.normal() + all + (c < 2 ? few : 0));
      made.add_column("v_e" + std::to_string(c), values);
    }
    return made;
  };
  TableScan quiet(small(), {}, 1);
  quiet.add(table(1000, 0, 0, 1));
  EXPECT_TRUE(quiet.quiet_moves().empty());

  TableScan all(small(), {}, 1);
  all.add(table(300, 0, 0, 1));
  all.add(table(300, 40, 0, 2));
  ASSERT_TRUE(all.alarms().empty());
  auto moves = all.quiet_moves();
  ASSERT_EQ(moves.size(), 2U);
  EXPECT_EQ(moves[0].feature, "v_e0");
  EXPECT_GE(moves[0].bits, 0.99);
  EXPECT_GT(moves[0].row, 300);
  EXPECT_LE(moves[0].row, 395);
  // What an alarm tells of is not told twice; what came before it stays.
  all.add(table(300, 40, 40, 3));
  ASSERT_EQ(all.alarms().size(), 1U);
  EXPECT_EQ(all.quiet_moves().size(), 2U);
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
