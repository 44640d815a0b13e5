#include "collect/grid.h"

#include <gtest/gtest.h>

namespace drst {
namespace {

constexpr std::int64_t second = 1'000'000'000;
const Time wall = Time(std::chrono::microseconds(1'700'000'000'250'000));

TEST(Grid, BeginsOnAWholeIntervalOfTheWallClock) {
  EXPECT_EQ(Grid(1, 5 * second, wall).due_ns(), 5 * second + 750'000'000);
  EXPECT_EQ(Grid(0.1, 0, wall).due_ns(), 50'000'000);
}

TEST(Grid, DelaysDoNotAddUp) {
  Grid grid(1, 0, wall);
  const std::int64_t start = grid.due_ns();
  for (std::int64_t n = 0; n < 3600; ++n) {
    const Tick tick = grid.begin(grid.due_ns() + (n % 7) * 60'000'000);
    EXPECT_EQ(tick.number, n);
    EXPECT_EQ(tick.due_ns, start + n * second);
  }
  EXPECT_EQ(grid.missed(), 0);
}

TEST(Grid, IntervalsThatAreNoBinaryFractionsDriftByNothing) {
  Grid grid(0.1, 0, wall);
  const std::int64_t start = grid.due_ns();
  for (std::int64_t n = 0; n < 36'000; ++n) grid.begin(grid.due_ns());
  EXPECT_EQ(grid.due_ns(), start + 3600 * second);
}

TEST(Grid, LateByLessThanHalfAnIntervalIsMadeUpFor) {
  Grid grid(1, 0, wall);
  const std::int64_t start = grid.due_ns();
  grid.begin(start);
  EXPECT_EQ(grid.begin(start + second + 499'000'000).number, 1);
  EXPECT_EQ(grid.missed(), 0);
}

TEST(Grid, WhatWasSleptThroughIsLeftOutAndCounted) {
  Grid grid(1, 0, wall);
  const std::int64_t start = grid.due_ns();
  grid.begin(start);
  const Tick tick = grid.begin(start + 10 * second + 200'000'000);
  EXPECT_EQ(tick.number, 10);
  EXPECT_EQ(grid.missed(), 9);
  EXPECT_EQ(grid.due_ns(), start + 11 * second);
  const Tick nearer_the_next = grid.begin(start + 15 * second + 600'000'000);
  EXPECT_EQ(nearer_the_next.number, 16);
  EXPECT_EQ(grid.missed(), 9 + 5);
}

}  // namespace
}  // namespace drst
