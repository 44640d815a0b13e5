// What only reports may know decides nothing (SPEC 4): the names of stages on the wire, and
// results/truth.npz. The whole loop runs on one stream, once as it is and then with every record's stage
// drawn at random or left out, with the truth at hand from the start, a false one, or one that is deleted
// half-way before everything restarts; each must give the same alarms, releases and predictions, to the bit.
#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "drift/monitor.h"
#include "inference/consumer.h"
#include "inference/guard.h"
#include "inference/trace.h"
#include "ingest/producer.h"
#include "registry/events.h"
#include "registry/registry.h"
#include "simulation/decorators.h"
#include "simulation/world.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "table/npy.h"
#include "tuning/judge.h"
#include "tuning/retrainer.h"

namespace drst::testing {
namespace {

const std::string topic = "latencyTopic";
constexpr int64_t restart_tick = 170;

/// Names another stage in each record that passes.
class RenamingLog final : public ForwardingLog {
 public:
  RenamingLog(Log& inner_log, std::function<std::string()> next)
      : ForwardingLog(inner_log), next_(std::move(next)) {}
  int64_t append(const std::string& to, int partition, std::span<const NewRecord> records) override {
    if (to != topic || !next_) return inner().append(to, partition, records);
    std::vector<NewRecord> changed(records.begin(), records.end());
    for (auto& record : changed) {
      static const std::string field = R"("stage":")";
      const auto at = record.value.find(field);
      if (at == std::string::npos) continue;  // a sentinel
      const auto begin = at + field.size();
      record.value.replace(begin, record.value.find('"', begin) - begin, next_());
      ++renamed;
    }
    return inner().append(to, partition, changed);
  }
  int renamed = 0;

 private:
  std::function<std::string()> next_;
};

struct Variant {
  std::function<std::string()> stage = {};  ///< empty: as produced
  std::string truth = {};                   ///< results/truth.npz from the start; empty: none
  bool delete_truth = false;                ///< at restart_tick
  bool restart = false;                     ///< all but the producer, at restart_tick
};

/// All that was decided, a line each.
struct Outcome {
  std::vector<std::string> predictions, alarms, answers, returns, swaps, releases;
  std::string truth;  ///< the file as the producer left it
  int renamed = 0;
};

/// Consumers, monitor and retrainer as one incarnation of their processes.
struct Processes {
  Processes(Log& log, ObjectStore& store, const Clock& clock) {
    InferenceSettings inference;
    inference.poll_interval_s = 0;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      ConsumerIdentity identity;
      identity.topic = topic;
      identity.member = "infer-" + drst::to_text(i);
      consumers.push_back(
          std::make_unique<InferenceConsumer>(log, store, clock, inference, identity, slots[i]));
      guards.push_back(
          std::make_unique<Guard>(store, clock, inference, RegistrySettings{}, identity.member, slots[i]));
    }
    DriftSettings drift;
    drift.window = 40;
    drift.stride = 10;
    drift.recent = {20};
    drift.vanished_rows = 20;
    drift.split_least = 10;
    drift.calibration.block_rows = 5;
    drift.calibration.bootstrap_rounds = 50;
    drift.calibration.least_effect = {0.15, 0.25, 0.35};
    drift.calibration.recent_least_effect = {0.25, 0.35, 0.45};
    drift.cool_down = 0;
    drift.save_every = 10;
    MonitorOptions monitor_options;
    monitor_options.topic = topic;
    monitor = std::make_unique<Monitor>(log, store, clock, drift, monitor_options);
    TuningSettings tuning;
    tuning.memory_rows = 120;
    tuning.min_labels = 10;
    tuning.min_validation = 4;
    tuning.track_rows = 40;
    tuning.answer_z = 0;
    tuning.refit_learning_rate = 2e-2;  // as in the fault simulation: much is to be decided
    tuning.memory_decay = 20;
    tuning.offline_weight = 0.01;
    RetrainerOptions retrainer_options;
    retrainer_options.topic = topic;
    retrainer_options.family = "ridge";
    retrainer = std::make_unique<Retrainer>(log, store, clock, tuning, RegistrySettings{}, retrainer_options,
                                            start().offline);
    JudgeSettings judging;
    judging.alpha = 0.5;
    judging.false_rollback_labels = 8;
    judging.patience_labels = 5;
    JudgeOptions judge_options;
    judge_options.topic = topic;
    judge = std::make_unique<Judge>(log, store, clock, judging, RegistrySettings{}, judge_options);
  }
  static const SimulationStart& start() {
    static const SimulationStart prepared = [] {
      log::set_level(log::Level::off);
      return prepare_simulation();
    }();
    return prepared;
  }
  /// Until nobody has anything to do in this tick; true: all are done.
  bool tick() {
    std::vector<Component*> order;
    for (auto& consumer : consumers) order.push_back(consumer.get());
    order.push_back(monitor.get());
    order.push_back(retrainer.get());
    order.push_back(judge.get());
    bool done = true;
    for (auto* component : order) {
      Step step = component->step();
      for (int i = 0; step == Step::worked && i < 10'000; ++i) step = component->step();
      done = done && step == Step::done;
    }
    for (auto& guard : guards) guard->step();
    return done;
  }

  std::array<ModelSlot, 3> slots;
  std::vector<std::unique_ptr<InferenceConsumer>> consumers;
  std::vector<std::unique_ptr<Guard>> guards;
  std::unique_ptr<Monitor> monitor;
  std::unique_ptr<Retrainer> retrainer;
  std::unique_ptr<Judge> judge;
};

std::string bits(float value) { return drst::to_text(std::bit_cast<uint32_t>(value)); }
std::string bits(double value) { return drst::to_text(std::bit_cast<uint64_t>(value)); }

void collect(Outcome& outcome, Log& log, ObjectStore& store, const Clock& clock) {
  for (const auto& row : read_traces(log, topic, "run").rows)
    outcome.predictions.push_back(row.id + " " + drst::to_text(row.partition) + " " +
                                  drst::to_text(row.offset) + " " + bits(row.truth) + " " +
                                  bits(row.pred_orig) + " " + bits(row.pred_adj) + " " + row.release + " " +
                                  row.consumer);
  for (const auto& event : read_drift_events(store)) {
    std::string line = event.id + " " + drst::to_text(event.row) + " " + drst::to_text(event.change_row) +
                       " " + bits(event.signal_bits) + " " + bits(event.threshold_bits) + " " + event.tier;
    for (const auto& share : event.top_features) line += " " + share.feature + " " + bits(share.divergence);
    outcome.alarms.push_back(line);
  }
  for (const auto& event : read_retrain_events(store))
    (event.kind == "answer" ? outcome.answers : outcome.returns)
        .push_back(event.id + " " + drst::to_text(event.row) + " " + bits(event.val_loss) + " " +
                   bits(event.live_val_loss) + " " + drst::to_text(event.labels) + " " + event.release + " " +
                   event.reason);
  for (const auto& event : read_swap_events(store))
    outcome.swaps.push_back(drst::to_text(event.row) + " " + event.consumer + " " + event.release);
  for (const auto& info : Registry(store, clock).list())
    outcome.releases.push_back(info.model_key + " " + info.role + " " +
                               sha256_hex(store.get(info.model_key).value_or("")));
}

Outcome play(const Variant& variant) {
  VirtualClock clock;
  const auto disk = std::make_shared<MemoryLogDisk>();
  MemoryLog log(disk, clock);
  MemoryStore store;
  for (const auto& [key, bytes] : Processes::start().objects) store.put(key, bytes);
  if (!variant.truth.empty()) store.put(truth_key, variant.truth);
  ProducerSettings settings;
  settings.topic = topic;
  settings.lags = true;
  settings.rate = 1;
  RenamingLog wire(log, variant.stage);
  const auto& table = Processes::start().stream;
  const std::size_t change = 110;  // as in prepare_simulation
  Producer producer(wire, store, clock, settings, "run", {"output_rate"},
                    {{"calm", table.slice(0, change)}, {"storm", table.slice(change, table.rows())}});
  auto processes = std::make_unique<Processes>(log, store, clock);
  bool done = false;
  for (int64_t tick = 0; !done && tick < 1000; ++tick) {
    if (tick == restart_tick && variant.delete_truth) {
      EXPECT_TRUE(store.remove(truth_key));
    }
    if (tick == restart_tick && variant.restart) {
      processes.reset();
      processes = std::make_unique<Processes>(log, store, clock);
    }
    producer.step();
    done = processes->tick();
    clock.advance(std::chrono::seconds(1));
  }
  EXPECT_TRUE(done);
  Outcome outcome;
  collect(outcome, log, store, clock);
  outcome.truth = store.get(truth_key).value_or("");
  outcome.renamed = wire.renamed;
  return outcome;
}

void expect_same(const Outcome& a, const Outcome& b) {
  EXPECT_EQ(a.predictions, b.predictions);
  EXPECT_EQ(a.alarms, b.alarms);
  EXPECT_EQ(a.answers, b.answers);
  EXPECT_EQ(a.returns, b.returns);
  EXPECT_EQ(a.swaps, b.swaps);
  EXPECT_EQ(a.releases, b.releases);
}

const Outcome& plain() {
  static const Outcome outcome = play({});
  return outcome;
}
const Outcome& restarted() {
  static const Outcome outcome = play({.restart = true});
  return outcome;
}

TEST(NoOracle, InTheRunsComparedSomethingIsDecided) {
  for (const auto* outcome : {&plain(), &restarted()}) {
    EXPECT_EQ(outcome->predictions.size(), Processes::start().stream.rows());
    EXPECT_FALSE(outcome->alarms.empty());
    EXPECT_EQ(outcome->answers.size(), outcome->alarms.size());
    EXPECT_GT(outcome->releases.size(), 4u);
    EXPECT_GT(outcome->swaps.size(), 6u);
  }
}

TEST(NoOracle, StagesDrawnForEachRecordChangeNothing) {
  Random random(3);
  const std::vector<std::string> names = {"calm", "storm", "", "dag-1", "stage0", "stage\\u00fc"};
  const auto outcome = play({.stage = [&] { return names[random.below(names.size())]; }});
  EXPECT_EQ(outcome.renamed, static_cast<int>(Processes::start().stream.rows()));
  expect_same(outcome, plain());
}

TEST(NoOracle, ExchangedAndMissingStageNamesChangeNothing) {
  int64_t row = 0;
  expect_same(play({.stage = [&] { return row++ < 110 ? "storm" : "calm"; }}), plain());
  expect_same(play({.stage = [] { return ""; }}), plain());
}

TEST(NoOracle, TruthAtHandChangesNothing) {
  ASSERT_FALSE(plain().truth.empty());
  expect_same(play({.truth = plain().truth}), plain());
}

TEST(NoOracle, AFalseTruthChangesNothing) {
  auto members = parse_npz(plain().truth, "truth");
  auto& labels = std::get<std::vector<double>>(members.at("label").data);
  for (double& label : labels) label = 1e6 - label;
  expect_same(play({.truth = to_npz(members)}), plain());
}

TEST(NoOracle, TruthDeletedMidRunChangesNothingBeforeOrAfterARestart) {
  expect_same(play({.truth = plain().truth, .delete_truth = true}), plain());
  expect_same(play({.truth = plain().truth, .restart = true}), restarted());
  expect_same(play({.truth = plain().truth, .delete_truth = true, .restart = true}), restarted());
}

}  // namespace
}  // namespace drst::testing
