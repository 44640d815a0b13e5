#include "drift/monitor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/fault.h"
#include "base/random.h"
#include "registry/events.h"
#include "registry/handover.h"
#include "store/memory_store.h"
#include "stream/experts.h"
#include "stream/memory_log.h"
#include "stream/record.h"
#include "table/npy.h"

namespace drst {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr int partitions = 3;

DriftSettings small() {
  DriftSettings settings;
  settings.window = 60;
  settings.stride = 5;
  settings.recent = {20, 180};
  settings.calibration.block_rows = 6;
  settings.calibration.bootstrap_rounds = 50;
  settings.split_least = 6;
  settings.cool_down = 60;
  settings.vanished_rows = 10;
  settings.save_every = 25;
  settings.lock_expiry_s = 100;
  return settings;
}

/// What survives a crash: a log with a stream of two counters (and the lag of one), and a store.
struct World {
  VirtualClock clock;
  std::shared_ptr<MemoryLogDisk> log_disk = std::make_shared<MemoryLogDisk>();
  std::shared_ptr<MemoryDisk> store_disk = std::make_shared<MemoryDisk>();
  MemoryLog log{log_disk, clock};
  MemoryStore store{store_disk};
  Handover handover{store};
  Random random{17};
  RecordEncoder encoder{{"a_cycles", "b_cycles", "a_cycles@-1"}};

  World() {
    log.ensure_topic("t", partitions);
    log.ensure_topic(labels_topic("t"), partitions);
  }
  Time time_of(int64_t row) const { return VirtualClock::default_epoch() + std::chrono::seconds(row); }
  void produce(int64_t row, double level, std::optional<double> label, const std::string& stage) {
    const double values[] = {level + random.normal(), level - random.normal(), row == 0 ? nan : 1.0};
    NewRecord record;
    record.value = encoder.encode(make_id("run", row), values, label, time_of(row), stage);
    record.headers = {{std::string(run_id_header), "run"}};
    record.timestamp = time_of(row);
    log.append("t", static_cast<int>(row % partitions), {&record, 1});
  }
  void late_label(int64_t row, double label) {
    NewRecord record;
    record.value = encode_label(make_id("run", row), label, time_of(row));
    log.append(labels_topic("t"), static_cast<int>(row % partitions), {&record, 1});
  }
  void end() {
    const NewRecord sentinel = make_sentinel("run", clock.now());
    for (int p = 0; p < partitions; ++p) log.append("t", p, {&sentinel, 1});
  }
  /// The stream of most tests: 150 rows, 150 of another level, 150 of a third.
  void produce_three_stages(const std::function<std::string(int64_t)>& stage = [](int64_t) { return "s"; }) {
    for (int64_t row = 0; row < 450; ++row)
      produce(row, 6.0 * std::floor(static_cast<double>(row) / 150),
              row % 10 == 0 ? std::optional<double>(row) : std::nullopt, stage(row));
    end();
  }
  nlohmann::json json(const std::string& key) {
    return nlohmann::json::parse(store.get(key).value_or("null"));
  }
};

MonitorOptions options() {
  MonitorOptions o;
  o.topic = "t";
  o.seed = 3;
  return o;
}

/// Steps to the end; a trigger is answered at once.
void run(Monitor& monitor, World& world, bool answer = true) {
  while (monitor.step() != Step::done) {
    const auto trigger = world.handover.pending();
    if (trigger && answer) world.handover.finish({trigger->event, true, "models/model_x.onnx", "better"});
  }
}

TEST(Monitor, RaisesAHandOverForEachChangeAndCleansUp) {
  World world;
  world.produce_three_stages([](int64_t row) { return "stage" + std::to_string(row / 150); });
  Monitor monitor(world.log, world.store, world.clock, small(), options());
  run(monitor, world);

  const auto events = read_drift_events(world.store);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].id, "run-" + std::to_string(events[0].row));
  EXPECT_EQ(events[0].stage, "stage1");
  EXPECT_LE(events[0].row, 150 + 20);
  EXPECT_NEAR(static_cast<double>(events[0].change_row), 150, 6);
  EXPECT_GE(events[0].signal_bits, events[0].threshold_bits);
  EXPECT_EQ(events[0].when, world.time_of(events[0].row));
  ASSERT_FALSE(events[0].top_features.empty());
  EXPECT_EQ(events[0].vnfs.size(), 2U);
  EXPECT_NEAR(events[0].vnfs[0].share + events[0].vnfs[1].share, 1, 1e-9);
  EXPECT_FALSE(events[0].voice.empty());
  EXPECT_FALSE(events[0].calibrated_on.empty());
  EXPECT_GE(events[0].top_features[0].divergence, events[0].top_features.back().divergence);
  EXPECT_NEAR(static_cast<double>(events[1].change_row), 300, 6);

  EXPECT_FALSE(world.handover.lock().has_value());
  EXPECT_FALSE(world.handover.done().has_value());
  EXPECT_FALSE(world.store.exists("results/retrain_grid.flag"));
  const auto done = world.json("results/monitor_done.flag");
  EXPECT_EQ(done["records"], 450);
  EXPECT_EQ(done["alarms"], 2);
  EXPECT_FALSE(done.contains("note"));
  EXPECT_EQ(monitor.counts().records, 450U);
  const auto signal = world.json("results/drift_signal.json");
  EXPECT_EQ(signal["row"], 449);
  EXPECT_EQ(signal["features"].size(), 2U) << "lags are not watched";
  EXPECT_EQ(signal["calibrated_on"], "baseline");
  EXPECT_EQ(signal["recent"].size(), 2U);
  for (const auto& voice : signal["recent"]) EXPECT_TRUE(voice["threshold_errors_bits"].contains("C"));
  EXPECT_EQ(signal["input"]["constant_columns"], 0);
  const auto history = parse_npz(*world.store.get("results/drift_signal.npz"), "history");
  EXPECT_GT(history.at("row").elements(), 70U);
  EXPECT_EQ(history.at("by_feature").shape[1], 2U);
}

/// A probe that dies takes all counters with it: a drift of the columns, told as soon as one that vanished.
TEST(Monitor, TellsThatAllCountersVanishedAndThatTheyCameBack) {
  World world;
  for (int64_t row = 0; row < 360; ++row) world.produce(row, row >= 150 && row < 240 ? nan : 0, {}, "s");
  world.end();
  Monitor monitor(world.log, world.store, world.clock, small(), options());
  run(monitor, world);
  const auto events = read_drift_events(world.store);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].voice, "columns");
  EXPECT_EQ(events[0].change_row, 150);
  EXPECT_LE(events[0].row, 150 + small().vanished_rows + small().stride);
  EXPECT_EQ(events[0].columns_gone, (std::vector<std::string>{"a_cycles", "b_cycles"}));
  EXPECT_NEAR(static_cast<double>(events[1].change_row), 240, 2);
  EXPECT_LE(events[1].row, 300);
  EXPECT_EQ(monitor.counts().records, 360U);
  EXPECT_EQ(monitor.counts().unusable, 90U);
}

TEST(Monitor, NamesAsManyColumnsAsSet) {
  World world;
  world.produce_three_stages();
  auto settings = small();
  settings.top_features = 1;
  Monitor monitor(world.log, world.store, world.clock, settings, options());
  run(monitor, world);
  const auto events = read_drift_events(world.store);
  EXPECT_FALSE(events.empty());
  for (const auto& event : events) EXPECT_EQ(event.top_features.size(), 1U);
}

TEST(Monitor, HearsTheModelFailWhereTheCountersSayNothing) {
  for (const bool is_heard : {true, false}) {
    World world;
    world.log.ensure_topic(memory_topic("t"), 1);
    for (int64_t row = 0; row < 600; ++row) {
      world.produce(row, 0, {}, "s");
      const NewRecord labelled =
          make_record(LabelledSample{row, row < 400 ? 95.0F : 40.0F, 100, {}}, "run", world.clock.now());
      world.log.append(memory_topic("t"), 0, {&labelled, 1});
    }
    world.end();
    auto settings = small();
    settings.error_budget_labels = is_heard ? 1000 : 0;
    settings.recent = {};  // twenty records of two counters cry wolf
    Monitor monitor(world.log, world.store, world.clock, settings, options());
    run(monitor, world);
    const auto events = read_drift_events(world.store);
    ASSERT_EQ(events.size(), is_heard ? 1U : 0U);
    if (!is_heard) continue;
    EXPECT_EQ(events[0].voice, "error");
    EXPECT_EQ(events[0].change_row, 400);
    EXPECT_LE(events[0].row, 440);
    EXPECT_EQ(events[0].signal_bits, 1) << "min(e, 1)";
    EXPECT_EQ(events[0].calibrated_on, "labels");
  }
}

TEST(Monitor, TakesHalfARecordOrLeavesItAsSet) {
  for (const double limit : {0.5, 0.25}) {
    World world;
    for (int64_t row = 0; row < 80; ++row) world.produce(row, 0, {}, "s");
    NewRecord half;
    half.value = R"({"features":{"a_cycles":1},"id":"run-80"})";
    half.headers = {{std::string(run_id_header), "run"}};
    world.log.append("t", 80 % partitions, {&half, 1});
    world.end();
    auto reading = options();
    reading.reader.max_missing_fraction = limit;
    Monitor monitor(world.log, world.store, world.clock, small(), reading);
    run(monitor, world);
    EXPECT_EQ(monitor.counts().unusable, limit == 0.5 ? 0U : 1U);
  }
}

TEST(Monitor, HandsOverTheWholeWindowWithLagsAndLabels) {
  World world;
  for (int64_t row = 0; row < 170; ++row) {
    world.produce(row, row < 150 ? 0 : 6, row % 10 == 0 ? std::optional<double>(row) : std::nullopt, "s");
    if (row == 140) world.late_label(133, 1330);
  }
  Monitor monitor(world.log, world.store, world.clock, small(), options());
  std::optional<Trigger> trigger;
  while (!trigger && monitor.step() != Step::idle) trigger = world.handover.pending();
  ASSERT_TRUE(trigger.has_value());
  const auto window = world.handover.window(*trigger);
  ASSERT_TRUE(window.has_value());
  ASSERT_EQ(window->rows.size(), 60U);
  EXPECT_EQ(window->rows.back(), trigger->row);
  EXPECT_EQ(std::set<std::string>(window->columns.begin(), window->columns.end()),
            (std::set<std::string>{"a_cycles", "b_cycles", "a_cycles@-1"}));
  for (std::size_t i = 0; i < window->rows.size(); ++i) {
    const int64_t row = window->rows[i];
    if (row == 133) {
      EXPECT_EQ(window->labels[i], 1330.0F) << "arrived late";
    } else if (row % 10 == 0) {
      EXPECT_EQ(window->labels[i], static_cast<float>(row)) << "inline";
    } else {
      EXPECT_TRUE(std::isnan(window->labels[i])) << row;
    }
  }
}

TEST(Monitor, RaisesNoSecondTriggerWhileLockedAndFreesItselfFromAStaleLock) {
  World world;
  for (int64_t row = 0; row < 450; ++row)
    world.produce(row, 6.0 * std::floor(static_cast<double>(row) / 150), std::nullopt, "s");
  DriftSettings patient = small();
  patient.idle_timeout_s = 0;
  Monitor monitor(world.log, world.store, world.clock, patient, options());
  while (monitor.step() != Step::idle) continue;
  EXPECT_EQ(read_drift_events(world.store).size(), 1U) << "nobody answered";
  EXPECT_TRUE(world.handover.lock().has_value());
  EXPECT_EQ(monitor.phase(), "alarmed");
  world.clock.advance(std::chrono::seconds(101));
  monitor.step();
  EXPECT_FALSE(world.handover.lock().has_value());
  EXPECT_EQ(monitor.counts().stale_locks, 1U);
  EXPECT_EQ(monitor.phase(), "watching");
  for (int64_t row = 450; row < 550; ++row) world.produce(row, 18, std::nullopt, "s");
  world.end();
  run(monitor, world);
  EXPECT_EQ(read_drift_events(world.store).size(), 2U) << "it is not deaf afterwards";
}

TEST(Monitor, SaysSoWhenThereWereFewerRecordsThanAWindow) {
  World world;
  for (int64_t row = 0; row < 59; ++row) world.produce(row, row < 30 ? 0 : 50, std::nullopt, "s");
  world.end();
  Monitor monitor(world.log, world.store, world.clock, small(), options());
  run(monitor, world);
  const auto done = world.json("results/monitor_done.flag");
  EXPECT_EQ(done["alarms"], 0);
  EXPECT_EQ(done["records"], 59);
  EXPECT_TRUE(done.contains("note"));
}

/// A run's name is a header, which anybody may fill with any bytes.
TEST(Monitor, ARunWhoseNameIsNoTextEndsLikeAnyOther) {
  World world;
  const std::string run_id = "\x9f\xff";
  for (int64_t row = 0; row < 59; ++row) {
    NewRecord record;
    record.value = R"({"features":{"a_cycles":1},"send_ts":")" + to_iso8601(world.time_of(row)) + R"("})";
    record.headers = {{std::string(run_id_header), run_id}};
    world.log.append("t", static_cast<int>(row % partitions), {&record, 1});
  }
  const NewRecord sentinel = make_sentinel(run_id, world.clock.now());
  for (int p = 0; p < partitions; ++p) world.log.append("t", p, {&sentinel, 1});
  Monitor monitor(world.log, world.store, world.clock, small(), options());
  for (int i = 0; i < 1000 && monitor.step() != Step::done;) ++i;
  EXPECT_EQ(world.json("results/monitor_done.flag")["records"], 59);
}

TEST(Monitor, LeavesAfterTheIdleTimeOut) {
  World world;
  for (int64_t row = 0; row < 10; ++row) world.produce(row, 0, std::nullopt, "s");
  Monitor monitor(world.log, world.store, world.clock, small(), options());
  while (monitor.step() != Step::idle) continue;
  world.clock.advance(std::chrono::seconds(29));
  EXPECT_EQ(monitor.step(), Step::idle);
  world.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(monitor.step(), Step::done);
  EXPECT_EQ(monitor.step(), Step::done);
  EXPECT_TRUE(world.store.exists("results/monitor_done.flag"));
}

TEST(Monitor, AwaitsAProducerThatIsStartedAfterTheIdleTimeOut) {
  World world;
  Monitor monitor(world.log, world.store, world.clock, small(), options());
  world.clock.advance(std::chrono::seconds(500));
  EXPECT_EQ(monitor.step(), Step::idle);
  world.produce_three_stages();
  run(monitor, world);
  EXPECT_EQ(monitor.counts().records, 450U);
  EXPECT_EQ(monitor.counts().alarms, 2U);
}

TEST(Monitor, FailsIfNoRecordComesAtAll) {
  World world;
  Monitor monitor(world.log, world.store, world.clock, small(), options());
  world.clock.advance(std::chrono::seconds(600));
  try {
    monitor.step();
    FAIL() << "a stream that never comes must not be waited for without end";
  } catch (const FailedError& error) {
    EXPECT_NE(std::string(error.what()).find("topic t"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("drst produce"), std::string::npos) << error.what();
  }
}

TEST(Monitor, GoesOnAfterAnIdleEndAsIfThereHadBeenNone) {
  World world;
  for (int64_t row = 0; row < 200; ++row) world.produce(row, row < 150 ? 0 : 6, std::nullopt, "s");
  const auto answer_all = [&world](Monitor& monitor) {
    for (Step step = monitor.step(); step == Step::worked; step = monitor.step())
      if (const auto trigger = world.handover.pending())
        world.handover.finish({trigger->event, false, "", "no better"});
  };
  {
    Monitor first(world.log, world.store, world.clock, small(), options());
    answer_all(first);
    world.clock.advance(std::chrono::seconds(30));
    ASSERT_EQ(first.step(), Step::done);
    EXPECT_TRUE(world.store.exists("results/monitor_done.flag"));
  }
  Monitor second(world.log, world.store, world.clock, small(), options());
  EXPECT_FALSE(world.store.exists("results/monitor_done.flag")) << "the retrainer would leave by it";
  EXPECT_EQ(second.step(), Step::idle);
  for (int64_t row = 200; row < 450; ++row) world.produce(row, row < 300 ? 6 : 12, std::nullopt, "s");
  world.end();
  run(second, world);
  EXPECT_EQ(second.counts().records, 450U);
  EXPECT_EQ(read_drift_events(world.store).size(), 2U);

  // That end is for good.
  Monitor third(world.log, world.store, world.clock, small(), options());
  EXPECT_EQ(third.step(), Step::done);
}

TEST(Monitor, IsTheOnlyOneInItsGroup) {
  World world;
  world.produce(0, 0, std::nullopt, "s");
  Monitor first(world.log, world.store, world.clock, small(), options());
  first.step();
  MonitorOptions other = options();
  other.member = "another";
  EXPECT_THROW(
      {
        Monitor second(world.log, world.store, world.clock, small(), other);
        second.step();
      },
      InputError);
  world.produce(1, 0, std::nullopt, "s");
  EXPECT_EQ(first.step(), Step::worked);
}

TEST(Monitor, DecidesTheSameWhateverTheStagesAreCalled) {
  std::vector<std::vector<DriftEvent>> all;
  for (const int kind : {0, 1, 2}) {
    World world;
    world.produce_three_stages(
        [&](int64_t row) { return kind == 0 ? "" : std::to_string(kind == 1 ? row : row / 150); });
    Monitor monitor(world.log, world.store, world.clock, small(), options());
    run(monitor, world);
    all.push_back(read_drift_events(world.store));
  }
  for (const auto& events : all) {
    ASSERT_EQ(events.size(), all[0].size());
    for (std::size_t i = 0; i < events.size(); ++i) {
      EXPECT_EQ(events[i].row, all[0][i].row);
      EXPECT_EQ(events[i].signal_bits, all[0][i].signal_bits);
    }
  }
}

TEST(Monitor, RefusesAStateOfAnotherTopicOrABrokenOne) {
  World world;
  world.produce_three_stages();
  {
    Monitor monitor(world.log, world.store, world.clock, small(), options());
    run(monitor, world);
  }
  MonitorOptions other = options();
  other.topic = "u";
  EXPECT_THROW(Monitor(world.log, world.store, world.clock, small(), other), InputError);
  const std::string state = *world.store.get("results/monitor_state.bin");
  for (const std::size_t length : {std::size_t{0}, std::size_t{5}, state.size() / 2, state.size() - 1}) {
    world.store.put("results/monitor_state.bin", state.substr(0, length));
    EXPECT_THROW(Monitor(world.log, world.store, world.clock, small(), options()), InputError) << length;
  }
}

/// Dies at the n-th point.
class DieAt final : public FaultPoint {
 public:
  explicit DieAt(uint64_t at) : at_(at) {}
  void reached(std::string_view, std::string_view) override {
    if (++seen_ == at_) throw SimulatedCrash{};
  }
  [[nodiscard]] uint64_t seen() const { return seen_; }

 private:
  uint64_t at_;
  uint64_t seen_ = 0;
};

struct Outcome {
  std::vector<std::string> objects;   // events, done flag, signal history: byte for byte
  std::vector<std::string> triggers;  // as the retrainer saw them, without repeats
};

/// Lets the monitor die at its `at`-th effect (0: never), restarts it, runs to the end.
Outcome live_through(uint64_t at, uint64_t* points) {
  World world;
  world.produce_three_stages();
  DieAt faults(at);
  Outcome outcome;
  const auto answer = [&] {
    const auto trigger = world.handover.pending();
    if (!trigger) return;
    EXPECT_TRUE(world.handover.window(*trigger).has_value()) << "a trigger whose window cannot be read";
    if (outcome.triggers.empty() || outcome.triggers.back() != trigger->event)
      outcome.triggers.push_back(trigger->event);
    world.handover.finish({trigger->event, false, "", "no better"});
  };
  for (bool ended = false; !ended;) {
    MemoryLog log(world.log_disk, world.clock, &faults);
    MemoryStore store(world.store_disk, &faults);
    std::optional<Monitor> monitor;
    try {
      monitor.emplace(log, store, world.clock, small(), options());
      while (monitor->step() != Step::done) answer();
      ended = true;
    } catch (const SimulatedCrash&) {
      log.crash();
      monitor.reset();
      answer();  // the retrainer lives on meanwhile
    }
  }
  if (points != nullptr) *points = faults.seen();
  for (const auto& key : world.store.list("results/"))
    if (key.starts_with("results/drift/") || key == "results/monitor_done.flag" ||
        key == "results/drift_signal.npz")
      outcome.objects.push_back(key + "\n" + *world.store.get(key));
  EXPECT_FALSE(world.handover.lock().has_value()) << "crash at " << at;
  EXPECT_FALSE(world.store.exists("results/retrain_grid.flag")) << "crash at " << at;
  return outcome;
}

TEST(Monitor, DiesAtAnyEffectAndItsHeirGoesOnAsIfNothingHadHappened) {
  uint64_t points = 0;
  const Outcome expected = live_through(0, &points);
  ASSERT_EQ(expected.triggers.size(), 2U);
  ASSERT_EQ(expected.objects.size(), 4U);
  ASSERT_GT(points, 100U);
  const uint64_t stride = std::max<uint64_t>(1, points / 300);
  for (uint64_t at = 1; at <= points; at += stride) {
    const Outcome outcome = live_through(at, nullptr);
    ASSERT_EQ(outcome.triggers, expected.triggers) << "crash at point " << at;
    ASSERT_EQ(outcome.objects, expected.objects) << "crash at point " << at;
  }
}

}  // namespace
}  // namespace drst
