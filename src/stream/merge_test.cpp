#include "stream/merge.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "base/random.h"
#include "stream/row_set.h"

namespace drst {
namespace {

using Merge = StreamMerge<int64_t>;
const Time epoch = VirtualClock::default_epoch();

StreamKey row(int64_t number) { return {number, epoch + std::chrono::seconds(number)}; }
StreamKey at_second(int64_t second) { return {-1, epoch + std::chrono::seconds(second)}; }

std::vector<int64_t> drain(Merge& merge) {
  std::vector<int64_t> out;
  while (const auto item = merge.pop()) out.push_back(*item);
  return out;
}
using Rows = std::vector<int64_t>;

TEST(StreamMerge, TheNextRowNeedNotWait) {
  Merge merge(3, 100);
  merge.push(0, row(0), 0);
  EXPECT_EQ(drain(merge), Rows{0});
  merge.push(2, row(2), 2);
  EXPECT_EQ(drain(merge), Rows{}) << "row 1 is still to come";
  merge.push(1, row(1), 1);
  EXPECT_EQ(drain(merge), (Rows{1, 2}));
}

TEST(StreamMerge, AGapWaitsForEveryPartition) {
  Merge merge(2, 100);
  merge.push(0, row(1), 1);  // row 0 was no record
  EXPECT_EQ(drain(merge), Rows{});
  merge.push(1, row(2), 2);
  EXPECT_EQ(drain(merge), (Rows{1, 2})) << "both partitions have shown a later one than row 0";
  merge.push(0, row(5), 5);
  EXPECT_EQ(drain(merge), Rows{});
  merge.end(1);
  EXPECT_EQ(drain(merge), Rows{5}) << "an ended partition holds nothing up";
}

TEST(StreamMerge, WithoutRowsBySendTime) {
  Merge merge(2, 100);
  merge.push(0, at_second(1), 1);
  merge.push(0, at_second(3), 3);
  EXPECT_EQ(drain(merge), Rows{});
  merge.push(1, at_second(2), 2);
  EXPECT_EQ(drain(merge), (Rows{1, 2})) << "3 waits: partition 1 may still bring an earlier one";
  merge.push(1, at_second(3), 33);
  EXPECT_EQ(drain(merge), (Rows{3}))
      << "of equals the lower partition first; the other waits for partition 0";
  merge.push(0, at_second(4), 4);
  EXPECT_EQ(drain(merge), (Rows{33}));
  merge.end(1);
  EXPECT_EQ(drain(merge), (Rows{4}));
  EXPECT_EQ(merge.late(), 0u);
}

TEST(StreamMerge, BeyondTheBoundTheRestIsLate) {
  Merge merge(2, 3);
  for (const int64_t r : {1, 3, 5, 7, 9}) merge.push(0, row(r), r);
  EXPECT_EQ(drain(merge), (Rows{1, 3})) << "more than three wait";
  merge.push(1, row(0), 0);
  EXPECT_EQ(drain(merge), Rows{0}) << "late: at once";
  EXPECT_EQ(merge.late(), 1u);
  merge.push(1, row(4), 4);
  EXPECT_EQ(drain(merge), (Rows{4, 5})) << "4 follows 3; 5 follows 4; 7 waits for 6";
  EXPECT_EQ(merge.late(), 1u);
}

TEST(StreamMerge, ARepeatWaitsForNobody) {
  Merge merge(3, 100);
  merge.push(0, row(0), 0);
  merge.push(0, row(0), 0);
  merge.push(0, row(1), 1);
  EXPECT_EQ(drain(merge), (Rows{0, 0, 1}));
  EXPECT_EQ(merge.late(), 0u);
}

TEST(StreamMerge, GoesOnAfterAnEarlierLife) {
  Merge merge(3, 100);
  merge.resume_after(row(41));
  merge.push(0, row(42), 42);
  EXPECT_EQ(drain(merge), Rows{42});
}

/// Any order of arrival over partitions, each in order, gives row order while the bound is not reached.
RC_GTEST_PROP(StreamMerge, RowOrder, ()) {
  Random random(*rc::gen::arbitrary<uint64_t>());
  const auto partitions = 1 + random.below(5);
  const int64_t rows = 60;
  std::vector<std::vector<int64_t>> logs(partitions);
  for (int64_t r = 0; r < rows; ++r)
    if (!random.chance(0.1)) logs[random.below(partitions)].push_back(r);  // some rows are no records
  Merge merge(static_cast<int>(partitions), 1000);
  std::vector<std::size_t> at(partitions, 0);
  Rows out;
  std::vector<std::size_t> open;
  for (std::size_t p = 0; p < partitions; ++p) open.push_back(p);
  while (!open.empty()) {
    const auto which = random.below(open.size());
    const std::size_t p = open[which];
    if (at[p] == logs[p].size()) {
      merge.end(static_cast<int>(p));
      open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    } else {
      merge.push(static_cast<int>(p), row(logs[p][at[p]]), logs[p][at[p]]);
      ++at[p];
    }
    const Rows due = drain(merge);
    out.insert(out.end(), due.begin(), due.end());
  }
  Rows expected;
  for (const auto& log : logs) expected.insert(expected.end(), log.begin(), log.end());
  std::sort(expected.begin(), expected.end());
  RC_ASSERT(out == expected);
  RC_ASSERT(merge.late() == 0u);
  RC_ASSERT(merge.waiting() == 0u);
}

RC_GTEST_PROP(RowSet, IsASet, ()) {
  Random random(*rc::gen::arbitrary<uint64_t>());
  RowSet rows;
  std::set<int64_t> model;
  for (int i = 0; i < 200; ++i) {
    const auto r = static_cast<int64_t>(random.below(100));
    RC_ASSERT(rows.contains(r) == model.contains(r));
    RC_ASSERT(rows.insert(r) == model.insert(r).second);
  }
  std::size_t counted = 0;
  int64_t end = -2;
  for (const auto& [first, last] : rows.intervals()) {
    RC_ASSERT(first > end + 1);  // neighbours are one interval
    counted += static_cast<std::size_t>(last - first + 1);
    end = last;
  }
  RC_ASSERT(counted == model.size());
}

TEST(RowSet, IsBounded) {
  RowSet rows(3);
  for (int64_t r = 0; r < 100; r += 10) EXPECT_TRUE(rows.insert(r));
  EXPECT_EQ(rows.intervals().size(), 3u);
  EXPECT_FALSE(rows.insert(15)) << "the lowest gaps were closed";
  EXPECT_TRUE(rows.insert(85));
}

}  // namespace
}  // namespace drst
