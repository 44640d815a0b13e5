// Faults on demand: where a harness may stop the world, and what a store that does not sync loses.
#include "store/memory_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "base/error.h"

namespace drst {
namespace {

using ::testing::ElementsAre;

class Recorder final : public FaultPoint {
 public:
  std::function<void(std::string_view, std::string_view)> action;
  std::vector<std::string> seen;
  void reached(std::string_view operation, std::string_view subject) override {
    seen.push_back(std::string(operation) + " " + std::string(subject));
    if (action) action(operation, subject);
  }
};

TEST(MemoryStore, TellsWhereItIs) {
  Recorder recorder;
  MemoryStore store(nullptr, &recorder);
  store.put("a", "1");
  store.put_new("a", "2");
  (void)store.get("a");
  store.remove("a");
  (void)store.list("m/");
  (void)store.exists("a");
  EXPECT_THAT(recorder.seen,
              ElementsAre("store.put.before a", "store.put.after a", "store.put_new.before a",
                          "store.put_new.after a", "store.get.before a", "store.remove.before a",
                          "store.remove.after a", "store.list.before m/", "store.exists.before a"));
}

TEST(MemoryStore, ACrashBeforeLeavesTheOldAndACrashAfterTheNew) {
  const auto disk = std::make_shared<MemoryDisk>();
  MemoryStore(disk).put("a", "old");
  Recorder recorder;
  const auto crash_at = [&](std::string_view where) {
    recorder.action = [where](std::string_view operation, std::string_view) {
      if (operation == where) throw SimulatedCrash();
    };
    MemoryStore store(disk, &recorder);
    EXPECT_THROW(store.put("a", "new"), SimulatedCrash);
    return MemoryStore(disk).get("a");
  };
  EXPECT_EQ(crash_at("store.put.before"), "old");
  EXPECT_EQ(crash_at("store.put.after"), "new");
}

TEST(MemoryStore, ACrashIsNoStandardException) {
  Recorder recorder;
  recorder.action = [](std::string_view, std::string_view) { throw SimulatedCrash(); };
  MemoryStore store(nullptr, &recorder);
  bool survived = false;
  const auto component = [&] {
    try {
      store.put("a", "1");
    } catch (const std::exception&) {
      survived = true;
    }
  };
  EXPECT_THROW(component(), SimulatedCrash);
  EXPECT_FALSE(survived);
}

TEST(MemoryStore, AFullDiskIsAnErrorThatLeavesTheOld) {
  Recorder recorder;
  MemoryStore store(nullptr, &recorder);
  store.put("a", "old");
  recorder.action = [](std::string_view operation, std::string_view) {
    if (operation == "store.put.before") throw FailedError("no space left");
  };
  EXPECT_THROW(store.put("a", "new"), FailedError);
  EXPECT_EQ(store.get("a"), "old");
}

TEST(MemoryStore, SyncedWritesOutliveTheMachine) {
  const auto disk = std::make_shared<MemoryDisk>();
  MemoryStore store(disk);
  store.put("a", "1");
  store.put("b", "1");
  store.remove("b");
  Random random(1);
  for (int i = 0; i < 20; ++i) disk->lose_power(random);
  EXPECT_EQ(store.get("a"), "1");
  EXPECT_FALSE(store.exists("b"));
}

TEST(MemoryStore, UnsyncedWritesOutliveTheProcessButNotTheMachine) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto disk = std::make_shared<MemoryDisk>();
    MemoryStore(disk).put("a", "old");
    MemoryStore(disk, nullptr, Sync::no).put("a", "newer");
    MemoryStore(disk, nullptr, Sync::no).put("a", "newest");
    MemoryStore(disk, nullptr, Sync::no).put_new("b", "x");
    EXPECT_EQ(MemoryStore(disk).get("a"), "newest");
    EXPECT_EQ(disk->unsynced(), 2U);
    Random random(seed);
    disk->lose_power(random);
    EXPECT_EQ(disk->unsynced(), 0U);
    outcomes.insert(MemoryStore(disk).get("a").value_or("none"));
    outcomes.insert("b=" + MemoryStore(disk).get("b").value_or("none"));
  }
  for (const char* possible : {"old", "newest", "", "new", "b=none", "b=x", "b="})
    EXPECT_TRUE(outcomes.contains(possible)) << possible;
  EXPECT_FALSE(outcomes.contains("none")) << "what was synced once does not vanish";
}

TEST(MemoryStore, ASyncedWriteSettlesEarlierUnsyncedOnes) {
  const auto disk = std::make_shared<MemoryDisk>();
  MemoryStore(disk, nullptr, Sync::no).put("a", "1");
  MemoryStore(disk).put("a", "2");
  EXPECT_EQ(disk->unsynced(), 0U);
  Random random(3);
  disk->lose_power(random);
  EXPECT_EQ(MemoryStore(disk).get("a"), "2");
}

TEST(MemoryStore, AnUnsyncedRemovalMayComeBack) {
  int back = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const auto disk = std::make_shared<MemoryDisk>();
    MemoryStore(disk).put("flag", "A");
    MemoryStore(disk, nullptr, Sync::no).remove("flag");
    Random random(seed);
    disk->lose_power(random);
    back += MemoryStore(disk).exists("flag") ? 1 : 0;
  }
  EXPECT_GT(back, 0);
  EXPECT_LT(back, 60);
}

}  // namespace
}  // namespace drst
