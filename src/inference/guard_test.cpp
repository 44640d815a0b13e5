#include "inference/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "inference/test_world.h"

namespace drst {
namespace {

using testing::InferenceWorld;

class GuardTest : public ::testing::Test {
 protected:
  void step() {
    world.clock.advance(std::chrono::seconds(1));
    guard.step();
  }
  std::string taken() {
    auto model = slot.take();
    rollback = model && model->rollback;
    return model ? model->release : "";
  }
  ReleaseInfo live(uint64_t seed, double gain) {
    auto info = world.publish(seed, gain);
    world.registry.point_to(info, "test", "");
    return info;
  }

  InferenceWorld world;
  ModelSlot slot;
  Guard guard{world.store, world.clock, {}, {}, "infer-0", slot};
  bool rollback = false;
};

TEST_F(GuardTest, TheFirstReleasePassesWhateverItsGain) {
  InferenceWorld bare;
  ModelSlot own;
  const auto poor = bare.publish(9, -0.5);
  bare.store.put("models/latest.txt", to_text(Pointer{poor.model_key, poor.metrics_key}));
  for (const auto& key : bare.store.list("models/audit/")) bare.store.remove(key);
  Guard fresh(bare.store, bare.clock, {}, {}, "infer-0", own);
  fresh.step();
  ASSERT_TRUE(own.take());
}

TEST_F(GuardTest, PollsByTheClockAndOffersOnce) {
  EXPECT_EQ(guard.step(), Step::worked);
  EXPECT_EQ(taken(), world.first.model_key);
  const auto better = live(3, 0.2);
  EXPECT_EQ(guard.step(), Step::idle) << "not before the interval is over";
  step();
  EXPECT_EQ(taken(), better.model_key);
  EXPECT_FALSE(rollback);
  step();
  EXPECT_EQ(taken(), "");
  EXPECT_EQ(guard.counts().offers, 2u);
}

TEST_F(GuardTest, TheGateTakesOnlyWhatGainsMoreThanTheMargin) {
  step();
  taken();
  live(3, 0.0);
  step();
  EXPECT_EQ(taken(), "") << "no gain";
  live(4, std::nan(""));
  step();
  EXPECT_EQ(taken(), "") << "never measured";
  EXPECT_EQ(guard.counts().refused, 2u);
  step();
  EXPECT_EQ(guard.counts().refused, 2u) << "decided once";
  const auto good = live(5, 1e-6);
  step();
  EXPECT_EQ(taken(), good.model_key);
}

TEST_F(GuardTest, ARollbackToAFormerlyLiveOnePasses) {
  step();
  taken();
  const auto poor = live(3, -1);
  step();
  EXPECT_EQ(taken(), "");
  live(4, 0.5);
  step();
  EXPECT_NE(taken(), "");
  world.registry.rollback(poor.model_key, "operator");
  step();
  EXPECT_EQ(taken(), poor.model_key);
  EXPECT_TRUE(rollback);
  world.registry.rollback("", "operator");
  step();
  EXPECT_EQ(taken(), world.first.model_key);
}

TEST_F(GuardTest, BrokenReleasesLeaveTheModelAndAreTriedAgain) {
  step();
  EXPECT_EQ(taken(), world.first.model_key);
  const auto next = live(3, 0.5);
  const auto whole = *world.store.get(next.model_key);
  const auto metrics = *world.store.get(next.metrics_key);
  uint64_t failures = 0;
  const auto stays = [&](const std::string& what) {
    step();
    EXPECT_EQ(taken(), "") << what;
    EXPECT_EQ(guard.counts().failures, ++failures) << what;
  };
  world.store.put(next.model_key, whole.substr(0, whole.size() / 2));
  stays("cut short");
  world.store.remove(next.model_key);
  stays("missing");
  world.store.put(next.model_key, *world.store.get(world.first.model_key));
  stays("another model");
  world.store.put(next.model_key, whole);
  world.store.put(next.metrics_key, "");
  stays("empty metrics");
  world.store.put(next.metrics_key, metrics);
  const auto pointer = *world.store.get("models/latest.txt");
  world.store.put("models/latest.txt", pointer.substr(0, pointer.find('\n')));
  stays("half a pointer");
  world.store.put("models/latest.txt", "models/model_gone.onnx\nmodels/metrics_gone.json\n");
  stays("a pointer to nothing");
  world.store.put("models/latest.txt", pointer);
  step();
  EXPECT_EQ(taken(), next.model_key) << "repaired";
}

TEST_F(GuardTest, WrongInputsAndGarbageWithAGoodDigestAreRefused) {
  step();
  taken();
  const auto network = testing::random_network({"cycles"}, 5);
  auto info = testing::release_of(network, 0.5);
  info.inputs = {"misses"};
  world.registry.point_to(world.registry.publish(to_onnx(network), info), "test", "");
  step();
  EXPECT_EQ(taken(), "") << "the metrics name other inputs than the graph";
  world.registry.point_to(world.registry.publish("no ONNX at all", testing::release_of(network, 0.5)), "test",
                          "");
  step();
  EXPECT_EQ(taken(), "");
  EXPECT_EQ(guard.counts().failures, 2u);
}

TEST_F(GuardTest, AReleaseBeyondTheLimitsIsRefused) {
  InferenceSettings strict;
  strict.onnx.max_inputs = 1;
  ModelSlot own;
  Guard careful(world.store, world.clock, strict, {}, "infer-0", own);
  careful.step();
  EXPECT_FALSE(own.take());
  EXPECT_GT(careful.counts().failures, 0U);
  guard.step();
  EXPECT_TRUE(slot.take()) << "it is the limit, not the release";
}

TEST_F(GuardTest, ARestartedConsumerGetsTheLastUsableReleaseWhileThePointerIsBroken) {
  const auto good = live(3, 0.5);
  const auto bad = live(4, 0.5);
  world.store.put(bad.model_key, "torn");
  step();
  EXPECT_EQ(taken(), good.model_key);
  step();
  EXPECT_EQ(taken(), "") << "offered once";

  world.store.put("models/latest.txt", "");
  ModelSlot other_slot;
  Guard other(world.store, world.clock, {}, {}, "infer-1", other_slot);
  other.step();
  EXPECT_EQ(other.offered(), good.model_key);
}

TEST_F(GuardTest, WithNothingElseTheBaselineServes) {
  world.store.put(world.first.model_key, "torn");
  step();
  EXPECT_EQ(taken(), (**world.registry.baseline()).model_key);
}

TEST_F(GuardTest, WithoutAPointerNothingIsOffered) {
  MemoryStore empty;
  Guard lonely(empty, world.clock, {}, {}, "infer-0", slot);
  EXPECT_EQ(lonely.step(), Step::idle);
  EXPECT_EQ(taken(), "");
  EXPECT_EQ(lonely.counts().failures, 0u);
}

}  // namespace
}  // namespace drst
