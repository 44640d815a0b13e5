// Writes behind: order, crashes at each step, outages, full disks. The other store is in memory, the queue on
// disk.
#include "store/write_behind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "store/memory_store.h"
#include "store/upload_file.h"
#include "store/uploader.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Faults final : FaultPoint {
  std::function<void(std::string_view, std::string_view)> action;
  void reached(std::string_view operation, std::string_view subject) override {
    if (action) action(operation, subject);
  }
};

/// One machine with its disk, and the other store. What is behind `store` and `uploader` may die and come
/// back.
class Machine {
 public:
  explicit Machine(std::shared_ptr<MemoryDisk> there = std::make_shared<MemoryDisk>())
      : there_(std::move(there)) {
    settings.read_again_s = 0;
    limits.sync = Sync::no;
    std::filesystem::create_directories(folder.path() / "q/queue");  // which would be synced
    for (const char* part : {"kept", "refused"})
      std::filesystem::create_directories(folder.path() / "q" / part);
  }
  std::unique_ptr<UploadQueue> queue() {
    return std::make_unique<UploadQueue>(folder.path() / "q", limits, &faults);
  }
  WriteBehindStore store() {
    return WriteBehindStore(queue(), std::make_unique<MemoryStore>(there_, &faults), settings);
  }
  /// Uploads until nothing waits, or it fails. True: all is there.
  bool upload() {
    MemoryStore remote(there_, &faults);
    const auto waiting = queue();
    Uploader uploader(*waiting, remote, clock, settings, 1);
    while (uploader.step() == Step::worked) {
    }
    return waiting->waiting().empty();
  }
  MemoryStore there() { return MemoryStore(there_); }
  void cut_off(bool away = true) {
    faults.action = [away](std::string_view operation, std::string_view) {
      if (away && operation.starts_with("store.")) throw Error(ExitCode::unreachable, "nobody there");
    };
  }

  TemporaryFolder folder;
  UploadLimits limits;
  StoreSettings settings;
  Faults faults;
  VirtualClock clock;

 private:
  std::shared_ptr<MemoryDisk> there_;
};

class WriteBehind : public ::testing::Test {
 protected:
  void SetUp() override { log::set_level(log::Level::off); }
  void TearDown() override { log::set_level(log::Level::info); }
  Machine machine_;
};

TEST_F(WriteBehind, NothingWaitsForTheNetworkAndAllGetsThere) {
  machine_.cut_off();
  auto store = machine_.store();
  store.put("models/model_1.onnx", "one");
  EXPECT_TRUE(store.put_new("models/metrics_1.json", "m"));
  EXPECT_FALSE(store.put_new("models/metrics_1.json", "n"));
  store.put("models/latest.txt", "p");
  EXPECT_EQ(store.get("models/model_1.onnx"), "one");
  EXPECT_THAT(store.list("models/m"), ElementsAre("models/metrics_1.json", "models/model_1.onnx"));
  EXPECT_FALSE(machine_.upload());
  EXPECT_THAT(machine_.there().list(""), IsEmpty());
  machine_.cut_off(false);
  EXPECT_TRUE(machine_.upload());
  EXPECT_THAT(machine_.there().list(""),
              ElementsAre("models/latest.txt", "models/metrics_1.json", "models/model_1.onnx"));
  machine_.cut_off();
  EXPECT_EQ(store.get("models/model_1.onnx"), "one") << "kept for the next outage";
  EXPECT_TRUE(store.exists("models/latest.txt"));
  EXPECT_FALSE(store.put_new("models/metrics_1.json", "n"));
}

TEST_F(WriteBehind, OthersWritesAreSeenAndKept) {
  auto store = machine_.store();
  machine_.there().put("models/latest.txt", "by another");
  EXPECT_EQ(store.get("models/latest.txt"), "by another");
  machine_.there().put("models/latest.txt", "again");
  EXPECT_EQ(store.get("models/latest.txt"), "again");
  machine_.cut_off();
  EXPECT_EQ(store.get("models/latest.txt"), "again");
  EXPECT_TRUE(store.away());
  EXPECT_EQ(store.get("models/other"), std::nullopt);
  machine_.cut_off(false);
  machine_.there().remove("models/latest.txt");
  EXPECT_EQ(store.get("models/latest.txt"), std::nullopt);
  EXPECT_FALSE(store.away());
  machine_.cut_off();
  EXPECT_EQ(store.get("models/latest.txt"), std::nullopt) << "what is gone there is not kept";
}

TEST_F(WriteBehind, AReleaseIsOnlyRemovedInContact) {
  auto store = machine_.store();
  store.put("models/model_1.onnx", "x");
  store.put("results/flag", "x");
  machine_.upload();
  machine_.cut_off();
  EXPECT_THROW(store.remove("models/model_1.onnx"), Error);
  EXPECT_TRUE(store.remove("results/flag"));
  machine_.cut_off(false);
  EXPECT_TRUE(store.remove("models/model_1.onnx"));
  EXPECT_TRUE(machine_.upload());
  EXPECT_THAT(machine_.there().list(""), IsEmpty());
}

TEST_F(WriteBehind, AFullDiskCostsCopiesAndTelemetryOnly) {
  auto store = machine_.store();
  store.put("models/kept", "x");
  machine_.upload();
  machine_.cut_off();
  for (const char* key :
       {"results/metrics/a-1.csv", "targets/delay/results/metrics/a-2.csv", "results/drift_signal.npz"})
    store.put(key, "telemetry");
  store.put("results/infer-0_inference_trace.npz", "trace");
  // Room comes only once a copy and two objects of telemetry are gone.
  machine_.faults.action = [&](std::string_view operation, std::string_view) {
    if (operation.starts_with("store.")) throw Error(ExitCode::unreachable, "nobody there");
    if (operation == "queue.write.before" && machine_.queue()->dropped() < 2) throw DiskFullError("no room");
  };
  store.put("models/model_2.onnx", "model");
  EXPECT_EQ(store.get("models/kept"), std::nullopt);
  EXPECT_THAT(store.list(""), ElementsAre("models/model_2.onnx", "results/drift_signal.npz",
                                          "results/infer-0_inference_trace.npz"));
  machine_.faults.action = [&](std::string_view operation, std::string_view) {
    if (operation == "queue.write.before") throw DiskFullError("no room");
    if (operation.starts_with("store.")) throw Error(ExitCode::unreachable, "nobody there");
  };
  EXPECT_THROW(store.put("models/model_3.onnx", "model"), FailedError) << "said, not swallowed";
  machine_.cut_off(false);
  EXPECT_TRUE(machine_.upload());
  EXPECT_EQ(machine_.there().get("models/model_2.onnx"), "model");
  EXPECT_EQ(machine_.there().get("results/infer-0_inference_trace.npz"), "trace");
}

TEST_F(WriteBehind, WhatWaitsIsBoundedByTelemetry) {
  machine_.limits.waiting_bytes = 3000;
  machine_.cut_off();
  auto store = machine_.store();
  for (int i = 0; i < 20; ++i) {
    store.put("results/metrics/m-" + to_text(i) + ".csv", std::string(500, 't'));
    store.put("models/model_" + to_text(i) + ".onnx", std::string(100, 'm'));
  }
  EXPECT_EQ(store.list("models/").size(), 20U);
  EXPECT_THAT(store.list("results/"), ElementsAre("results/metrics/m-18.csv", "results/metrics/m-19.csv"));
  EXPECT_EQ(store.queue().dropped(), 18U);
}

TEST_F(WriteBehind, OfTracesAndTelemetryTheNewestWaits) {
  machine_.cut_off();
  auto store = machine_.store();
  for (const char* key :
       {"results/infer-0_inference_trace.npz", "results/monitor_state.bin", "results/resources/a.json"})
    for (const char* bytes : {"1", "2", "3"}) store.put(key, bytes);
  for (const char* bytes : {"1", "2"}) store.put("results/retrain_lock.flag", bytes);
  EXPECT_EQ(store.queue().waiting().size(), 5U);
  machine_.cut_off(false);
  machine_.upload();
  EXPECT_EQ(machine_.there().get("results/monitor_state.bin"), "3");
}

TEST_F(WriteBehind, ANameTakenElsewhereIsPutAsideAndBlocksNothing) {
  machine_.cut_off();
  auto store = machine_.store();
  EXPECT_TRUE(store.put_new("models/audit/1", "ours"));
  store.put("models/latest.txt", "p");
  machine_.there().put("models/audit/1", "theirs");
  machine_.cut_off(false);
  EXPECT_TRUE(machine_.upload());
  EXPECT_EQ(machine_.there().get("models/audit/1"), "theirs");
  EXPECT_EQ(machine_.there().get("models/latest.txt"), "p");
  EXPECT_EQ(store.queue().refused(), 1U);
}

TEST_F(WriteBehind, ADamagedFileIsPutAsideAndNeverServed) {
  machine_.cut_off();
  auto store = machine_.store();
  store.put("models/a", "bytes of a model");
  store.put("models/b", "x");
  const auto file = machine_.folder.path() / "q/queue" / store.queue().waiting().front().file;
  auto text = read_file(file);
  text.back() = 'L';
  write_file_atomic(file, text);
  EXPECT_THROW(store.get("models/a"), FailedError);
  machine_.cut_off(false);
  EXPECT_TRUE(machine_.upload());
  EXPECT_THAT(machine_.there().list(""), ElementsAre("models/b"));
  EXPECT_EQ(store.queue().refused(), 1U);
}

TEST_F(WriteBehind, NothingOvertakesWhatFails) {
  auto store = machine_.store();
  store.put("models/model_1.onnx", "x");
  store.put("models/latest.txt", "p");
  machine_.faults.action = [](std::string_view operation, std::string_view key) {
    if (operation == "store.put.before" && key == "models/model_1.onnx") throw InputError("AccessDenied");
  };
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(machine_.upload());
    machine_.clock.advance(std::chrono::hours(1));
  }
  EXPECT_THAT(machine_.there().list(""), IsEmpty());
  const auto trouble = machine_.folder.path() / "q/trouble";
  EXPECT_THAT(read_file(trouble), HasSubstr("AccessDenied"));
  machine_.cut_off(false);
  EXPECT_TRUE(machine_.upload());
  EXPECT_FALSE(std::filesystem::exists(trouble)) << "though another uploader wrote it";
}

TEST_F(WriteBehind, WaitsGrowAndEndWithTheOutage) {
  machine_.settings.retry_s = 1;
  machine_.settings.retry_limit_s = 8;
  machine_.store().put("a", "x");
  machine_.cut_off();
  const auto queue = machine_.queue();
  auto remote = MemoryStore(nullptr, &machine_.faults);
  Uploader uploader(*queue, remote, machine_.clock, machine_.settings, 1);
  int tries = 0;
  machine_.faults.action = [&](std::string_view operation, std::string_view) {
    if (!operation.starts_with("store.")) return;
    ++tries;
    throw Error(ExitCode::unreachable, "nobody there");
  };
  for (int s = 0; s < 3600; ++s) {
    uploader.step();
    machine_.clock.advance(std::chrono::seconds(1));
  }
  EXPECT_GT(tries, 3600 / 8);
  EXPECT_LT(tries, 3600 / 3);
  machine_.cut_off(false);
  machine_.clock.advance(std::chrono::seconds(8));
  EXPECT_EQ(uploader.step(), Step::worked) << "no later than the bound";
  EXPECT_FALSE(uploader.trouble());
}

TEST_F(WriteBehind, OneUploaderAtATime) {
  auto store = machine_.store();
  store.put("a", "x");
  const FileLock other(store.queue().uploading_lock());
  EXPECT_FALSE(machine_.upload());
  EXPECT_THAT(machine_.there().list(""), IsEmpty());
}

TEST_F(WriteBehind, LongKeysAndOddNames) {
  const std::string key = std::string(250, 'a') + "/" + std::string(250, 'b') + "/c";
  auto store = machine_.store();
  store.put(key, "long");
  store.put("a-b", "1");
  store.put("b", "2");
  EXPECT_EQ(store.get("b"), "2");
  EXPECT_EQ(store.get(key), "long");
  EXPECT_THAT(store.list(""), ElementsAre("a-b", key, "b"));
  EXPECT_TRUE(machine_.upload());
  EXPECT_EQ(machine_.there().get(key), "long");
  machine_.cut_off();
  EXPECT_EQ(store.get(key), "long");
}

TEST(UploadFile, NamesThatAreNone) {
  for (const char* name :
       {"", "x", "0000000000000001-p-1-", "0000000000000001-q-1-a", "1-p-1-a", "0000000000000001-p--1-a",
        "0000000000000001-p-01-a", "0000000000000001-p-1-..", "0000000000000001-p-1-a++b"})
    EXPECT_FALSE(parse_upload_name(name)) << name;
  EXPECT_FALSE(parse_upload_name("0000000000000001-p-1-" + std::string(201, 'a')))
      << "that is a digest's place";
  const Upload upload{7, Upload::Kind::create, 12, "a/b-c", {}};
  const auto back = parse_upload_name(upload_file_name(upload));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->key, "a/b-c");
  EXPECT_EQ(back->number, 7U);
  for (const std::string& text :
       {std::string(), std::string("drst-object 1\na\n"), write_upload("a", "xyz") + "1"})
    EXPECT_FALSE(read_upload(text));
}

using State = std::map<std::string, std::string>;

State state_of(ObjectStore& store) {
  State state;
  for (const auto& key : store.list("")) state[key] = store.get(key).value();
  return state;
}

/// A release and the pointer to it, twice, with a crash at each step there is, one after the other: there is
/// never a pointer there without its release, and in the end all is there.
TEST_F(WriteBehind, ACrashAtEachStep) {
  for (int at = 0;; ++at) {
    Machine machine;
    int step = 0;
    bool crashed = false;
    machine.faults.action = [&](std::string_view, std::string_view) {
      if (step++ != at) return;
      crashed = true;
      throw SimulatedCrash();
    };
    const auto check = [&] {
      auto remote = machine.there();
      const auto pointer = remote.get("models/latest.txt");
      if (!pointer) return;
      EXPECT_EQ(remote.get("models/model_" + *pointer + ".onnx"), *pointer) << at;
    };
    for (const char* name : {"1", "2"}) {
      // What a component does that died in the middle: all of it again.
      for (bool done = false; !done;) try {
          auto store = machine.store();
          store.put_new("models/model_" + std::string(name) + ".onnx", name);
          store.put("models/latest.txt", name);
          machine.upload();
          done = true;
        } catch (const SimulatedCrash&) {
          check();
        }
      check();
    }
    EXPECT_TRUE(machine.upload());
    auto remote = machine.there();
    EXPECT_EQ(
        state_of(remote),
        (State{{"models/latest.txt", "2"}, {"models/model_1.onnx", "1"}, {"models/model_2.onnx", "2"}}));
    if (!crashed) {
      EXPECT_GT(at, 30) << "steps";
      break;
    }
  }
}

/// Whatever is written, and wherever the machine dies: the other store is at each moment what this one was
/// some time ago, a write that returned is never lost, and the end is the same.
void a_life_with_crashes(uint64_t seed) {
  SCOPED_TRACE(seed);
  Machine machine;
  Random random(seed);
  const double danger = random.uniform(0, 0.05), outage = random.uniform(0, 0.2);
  const auto harm = [&](std::string_view operation, std::string_view) {
    if (random.chance(danger)) throw SimulatedCrash();
    if (operation.starts_with("store.") && random.chance(outage))
      throw Error(ExitCode::unreachable, "nobody there, or the answer was lost");
  };
  const char* const keys[] = {"models/latest.txt", "models/model_1.onnx", "results/retrain_lock.flag",
                              "results/retrain_grid.flag"};
  std::vector<State> states = {{}};  // that this machine's store went through
  std::size_t seen = 0;              // the other store was so far at least, and never goes back
  auto queue = machine.queue();
  for (int i = 0; i < 60; ++i) {
    const std::string key = keys[random.below(4)], text = to_text(i);
    const bool remove = random.chance(0.2);
    State next = states.back();
    next.erase(key);
    if (!remove) next[key] = text;
    const auto before = queue->mark();
    machine.faults.action = harm;
    try {
      queue->add(remove ? Upload::Kind::remove : Upload::Kind::put, key, remove ? "" : text);
      states.push_back(next);
    } catch (const SimulatedCrash&) {  // it may have happened all the same
      machine.faults.action = {};
      queue = machine.queue();
      const auto newest = queue->newest(key);
      if (newest && newest->number >= before) states.push_back(next);
    }
    machine.faults.action = harm;
    if (!random.chance(0.4)) continue;
    try {
      machine.upload();
    } catch (const SimulatedCrash&) {
      machine.faults.action = {};
      queue = machine.queue();
    }
    machine.faults.action = {};
    auto remote = machine.there();
    const auto now = state_of(remote);
    while (seen < states.size() && states[seen] != now) ++seen;
    ASSERT_LT(seen, states.size()) << "a state that this machine never was in, or one from before";
  }
  machine.faults.action = {};
  ASSERT_TRUE(machine.upload());
  auto remote = machine.there();
  EXPECT_EQ(state_of(remote), states.back());
  auto store = machine.store();
  EXPECT_EQ(state_of(store), states.back());
}

TEST_F(WriteBehind, OrderSurvivesCrashes) {
  const char* simulations = std::getenv("DRST_SIMULATIONS");
  const auto lives = simulations != nullptr ? parse_int(simulations).value() / 20 : 10;
  for (uint64_t seed = 0; seed < static_cast<uint64_t>(lives) && !HasFailure(); ++seed)
    a_life_with_crashes(seed);
}

}  // namespace
}  // namespace drst
