#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "learn/offline.h"
#include "registry/events.h"
#include "registry/handover.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "stream/record.h"
#include "tuning/judge.h"
#include "tuning/retrainer.h"

namespace drst {
namespace {

/// y = factor x a x b; offline with factor 1, then a labelled stream of another.
struct World {
  VirtualClock clock;
  MemoryLog log{std::make_shared<MemoryLogDisk>(), clock};
  MemoryStore store;
  Registry registry{store, clock};
  TuningSettings tuning;
  RetrainerOptions options;
  Random random{11};
  RecordEncoder encoder{{"a", "b"}};
  Table offline;
  int64_t row = 0;

  World() {
    std::vector<double> a, b, y;
    for (int r = 0; r < 200; ++r) {
      a.push_back(std::exp(random.uniform(-1, 1)));
      b.push_back(std::exp(random.uniform(-1, 1)));
      y.push_back(a.back() * b.back());
    }
    offline.add_column("output_rate", y);
    offline.add_column("a", a);
    offline.add_column("b", b);
    ModelSettings model;
    model.family = "ridge";
    model.lags = "off";
    run_offline(offline, model, store, registry, {1, "test"});
    log.ensure_topic("latencyTopic", 1);
    options.run_id = "run1";
    tuning.refit_every_labels = 20;
    tuning.grid.a.hidden = {{8}};
  }
  void append(double a, double b, double y) {
    const double values[] = {a, b};
    NewRecord record;
    record.value = std::string(encoder.encode(make_id("run1", row++), values, y, clock.now(), "s"));
    record.headers = {{std::string(run_id_header), "run1"}};
    log.append("latencyTopic", 0, {&record, 1});
  }
  void append_rows(int rows, double factor) {
    for (int r = 0; r < rows; ++r) {
      const double a = std::exp(random.uniform(-1, 1)), b = std::exp(random.uniform(-1, 1));
      append(a, b, factor * a * b);
    }
  }
  Retrainer retrainer() { return {log, store, clock, tuning, RegistrySettings{}, options, offline}; }
};

void settle(Component& component) {
  while (component.step() == Step::worked) {
  }
}

TEST(RetrainerSettings, HalfARecordIsTakenOrLeftAsSet) {
  for (const double limit : {0.5, 0.25}) {
    World world;
    world.options.reader.max_missing_fraction = limit;
    world.append_rows(10, 1);
    world.append(1, std::nan(""), 1);
    auto retrainer = world.retrainer();
    settle(retrainer);
    EXPECT_EQ(retrainer.counts().samples, limit == 0.5 ? 11U : 10U) << limit;

    JudgeOptions judging;
    judging.reader.max_missing_fraction = limit;
    Judge judge(world.log, world.store, world.clock, {}, {}, judging);
    settle(judge);
    EXPECT_EQ(judge.counts().samples, retrainer.counts().samples) << "both see the same stream";
  }
}

TEST(RetrainerSettings, AModelBeyondTheLimitsIsRefused) {
  World world;
  world.options.model_limits.network.max_inputs = 1;
  auto retrainer = world.retrainer();
  EXPECT_THROW(retrainer.step(), FailedError);
  JudgeOptions judging;
  judging.model_limits.network.max_inputs = 1;
  Judge judge(world.log, world.store, world.clock, {}, {}, judging);
  world.append_rows(1, 1);
  EXPECT_THROW(settle(judge), FailedError);
}

TEST(RetrainerSettings, AnAnswerMayStartFromAsManyFormerStatesAsAreKept) {
  const auto validation = [](int64_t kept) {
    World world;
    world.tuning.kept_starts = kept;
    world.append_rows(120, 0.5);
    auto retrainer = world.retrainer();
    settle(retrainer);
    DriftWindow window;
    window.columns = {"a", "b"};
    Handover(world.store)
        .raise({"run1-119", Tier::A, 119, "output_rate"}, window, world.clock.now(),
               std::chrono::seconds(600));
    settle(retrainer);
    return read_retrain_events(world.store).at(0).val_loss;
  };
  EXPECT_EQ(validation(16), validation(8)) << "both keep more than the six there are";
  EXPECT_NE(validation(16), validation(1)) << "the baseline alone knows less";
}

}  // namespace
}  // namespace drst
