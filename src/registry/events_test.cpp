#include "registry/events.h"

#include <gtest/gtest.h>

#include "registry/judgement.h"
#include "store/memory_store.h"

namespace drst {
namespace {

/// A run is named by whoever produces it; what names our objects must not be too long for a store because of
/// that.
TEST(Events, NamesOfAnyLengthMakeAKey) {
  MemoryStore store;
  const std::string name(5000, 'x');
  DriftEvent drift;
  RetrainEvent retrain;
  drift.id = retrain.id = name + "-1";
  write_event(store, drift);
  write_event(store, retrain);
  drift.id = name + "-2";
  write_event(store, drift);
  SwapEvent swap;
  swap.run = swap.consumer = swap.release = name;
  write_event(store, swap);
  Judgement judgement;
  judgement.run_id = name;
  write_judgement(store, judgement);
  judgement.run_id += "y";
  write_judgement(store, judgement);
  EXPECT_EQ(read_drift_events(store).size(), 2U);
  EXPECT_EQ(read_retrain_events(store).size(), 1U);
  EXPECT_EQ(read_swap_events(store).size(), 1U);
  EXPECT_EQ(read_judgements(store, name).size(), 1U);
}

TEST(Events, RepeatingAStepWritesTheSameObject) {
  MemoryStore store;
  DriftEvent drift{"run-120",
                   "stage2",
                   120,
                   100,
                   0.2,
                   0.1,
                   "B",
                   {{"firewall_cycles", 0.5}},
                   VirtualClock::default_epoch(),
                   "recent 100",
                   0.01,
                   "history",
                   {{"firewall", 0.75, 0.4}},
                   {"old_cycles"},
                   {"new_cycles"}};
  write_event(store, drift);
  write_event(store, drift);
  EXPECT_TRUE(store.exists("results/drift/run-120.json"));
  drift.id = "run-7";
  drift.row = 7;
  write_event(store, drift);
  const auto drifts = read_drift_events(store);
  ASSERT_EQ(drifts.size(), 2u);
  EXPECT_EQ(drifts[0].row, 7);
  EXPECT_EQ(drifts[1].top_features.at(0).feature, "firewall_cycles");
  EXPECT_EQ(drifts[1].signal_bits, 0.2);
  EXPECT_EQ(drifts[1].when, VirtualClock::default_epoch());
  EXPECT_EQ(drifts[1].voice, "recent 100");
  EXPECT_EQ(drifts[1].threshold_error, 0.01);
  EXPECT_EQ(drifts[1].calibrated_on, "history");
  EXPECT_EQ(drifts[1].vnfs.at(0).vnf, "firewall");
  EXPECT_EQ(drifts[1].vnfs.at(0).share, 0.75);
  EXPECT_EQ(drifts[1].columns_gone, std::vector<std::string>{"old_cycles"});
  EXPECT_EQ(drifts[1].columns_new, std::vector<std::string>{"new_cycles"});
}

TEST(Events, SwapAndRetrainEventsReadBack) {
  MemoryStore store;
  write_event(store, SwapEvent{9, "infer-1", "models/model_20260101T000000000000Z.onnx", 1.5, true, ""});
  write_event(store, SwapEvent{9, "infer-0", "models/model_20260101T000000000000Z.onnx", 1.5, false, ""});
  EXPECT_TRUE(store.exists("results/swaps/infer-0-20260101T000000000000Z-000000000009.json"));
  const auto swaps = read_swap_events(store);
  ASSERT_EQ(swaps.size(), 2u);
  EXPECT_EQ(swaps[0].consumer, "infer-0");
  EXPECT_TRUE(swaps[1].rollback);

  RetrainEvent retrain;
  retrain.kind = "rollback";
  retrain.id = "run-120";
  retrain.candidates = 12;
  retrain.val_rmse = 3.25;
  retrain.published = true;
  write_event(store, retrain);
  ASSERT_EQ(read_retrain_events(store).size(), 1u);
  EXPECT_EQ(read_retrain_events(store)[0].val_rmse, 3.25);
  EXPECT_EQ(read_retrain_events(store)[0].candidates, 12);
  EXPECT_EQ(read_retrain_events(store)[0].kind, "rollback");
}

TEST(Events, RunsOfOneStoreKeepTheirsApart) {
  MemoryStore store;
  for (const char* run : {"run-1", "run-1-2"}) {
    DriftEvent drift;
    drift.id = std::string(run) + "-120";
    drift.row = 120;
    write_event(store, drift);
    SwapEvent swap{9, "infer-0", "models/model_20260101T000000000000Z.onnx", 1.5, false, run};
    write_event(store, swap);
  }
  ASSERT_EQ(read_drift_events(store).size(), 2u);
  EXPECT_EQ(run_of_event(read_drift_events(store)[0].id), "run-1");
  EXPECT_EQ(run_of_event(read_drift_events(store)[1].id), "run-1-2");
  const auto swaps = read_swap_events(store);
  ASSERT_EQ(swaps.size(), 2u);
  EXPECT_NE(swaps[0].run, swaps[1].run);
  EXPECT_EQ(run_of_event("by hand"), "");
  EXPECT_EQ(run_of_event("a-b"), "");
}

TEST(Events, NamesThatAreNoKeysKeepTheirEventsApart) {
  MemoryStore store;
  for (const char* id : {"a b", "a/b", "a_b", "..", "ü"}) {
    RetrainEvent event;
    event.id = id;
    write_event(store, event);
  }
  EXPECT_EQ(read_retrain_events(store).size(), 5u);
}

TEST(Events, WhatCannotBeReadIsLeftOut) {
  MemoryStore store;
  write_event(store, SwapEvent{});
  store.put("results/swaps/odd.json", "{\"row\":");
  store.put("results/swaps/strange.json", "{\"row\":\"seven\"}");
  EXPECT_EQ(read_swap_events(store).size(), 1u);
}

}  // namespace
}  // namespace drst
