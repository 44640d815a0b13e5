#include "base/patience.h"

#include <gtest/gtest.h>

namespace drst {
namespace {

using namespace std::chrono_literals;

TEST(Patience, LastsLongerForTheFirstThanInBetween) {
  VirtualClock clock;
  Patience patience(clock, 600, 30);
  clock.advance(599s);
  EXPECT_FALSE(patience.over());
  EXPECT_FALSE(patience.begun());
  patience.renew();
  EXPECT_TRUE(patience.begun());
  clock.advance(29s);
  EXPECT_FALSE(patience.over());
  clock.advance(1s);
  EXPECT_TRUE(patience.over());
  EXPECT_EQ(patience.limit_s(), 30);
  patience.renew();
  EXPECT_FALSE(patience.over());
}

TEST(Patience, EndsWithoutAFirst) {
  VirtualClock clock;
  Patience patience(clock, 600, 30);
  clock.advance(600s);
  EXPECT_TRUE(patience.over());
  EXPECT_EQ(patience.limit_s(), 600);
}

TEST(Patience, ZeroIsForEver) {
  VirtualClock clock;
  Patience patience(clock, 0, 0);
  clock.advance(24h * 365);
  EXPECT_FALSE(patience.over());
  patience.renew();
  clock.advance(24h * 365);
  EXPECT_FALSE(patience.over());
}

TEST(Patience, WhatAStepTakesIsNoSilence) {
  VirtualClock clock;
  Patience patience(clock, 10, 3);
  patience.renew();
  clock.advance(2s);
  {
    const Patience::Busy step(patience);
    clock.advance(60s);  // the log was away
    EXPECT_FALSE(patience.over());
    EXPECT_FALSE(patience.over()) << "asked again in the same step";
  }
  {
    const Patience::Busy step(patience);
    clock.advance(60s);  // and nobody asked
  }
  EXPECT_FALSE(patience.over());
  clock.advance(1s);
  const Patience::Busy step(patience);
  EXPECT_TRUE(patience.over()) << "two seconds before those steps and one since";
}

TEST(Patience, WhatComesInALongStepIsNewNotFuture) {
  VirtualClock clock;
  Patience patience(clock, 10, 3);
  {
    const Patience::Busy step(patience);
    clock.advance(60s);
    patience.renew();
    EXPECT_FALSE(patience.over());
  }
  clock.advance(3s);
  EXPECT_TRUE(patience.over());
}

}  // namespace
}  // namespace drst
