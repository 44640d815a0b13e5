#include "registry/handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/fault.h"
#include "store/memory_store.h"
#include "table/npy.h"

namespace drst {
namespace {

using ::testing::HasSubstr;
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

class HandoverTest : public ::testing::Test {
 protected:
  static DriftWindow window() { return {{"a", "a@-1"}, {10, 11, 13}, {1, nan, 2, 1, 3, 2}, {100, nan, 300}}; }
  void raise() { handover.raise(trigger, window(), now, std::chrono::seconds(60)); }
  MemoryStore store;
  Handover handover{store};
  Time now = VirtualClock::default_epoch();
  Trigger trigger{"run-13", Tier::B, 13, "output_rate"};
};

TEST_F(HandoverTest, WindowAndTriggerArriveAsTheyWereSent) {
  EXPECT_FALSE(handover.pending());
  raise();
  const auto pending = handover.pending();
  ASSERT_TRUE(pending);
  EXPECT_EQ(pending->event, "run-13");
  EXPECT_EQ(pending->tier, Tier::B);
  EXPECT_EQ(pending->row, 13);
  const auto lock = handover.lock();
  ASSERT_TRUE(lock);
  EXPECT_EQ(lock->event, "run-13");
  EXPECT_EQ(lock->expires, now + std::chrono::seconds(60));
  const auto received = handover.window(*pending);
  ASSERT_TRUE(received) << received.error().reason;
  EXPECT_EQ(received->columns, window().columns);
  EXPECT_EQ(received->rows, window().rows);
  for (std::size_t i = 0; i < 6; ++i) {
    if (i == 1)
      EXPECT_TRUE(std::isnan(received->values[i]));
    else
      EXPECT_EQ(received->values[i], window().values[i]);
  }
  EXPECT_EQ(received->labels[2], 300);
  EXPECT_TRUE(std::isnan(received->labels[1]));
}

TEST_F(HandoverTest, FilesHaveThePublicForm) {
  raise();
  const auto batch = parse_npy(*store.get("results/latest_batch.npy"), "batch");
  EXPECT_EQ(batch.shape, (std::vector<std::size_t>{3, 3}));
  EXPECT_EQ(std::get<std::vector<float>>(batch.data)[2], 100);
  EXPECT_EQ(*store.get("results/retrain_grid.flag"), "B") << "whoever reads it compares it with a letter";
  EXPECT_THAT(*store.get("results/latest_batch.columns.json"), HasSubstr("\"label\":\"output_rate\""));
}

TEST_F(HandoverTest, DoneEndsTheTriggerAndClearOpensTheNext) {
  raise();
  handover.finish({"run-13", true, "models/model_x.onnx", "better"});
  EXPECT_FALSE(handover.pending());
  const auto done = handover.done();
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->published);
  EXPECT_EQ(done->release, "models/model_x.onnx");
  handover.clear();
  EXPECT_FALSE(handover.lock());
  EXPECT_FALSE(handover.done());
  EXPECT_FALSE(handover.pending());
}

TEST_F(HandoverTest, AnOldDoneFlagDoesNotAnswerANewTrigger) {
  handover.finish({"run-5", false, "", "old"});
  raise();
  EXPECT_TRUE(handover.pending());
}

TEST_F(HandoverTest, BatchOfAnotherEventOrTornIsRefused) {
  raise();
  Trigger other = trigger;
  other.event = "run-99";
  EXPECT_THAT(handover.window(other).error().reason, HasSubstr("belongs to event run-13"));
  const auto whole = *store.get("results/latest_batch.npy");
  store.put("results/latest_batch.npy", to_npy(Array::matrix({1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, 3)));
  EXPECT_THAT(handover.window(trigger).error().reason, HasSubstr("not the batch"));
  store.put("results/latest_batch.npy", whole.substr(0, whole.size() - 4));
  EXPECT_FALSE(handover.window(trigger));
  store.remove("results/latest_batch.npy");
  EXPECT_THAT(handover.window(trigger).error().reason, HasSubstr("no such object"));
  store.remove("results/latest_batch.columns.json");
  EXPECT_FALSE(handover.window(trigger));
}

TEST_F(HandoverTest, FlagsOfThePrototypeAndGarbageAreSurvived) {
  for (const char* text : {"", "D", "-", "AB", "B\nrun-7\n"}) {
    store.put("results/retrain_grid.flag", text);
    EXPECT_FALSE(handover.pending()) << text;
  }
  store.put("results/retrain_grid.flag", "B\r\n");
  ASSERT_TRUE(handover.pending());
  EXPECT_EQ(handover.pending()->tier, Tier::B);
  store.put("results/retrain_lock.flag", "not JSON");
  ASSERT_TRUE(handover.lock());
  EXPECT_LT(handover.lock()->expires, now) << "nobody may be locked out by a lock that cannot be read";
  store.put("results/retrain_done.flag", "");
  EXPECT_FALSE(handover.done());
}

TEST_F(HandoverTest, ABareFlagOfAnotherProgramIsAnsweredOnce) {
  store.put("results/latest_batch.npy", to_npy(Array::matrix({1, 2, 3, 4}, 2, 2)));
  store.put("results/latest_batch.columns.json", R"(["a", "output_rate"])");
  store.put("results/retrain_lock.flag", "1");
  store.put("results/retrain_grid.flag", "A\n");
  const auto found = handover.pending();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->tier, Tier::A);
  EXPECT_EQ(found->row, 0) << "at once";
  EXPECT_FALSE(handover.window(*found)) << "columns of another form";
  handover.finish({found->event, false, "", "no better"});
  EXPECT_FALSE(handover.pending());
  store.put("results/latest_batch.npy", to_npy(Array::matrix({5, 6, 7, 8}, 2, 2)));
  ASSERT_TRUE(handover.pending()) << "another batch is another drift";
  EXPECT_NE(handover.pending()->event, found->event);
}

TEST_F(HandoverTest, ALockRemovedByHandMakesNoSecondTrigger) {
  raise();
  handover.finish({"run-13", false, "", "no better"});
  store.remove("results/retrain_lock.flag");
  EXPECT_FALSE(handover.pending()) << "it has been answered";
}

/// Ends the process at the n-th effect on the store.
class DieAt final : public FaultPoint {
 public:
  explicit DieAt(int at) : left_(at) {}
  void reached(std::string_view, std::string_view) override {
    if (--left_ == 0) throw SimulatedCrash{};
  }

 private:
  int left_;
};

TEST_F(HandoverTest, DyingAnywhereWhileRaisingShowsTheNewTriggerWholeOrNone) {
  for (int at = 1;; ++at) {
    const auto disk = std::make_shared<MemoryDisk>();
    MemoryStore outside(disk);
    Handover reader(outside);
    outside.put("results/retrain_grid.flag", "A");  // left over: somebody removed its lock
    DieAt faults(at);
    bool died = false;
    try {
      MemoryStore dying(disk, &faults);
      Handover(dying).raise(trigger, window(), now, std::chrono::seconds(60));
    } catch (const SimulatedCrash&) {
      died = true;
    }
    if (const auto shown = reader.pending(); shown && shown->event == trigger.event) {
      EXPECT_EQ(shown->tier, Tier::B) << at;
      EXPECT_EQ(shown->row, 13) << at;
      EXPECT_TRUE(reader.window(*shown)) << at;
    }
    Handover(outside).raise(trigger, window(), now, std::chrono::seconds(60));  // its heir repeats it
    ASSERT_TRUE(reader.pending()) << at;
    EXPECT_EQ(reader.pending()->event, trigger.event);
    if (!died) break;
  }
}

}  // namespace
}  // namespace drst
