#include "inference/consumer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <cstring>
#include <map>
#include <set>
#include <thread>

#include "base/log.h"
#include "inference/test_world.h"
#include "registry/events.h"
#include "simulation/decorators.h"

namespace drst {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::InferenceWorld;
using testing::Member;

std::vector<int64_t> rows_of(const TraceSet& set) {
  std::vector<int64_t> rows;
  for (const auto& row : set.rows) rows.push_back(row.row);
  return rows;
}
std::vector<int64_t> first_rows(int64_t count) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < count; ++row) rows.push_back(row);
  return rows;
}

TEST(ConsumerCounts, OfSeveralLivesAreAdded) {
  InferenceConsumer::Counts all{1, 2, 3, 4, 5, 6, 7, 8};
  all += {10, 20, 30, 40, 50, 60, 70, 80};
  EXPECT_EQ(all.records, 11U);
  EXPECT_EQ(all.predicted, 22U);
  EXPECT_EQ(all.duplicates, 33U);
  EXPECT_EQ(all.dead_lettered, 44U);
  EXPECT_EQ(all.imputed, 55U);
  EXPECT_EQ(all.swaps, 66U);
  EXPECT_EQ(all.foreign_sentinels, 77U);
  EXPECT_EQ(all.lost_leases, 88U);
}

TEST(Consumer, WaitsForModelsThenPredictsEveryRowOnceAndLeavesAtTheSentinels) {
  InferenceWorld world;
  world.produce(0, 50);
  Member member(world);
  EXPECT_EQ(member.consumer.step(), Step::idle) << "no model yet";
  EXPECT_FALSE(member.run());
  EXPECT_EQ(rows_of(world.traces()), first_rows(50));
  world.finish();
  EXPECT_TRUE(member.run());
  EXPECT_EQ(member.consumer.step(), Step::done);
  EXPECT_FALSE(member.consumer.timed_out());
  const auto counts = member.consumer.counts();
  EXPECT_EQ(counts.records, 50u);
  EXPECT_EQ(counts.predicted, 50u);
  EXPECT_EQ(counts.swaps, 0u);
  EXPECT_GT(counts.imputed, 0u);
}

TEST(Consumer, PredictionsAreThoseOfTheNamedReleaseToTheBitWhateverTheBatch) {
  const std::string baseline = InferenceWorld().registry.list().front().model_key;
  for (const int64_t batch : {1, 3, 64}) {
    InferenceWorld world;
    world.produce(0, 60);
    auto settings = Member::quick();
    settings.batch = batch;
    Member member(world, "infer-0", settings);
    member.run();
    const auto set = world.traces();
    ASSERT_EQ(set.rows.size(), 60u);
    for (const auto& row : set.rows) {
      EXPECT_EQ(std::bit_cast<uint32_t>(row.pred_orig),
                std::bit_cast<uint32_t>(testing::predict(world, baseline, row.row)));
      EXPECT_EQ(std::bit_cast<uint32_t>(row.pred_adj),
                std::bit_cast<uint32_t>(testing::predict(world, row.release, row.row)));
      EXPECT_EQ(row.consumer, "infer-0");
      EXPECT_EQ(row.id, make_id("run", row.row));
      if (row.row % 3 == 0)
        EXPECT_TRUE(std::isnan(row.truth));
      else
        EXPECT_EQ(row.truth, static_cast<float>(InferenceWorld::label_of(row.row)));
      // instructions is an input of the adaptive model only; the lag is never counted.
      EXPECT_EQ(row.imputed, row.row % 7 == 3 ? 1u : 0u);
    }
  }
}

TEST(Consumer, RepeatedIdsAreNotPredictedAgain) {
  InferenceWorld world;
  world.produce(0, 9);
  world.produce(3, 6);
  Member member(world);
  member.run();
  const auto set = world.traces();
  EXPECT_EQ(rows_of(set), first_rows(9));
  EXPECT_EQ(set.duplicates, 3u);
  EXPECT_EQ(member.consumer.counts().duplicates, 3u);
  world.produce(0, 9);
  Member heir(world);  // knows them from the trace alone
  member.consumer.step();
  world.clock.advance(std::chrono::seconds(20));
  heir.run();
  EXPECT_EQ(world.traces().rows.size(), 9u);
  EXPECT_EQ(world.traces().duplicates, 12u);
  EXPECT_EQ(world.traces().repeats, 0u);
}

TEST(Consumer, UnusableRecordsBecomeDeadLettersWithTheReason) {
  InferenceWorld world;
  world.produce(0, 3);
  NewRecord broken = world.record(3);
  broken.value = "{\"features\": ";
  world.append(0, broken);
  NewRecord empty = world.record(4);
  empty.value = R"({"features": {"cycles": null, "misses": 3}, "label": 1, "id": "run-4"})";
  world.append(1, empty);  // of cycles, misses, instructions two are missing: more than half
  NewRecord half = world.record(5);
  half.value =
      R"({"features": {"cycles": 1e300, "misses": 3, "instructions": 3}, "label": 1, "id": "run-5"})";
  world.append(2, half);  // one is missing
  world.produce(6, 9);
  Member member(world);
  member.run();
  EXPECT_EQ(rows_of(world.traces()), (std::vector<int64_t>{0, 1, 2, 5, 6, 7, 8}));
  EXPECT_EQ(world.traces().dead_lettered, 2u);
  Batch letters;
  world.log().read(dead_letter_topic(world.topic), 0, 0, letters, {});
  ASSERT_EQ(letters.records().size(), 1u);
  EXPECT_EQ(letters.records()[0].value, broken.value);
  EXPECT_EQ(letters.records()[0].key, "0-1");
  EXPECT_EQ(letters.records()[0].header("drst-offset"), "1");
  EXPECT_THAT(std::string(letters.records()[0].header(reason_header).value()), HasSubstr("JSON"));
  world.log().read(dead_letter_topic(world.topic), 1, 0, letters, {});
  ASSERT_EQ(letters.records().size(), 1u);
  EXPECT_EQ(letters.records()[0].header(reason_header),
            "2 of the models' 3 inputs are missing or not finite");
}

TEST(Consumer, RecordsBeyondTheCallersWireLimitsBecomeDeadLetters) {
  InferenceWorld world;
  world.produce(0, 6);
  ModelSlot slot;
  InferenceConsumer consumer(world.log(), world.store, world.clock, Member::quick(),
                             {.run_id = "run", .limits = {.max_value_bytes = 64}}, slot);
  Guard guard(world.store, world.clock, Member::quick(), {}, "infer-0", slot);
  guard.step();
  for (int i = 0; i < 100 && consumer.step() != Step::done; ++i) guard.step();
  EXPECT_EQ(consumer.counts().dead_lettered, 6U);
  EXPECT_EQ(consumer.counts().predicted, 0U);
}

TEST(Consumer, RecordsWithoutIdAreKnownByTheirOffset) {
  InferenceWorld world;
  NewRecord bare;
  bare.value = R"({"features": {"cycles": 1, "misses": 3, "instructions": 3}, "label": 2})";
  bare.headers = {{std::string(run_id_header), "run"}};
  for (int i = 0; i < 4; ++i) world.append(0, bare);
  Member member(world);
  member.run();
  EXPECT_EQ(world.traces().rows.size(), 4u);
  EXPECT_EQ(world.traces().duplicates, 0u);
}

TEST(Consumer, SentinelOffsetsAreNeverCommittedSoThatAnHeirSeesThem) {
  InferenceWorld world;
  world.produce(0, 9);
  world.finish();
  Member first(world);
  EXPECT_TRUE(first.run());
  for (int p = 0; p < InferenceWorld::partitions; ++p)
    EXPECT_EQ(world.log().committed("drst-infer", world.topic, p), 3);
  Member heir(world, "infer-1");
  EXPECT_TRUE(heir.run());
  EXPECT_FALSE(heir.consumer.timed_out());
  EXPECT_EQ(world.traces().rows.size(), 9u);
}

TEST(Consumer, SentinelsOfOtherRunsAreIgnored) {
  InferenceWorld world;
  world.produce(0, 6, "old");
  world.finish("old");
  world.produce(0, 6);
  Member member(world);
  EXPECT_FALSE(member.run());
  EXPECT_EQ(member.consumer.counts().foreign_sentinels, 3u);
  EXPECT_EQ(world.traces("run").rows.size(), 6u);
  EXPECT_EQ(world.traces("old").rows.size(), 6u) << "records of any run are predicted";
  world.finish();
  EXPECT_TRUE(member.run());
}

/// Anybody can put one onto a topic, with kcat, say; rows behind it were lost.
TEST(Consumer, ASentinelThatNamesNoRunEndsNoNamedOne) {
  for (const bool told : {true, false}) {
    InferenceWorld world;
    world.produce(0, 6);
    NewRecord nameless;
    nameless.value = sentinel_value;
    for (int p = 0; p < InferenceWorld::partitions; ++p) world.append(p, nameless);
    world.produce(6, 12);
    Member member(world, "infer-0", Member::quick(), nullptr, told ? "run" : "");
    EXPECT_FALSE(member.run());
    EXPECT_EQ(world.traces().rows.size(), 12u);
    EXPECT_EQ(member.consumer.counts().foreign_sentinels, 3u);
    world.finish();
    EXPECT_TRUE(member.run());
    EXPECT_FALSE(member.consumer.timed_out());
  }
}

/// A foreign record on the trace did so, too.
TEST(Consumer, AForeignRecordOnTheTraceStopsNobody) {
  InferenceWorld world;
  world.produce(0, 6);
  const NewRecord foreign{"", "hello", {}, {}};
  world.log().ensure_topic(trace_topic(world.topic), InferenceWorld::partitions);
  world.log().append(trace_topic(world.topic), 0, std::span(&foreign, 1));
  world.finish();
  Member member(world);
  EXPECT_TRUE(member.run());
  EXPECT_EQ(world.traces().rows.size(), 6u);
}

TEST(Consumer, WithoutARunIdTheFirstRecordNamesTheRun) {
  InferenceWorld world;
  world.finish("old");  // seen before any record: whose it is shows later
  world.produce(0, 3);
  world.finish("other");
  Member member(world, "infer-0", Member::quick(), nullptr, "");
  EXPECT_FALSE(member.run());
  EXPECT_EQ(member.consumer.counts().foreign_sentinels, 6u);
  world.finish();
  EXPECT_TRUE(member.run());
  EXPECT_EQ(world.traces().rows.size(), 3u);
}

TEST(Consumer, WithoutARunIdAnHeirOfAFinishedRunLeavesAndTheNextRunIsRead) {
  InferenceWorld world;
  world.produce(0, 6, "old");
  world.finish("old");
  EXPECT_TRUE(Member(world, "infer-0", Member::quick(), nullptr, "").run());
  EXPECT_TRUE(Member(world, "infer-0", Member::quick(), nullptr, "").run())
      << "an heir sees the sentinels only";
  world.produce(0, 6);
  Member next(world, "infer-0", Member::quick(), nullptr, "");
  EXPECT_FALSE(next.run()) << "the old run's sentinels are not the new one's";
  EXPECT_EQ(world.traces().rows.size(), 6u);
  world.finish();
  EXPECT_TRUE(next.run());
}

TEST(Consumer, RecordsBehindTheOwnSentinelAreLeftToTheNextRun) {
  InferenceWorld world;
  world.produce(0, 3);
  world.finish();
  world.produce(0, 3, "next");
  Member member(world);
  EXPECT_TRUE(member.run());
  EXPECT_TRUE(world.traces("next").rows.empty());
  Member next(world, "infer-0", Member::quick(), nullptr, "next");
  EXPECT_FALSE(next.run());
  EXPECT_EQ(world.traces("next").rows.size(), 3u);
}

TEST(Consumer, LeavesWhenNothingComes) {
  InferenceWorld world;
  world.produce(0, 3);
  Member member(world);
  EXPECT_FALSE(member.run());
  world.clock.advance(std::chrono::milliseconds(29'900));
  EXPECT_EQ(member.consumer.step(), Step::idle);
  world.clock.advance(std::chrono::milliseconds(200));
  EXPECT_EQ(member.consumer.step(), Step::done);
  EXPECT_TRUE(member.consumer.timed_out());
}

TEST(Consumer, NeverLeavesWithoutATimeOut) {
  InferenceWorld world;
  auto settings = Member::quick();
  settings.first_record_timeout_s = settings.idle_timeout_s = 0;
  Member member(world, "infer-0", settings);
  member.run();
  world.clock.advance(std::chrono::hours(24 * 365));
  EXPECT_EQ(member.consumer.step(), Step::idle);
  world.produce(0, 3);
  member.run();
  world.clock.advance(std::chrono::hours(24 * 365));
  EXPECT_EQ(member.consumer.step(), Step::idle);
}

TEST(Consumer, AwaitsAProducerThatIsStartedAfterTheIdleTimeOut) {
  InferenceWorld world;
  Member member(world);
  member.run();
  world.clock.advance(std::chrono::seconds(500));
  EXPECT_EQ(member.consumer.step(), Step::idle);
  world.produce(0, 9);
  world.finish();
  EXPECT_TRUE(member.run());
  EXPECT_FALSE(member.consumer.timed_out());
  EXPECT_EQ(world.traces().rows.size(), 9u);
}

/// What step() fails with once nothing has come for as long as is waited for.
std::string failure_of(InferenceWorld& world, Member& member) {
  EXPECT_FALSE(member.run()) << "what is missing may still come";
  world.clock.advance(std::chrono::seconds(600));
  try {
    member.run();
  } catch (const FailedError& error) {
    return error.what();
  }
  return "no failure";
}

TEST(Consumer, FailsIfNoRecordComesAtAll) {
  InferenceWorld world;
  Member member(world);
  EXPECT_THAT(failure_of(world, member), AllOf(HasSubstr(world.topic), HasSubstr("drst produce")));
}

TEST(Consumer, FailsIfItsModelsDoNotCome) {
  InferenceWorld world;
  world.produce(0, 9);
  const auto baseline = (**world.registry.baseline()).model_key;
  const std::string content = *world.store.get(baseline);
  world.store.put(baseline, content.substr(0, content.size() / 2));
  Member broken(world);
  EXPECT_THAT(failure_of(world, broken), AllOf(HasSubstr(baseline), HasSubstr("drst models verify")));
  world.store.remove(baseline);
  Member gone(world);
  EXPECT_THAT(failure_of(world, gone), AllOf(HasSubstr(baseline), HasSubstr("drst models verify")));
  world.store.remove("models/baseline.txt");
  Member untrained(world);
  EXPECT_THAT(failure_of(world, untrained), AllOf(HasSubstr("no baseline"), HasSubstr("drst offline")));
  EXPECT_TRUE(world.traces().rows.empty());
}

TEST(Consumer, AMemberWithoutRowsOfItsOwnStaysWhileTheStreamGoesOn) {
  InferenceWorld world;
  std::vector<std::unique_ptr<Member>> members;
  for (int i = 0; i <= InferenceWorld::partitions; ++i)
    members.push_back(std::make_unique<Member>(world, "infer-" + to_text(i)));
  for (int i = 0; i < 10; ++i)
    for (auto& member : members) member->run();
  // All rows go to one partition, as those of one key do.
  for (int64_t row = 0; row < 90; ++row) {
    world.append(0, world.record(row));
    for (auto& member : members) ASSERT_FALSE(member->run()) << row;
    world.clock.advance(std::chrono::seconds(1));
  }
  world.finish();
  int left = 0;
  for (int i = 0; i < 10; ++i)
    for (auto& member : members) left += member->run() ? 1 : 0;
  EXPECT_GE(left, InferenceWorld::partitions);
  for (auto& member : members) EXPECT_FALSE(member->consumer.timed_out());
  EXPECT_EQ(rows_of(world.traces()), first_rows(90));
}

TEST(Consumer, WaitsForATopicThatIsNotThereYet) {
  InferenceWorld world;
  world.topic = "later";
  Member member(world);
  EXPECT_FALSE(member.run());
  world.log().ensure_topic("later", 1);
  world.append(0, world.record(0));
  EXPECT_FALSE(member.run());
  EXPECT_EQ(world.traces().rows.size(), 1u);
}

TEST(Consumer, PartitionsAreHandedOverBetweenTwo) {
  InferenceWorld world;
  world.produce(0, 30);
  Member first(world, "infer-0");
  first.run();
  Member second(world, "infer-1");
  second.run();
  world.produce(30, 60);
  for (int i = 0; i < 10; ++i) {
    first.run();
    second.run();
  }
  world.produce(60, 90);
  world.finish();
  bool first_left = false, second_left = false;
  for (int i = 0; i < 20; ++i) {
    first_left = first_left || first.run();
    second_left = second_left || second.run();
  }
  EXPECT_TRUE(first_left && second_left);
  const auto set = world.traces();
  EXPECT_EQ(rows_of(set), first_rows(90));
  EXPECT_EQ(set.repeats, 0u) << "an orderly hand-over repeats nothing";
  std::set<std::string> consumers;
  for (const auto& row : set.rows) consumers.insert(row.consumer);
  EXPECT_EQ(consumers.size(), 2u);
}

/// Lets a zombie wake up between its poll and its commit.
class SleepBefore final : public FaultPoint {
 public:
  void reached(std::string_view operation, std::string_view subject) override {
    if (operation != "log.append.before" || !action || subject != "latencyTopic-trace") return;
    const auto once = std::move(action);
    action = nullptr;
    once();
  }
  std::function<void()> action;
};

TEST(Consumer, AZombieCannotCommitAndItsRepeatsAreDropped) {
  InferenceWorld world;
  world.produce(0, 12);
  SleepBefore faults;
  Member zombie(world, "infer-0", Member::quick(), &faults);
  Member heir(world, "infer-1");
  faults.action = [&] {
    world.clock.advance(std::chrono::seconds(11));  // longer than the lease
    heir.run();
  };
  zombie.run();
  EXPECT_GE(zombie.consumer.counts().lost_leases, 1u);
  world.finish();
  bool zombie_left = false, heir_left = false;
  for (int i = 0; i < 20; ++i) {
    zombie_left = zombie_left || zombie.run();
    heir_left = heir_left || heir.run();
  }
  EXPECT_TRUE(zombie_left && heir_left);
  const auto set = world.traces();
  EXPECT_EQ(rows_of(set), first_rows(12));
  EXPECT_GT(set.repeats, 0u);
}

/// A disk that is full once: the second append to the trace fails.
class FullOnce final : public testing::ForwardingLog {
 public:
  using ForwardingLog::ForwardingLog;
  int64_t append(const std::string& topic, int partition, std::span<const NewRecord> records) override {
    if (topic == "latencyTopic-trace" && ++appends_ == 2) throw LogError(ExitCode::failed, "disk full");
    return inner().append(topic, partition, records);
  }

 private:
  int appends_ = 0;
};

TEST(Consumer, GoesOnAfterAnExceptionAsIfNothingHadHappened) {
  InferenceWorld world;
  world.produce(0, 40);
  FullOnce log(world.log());
  ModelSlot slot;
  InferenceConsumer consumer(log, world.store, world.clock, Member::quick(), {.run_id = "run"}, slot);
  Guard guard(world.store, world.clock, Member::quick(), {}, "infer-0", slot);
  guard.step();
  EXPECT_THROW(while (consumer.step() == Step::worked){}, LogError);
  while (consumer.step() == Step::worked) {
  }
  EXPECT_EQ(rows_of(world.traces()), first_rows(40));
  EXPECT_EQ(world.traces().repeats, 0u);
  EXPECT_EQ(world.traces().duplicates, 0u);
}

TEST(Consumer, SwapsBetweenBatchesAndNotesIt) {
  InferenceWorld world;
  world.produce(0, 30);
  Member member(world);
  member.run();
  const auto second = world.publish(3, 0.2, {"misses"});
  world.registry.point_to(second, "test", "better");
  member.run();
  world.produce(30, 60);
  member.run();
  for (const auto& row : world.traces().rows) {
    EXPECT_EQ(row.release, row.row < 30 ? world.first.model_key : second.model_key);
    EXPECT_EQ(std::bit_cast<uint32_t>(row.pred_adj),
              std::bit_cast<uint32_t>(testing::predict(world, row.release, row.row)));
  }
  EXPECT_EQ(member.consumer.counts().swaps, 1u);
  const auto events = read_swap_events(world.store);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].row, 30);
  EXPECT_EQ(events[0].release, second.model_key);
  EXPECT_EQ(events[0].consumer, "infer-0");
  EXPECT_EQ(events[0].run, "run");
  EXPECT_GT(events[0].load_ms, 0);
}

TEST(Consumer, NotesASwapBeforeTheFirstRowWithTheRunThatComes) {
  InferenceWorld world;
  Member member(world, "infer-0", Member::quick(), nullptr, "");
  member.run();
  const auto second = world.publish(3, 0.2, {"misses"});
  world.registry.point_to(second, "test", "better");
  member.run();
  EXPECT_EQ(member.consumer.counts().swaps, 1u);
  world.produce(0, 9, "late");
  member.run();
  const auto events = read_swap_events(world.store);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].run, "late");
  EXPECT_EQ(events[0].row, 0);
}

TEST(Consumer, LeavesTheNotingOfSwapsToItsGuardAndTheRestToItsEnd) {
  InferenceWorld world;
  world.produce(0, 3);
  Member member(world);
  member.run();
  const auto swap_to = [&](uint64_t seed, int64_t row) {
    world.registry.point_to(world.publish(seed, 0.2), "test", "better");
    member.guard.step();
    world.produce(row, row + 3);
    while (member.consumer.step() == Step::worked) {
    }
  };
  swap_to(3, 3);
  EXPECT_TRUE(read_swap_events(world.store).empty()) << "the record path waits for no store";
  swap_to(4, 6);  // whose guard's step notes the first
  EXPECT_EQ(read_swap_events(world.store).size(), 1U);
  world.finish();
  while (member.consumer.step() != Step::done) {
  }
  const auto events = read_swap_events(world.store);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].row, 3);
  EXPECT_EQ(events[1].row, 6);
}

TEST(Consumer, SwapsUnderWayOnAnotherThreadNeverMixReleases) {
  constexpr int releases = 30;
  constexpr int64_t least_rows = 600;
  InferenceWorld world;
  auto settings = Member::quick();
  settings.idle_timeout_s = 0;
  Member member(world, "infer-0", settings);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> offers{0};
  std::thread guard([&] {
    while (!stop) {
      member.guard.step();
      offers = member.guard.counts().offers;
      std::this_thread::yield();
    }
  });
  std::thread publisher([&] {
    for (int i = 0; i < releases; ++i) {
      world.registry.point_to(world.publish(100 + static_cast<uint64_t>(i), 0.5), "test", "");
      while (offers <= static_cast<uint64_t>(i)) std::this_thread::yield();
    }
    stop = true;
  });
  int64_t row = 0;
  while (!stop || row < least_rows) {
    world.produce(row, row + 3);
    row += 3;
    member.consumer.step();
  }
  guard.join();
  publisher.join();
  while (member.consumer.step() == Step::worked) {
  }
  const auto set = world.traces();
  EXPECT_EQ(rows_of(set), first_rows(row));
  std::map<std::string, std::vector<const TraceRow*>> by_release;
  for (const auto& entry : set.rows) by_release[entry.release].push_back(&entry);
  EXPECT_GT(by_release.size(), 1u);
  for (const auto& [release, rows] : by_release)
    for (const std::size_t i : {std::size_t{0}, rows.size() - 1})
      EXPECT_EQ(std::bit_cast<uint32_t>(rows[i]->pred_adj),
                std::bit_cast<uint32_t>(testing::predict(world, release, rows[i]->row)));
}

TEST(Consumer, FiguresCountOnlyLabelledRows) {
  InferenceWorld world;
  world.produce(0, 90);
  auto settings = Member::quick();
  settings.report_records = 40;
  Member member(world, "infer-0", settings);
  std::vector<BatchReport> reports;
  member.consumer.on_report([&](const BatchReport& report) { reports.push_back(report); });
  world.finish();
  member.run();
  Scores baseline(1e-6), adaptive(1e-6);
  for (const auto& row : world.traces().rows) {
    baseline.add(static_cast<double>(row.pred_orig), static_cast<double>(row.truth));
    adaptive.add(static_cast<double>(row.pred_adj), static_cast<double>(row.truth));
  }
  const auto exact = baseline.metrics();
  const auto running = member.consumer.baseline_metrics();
  EXPECT_EQ(running.n, 60u);
  EXPECT_EQ(running.acc02, exact.acc02);
  EXPECT_NEAR(running.mae, exact.mae, 1e-9 * exact.mae);
  EXPECT_NEAR(running.bounded, exact.bounded, 1e-12);
  EXPECT_NEAR(running.e_p90, exact.e_p90, 0.1 * exact.e_p90);
  EXPECT_EQ(member.consumer.adaptive_metrics().acc02, adaptive.metrics().acc02);
  ASSERT_GE(reports.size(), 2u);
  uint64_t records = 0;
  for (const auto& report : reports) records += report.batch.records;
  EXPECT_EQ(records, 90u);
  EXPECT_EQ(reports.back().all.records, 90u);
  EXPECT_EQ(reports.front().lag,
            90 + InferenceWorld::partitions - static_cast<int64_t>(reports.front().all.records));
  EXPECT_EQ(reports.back().lag, 0) << "what has ended is behind with nothing";
  EXPECT_EQ(reports.back().all.baseline.acc02, exact.acc02);
}

}  // namespace
}  // namespace drst
