#include "drift/error_watch.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/time.h"
#include "stream/experts.h"
#include "stream/memory_log.h"
#include "stream/record.h"

namespace drst {
namespace {

constexpr ErrorVoiceSettings settings{100, 0.05, 1000, 1};

struct Bed {
  VirtualClock clock;
  MemoryLog log{std::make_shared<MemoryLogDisk>(), clock};

  Bed() { log.ensure_topic(memory_topic("t"), 1); }
  /// The frozen model says 100 and the truth is off by `error`.
  void label(int64_t row, double error, const std::string& run = "run") {
    const auto truth = static_cast<float>(100 / (1 + error));
    const NewRecord record = make_record(LabelledSample{row, truth, 100, {1, 2}}, run, clock.now());
    log.append(memory_topic("t"), 0, {&record, 1});
  }
};

TEST(ErrorWatch, HearsTheFrozenModelFailOnLabelledRows) {
  Bed bed;
  for (int64_t row = 0; row < 3000; row += 10) bed.label(row, row < 2000 ? 0.1 : 0.6);
  ErrorWatch watch(bed.log, "t", settings, 1e-6);
  EXPECT_FALSE(watch.look("run", 1990, 3000)) << "rows to come are not looked at";
  std::optional<ErrorAlarm> alarm;
  int64_t row = 1990;
  while (!alarm && row < 3000) alarm = watch.look("run", row += 10, 3000);
  ASSERT_TRUE(alarm.has_value());
  EXPECT_EQ(alarm->row, row);
  EXPECT_LE(alarm->row, 2300);
  EXPECT_EQ(alarm->since, 2000);
  EXPECT_NEAR(alarm->mean_since, 0.6, 0.01);
  EXPECT_LT(alarm->usual_bound, 0.3);
}

TEST(ErrorWatch, TakesOnlyItsRunAndWhatCanBeRead) {
  Bed bed;
  NewRecord garbage;
  garbage.value = "no such record";
  garbage.headers = {{std::string(run_id_header), "run"}};
  for (int64_t row = 0; row < 1000; ++row) {
    bed.label(row, 0.1);
    bed.label(row, row < 500 ? 0.1 : 5, "another");
    if (row % 100 == 0) bed.log.append(memory_topic("t"), 0, {&garbage, 1});
  }
  const NewRecord wild = make_record(LabelledSample{999, std::numeric_limits<float>::quiet_NaN(), 100, {}},
                                     "run", bed.clock.now());
  bed.log.append(memory_topic("t"), 0, {&wild, 1});
  ErrorWatch watch(bed.log, "t", settings, 1e-6);
  EXPECT_FALSE(watch.look("run", 1000, 3000));
  EXPECT_EQ(watch.unusable(), 10U);
}

/// Whoever may write to the topic could otherwise silence the voice with one record.
TEST(ErrorWatch, ARowThatCannotBeIsNotWaitedFor) {
  Bed bed;
  for (const int64_t row : {std::numeric_limits<int64_t>::max(), int64_t{-1},
                            std::numeric_limits<int64_t>::min(), int64_t{1'000'000'000}})
    bed.label(row, 0.1);
  for (int64_t row = 0; row < 1000; ++row) bed.label(row, row < 500 ? 0.1 : 5);
  ErrorWatch watch(bed.log, "t", settings, 1e-6);
  const auto alarm = watch.look("run", 900, 100);
  ASSERT_TRUE(alarm.has_value());
  EXPECT_EQ(alarm->since, 500);
  EXPECT_EQ(watch.unusable(), 4U);
  bed.label(1001, 0.1);
  EXPECT_FALSE(watch.look("run", 1000, 1)) << "the next row is waited for";
  EXPECT_EQ(watch.unusable(), 4U);
}

TEST(ErrorWatch, IsSilentWithoutLabelsOrBudget) {
  VirtualClock clock;
  MemoryLog log{std::make_shared<MemoryLogDisk>(), clock};
  ErrorWatch early(log, "t", settings, 1e-6);
  EXPECT_FALSE(early.look("run", 1000, 3000)) << "no judge has begun";
  Bed bed;
  for (int64_t row = 0; row < 1000; ++row) bed.label(row, row < 500 ? 0.1 : 5);
  ErrorWatch off(bed.log, "t", std::nullopt, 1e-6);
  EXPECT_FALSE(off.look("run", 1000, 3000));
}

TEST(ErrorWatch, GoesOnWhereItWasSaved) {
  Bed bed;
  for (int64_t row = 0; row < 1000; ++row) bed.label(row, row < 500 ? 0.1 : 1.5);
  ErrorWatch steady(bed.log, "t", settings, 1e-6);
  ErrorWatch first(bed.log, "t", settings, 1e-6);
  EXPECT_FALSE(first.look("run", 503, 3000));
  StateWriter out("w\n");
  first.save(out);
  const std::string bytes = out.take();
  ErrorWatch second(bed.log, "t", settings, 1e-6);
  StateReader in(bytes, "w\n", "the test's state");
  second.restore(in);
  in.end();
  const auto a = steady.look("run", 1000, 3000);
  const auto b = second.look("run", 1000, 3000);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->row, b->row);
  EXPECT_EQ(a->since, b->since);
  EXPECT_EQ(a->evidence, b->evidence);
  ErrorWatch off(bed.log, "t", std::nullopt, 1e-6);
  StateReader again(bytes, "w\n", "the test's state");
  EXPECT_THROW(off.restore(again), InputError);
}

}  // namespace
}  // namespace drst
