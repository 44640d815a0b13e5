#include "base/time.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <thread>

namespace drst {
namespace {

using namespace std::chrono_literals;

Time at(std::int64_t seconds, std::int64_t microseconds = 0) {
  return Time(std::chrono::seconds(seconds) + std::chrono::microseconds(microseconds));
}

TEST(Time, IsWrittenWithSixDecimals) {
  EXPECT_EQ(to_iso8601(at(0)), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(to_iso8601(at(1767225600, 123456)), "2026-01-01T00:00:00.123456Z");
  EXPECT_EQ(to_iso8601(at(1709164799, 999999)), "2024-02-28T23:59:59.999999Z");
  EXPECT_EQ(to_iso8601(at(-1, 999999)), "1969-12-31T23:59:59.999999Z")
      << "before the epoch the day is floored";
  EXPECT_EQ(to_compact(at(1767225600, 123456)), "20260101T000000123456Z");
}

TEST(Time, IsReadWithNoneToNineDecimals) {
  EXPECT_EQ(from_iso8601("2026-01-01T00:00:00Z"), at(1767225600));
  EXPECT_EQ(from_iso8601("2026-01-01T00:00:00.5Z"), at(1767225600, 500000));
  EXPECT_EQ(from_iso8601("2026-01-01T00:00:00.123456789Z"), at(1767225600, 123456));
  EXPECT_EQ(from_iso8601("2026-01-01T00:00:00.123456+00:00"), at(1767225600, 123456));
  EXPECT_EQ(from_iso8601("2026-01-01 00:00:00Z"), at(1767225600)) << "as Python's str() writes it";
}

TEST(Time, LeapYears) {
  EXPECT_EQ(from_iso8601("2024-02-29T00:00:00Z"), at(1709164800));
  EXPECT_EQ(from_iso8601("2000-02-29T00:00:00Z"), at(951782400));
  EXPECT_FALSE(from_iso8601("2100-02-29T00:00:00Z"));
  EXPECT_FALSE(from_iso8601("2026-02-29T00:00:00Z"));
  EXPECT_EQ(from_iso8601("2016-12-31T23:59:60Z"), at(1483228800))
      << "a leap second is the next minute's first";
}

TEST(Time, OtherTextsAreRefused) {
  for (const char* bad : {"",
                          "2026",
                          "2026-01-01",
                          "2026-01-01T00:00:00",
                          "2026-01-01T00:00:00.Z",
                          "2026-01-01T00:00:00.1234567890Z",
                          "2026-01-01T00:00:00+01:00",
                          "2026-01-01T00:00:00ZZ",
                          "2026-13-01T00:00:00Z",
                          "2026-00-01T00:00:00Z",
                          "2026-04-31T00:00:00Z",
                          "2026-01-01T24:00:00Z",
                          "2026-01-01T00:60:00Z",
                          "2026-01-01T00:00:61Z",
                          "2026-1-01T00:00:00Z",
                          " 2026-01-01T00:00:00Z",
                          "2026-01-01T00:00:00,5Z",
                          "2026-01-01T-1:00:00Z",
                          "20260101T000000Z",
                          "2026-01-01t00:00:00Z"})
    EXPECT_FALSE(from_iso8601(bad).has_value()) << bad;
}

RC_GTEST_PROP(TimeProperty, ReadsBackAsWritten, ()) {
  // The years 0001 to 9999, in microseconds.
  const Time t{Duration(*rc::gen::inRange<std::int64_t>(-62'135'596'800'000'000, 253'402'300'800'000'000))};
  const std::string text = to_iso8601(t);
  RC_ASSERT(text.size() == 27U);
  RC_ASSERT(from_iso8601(text) == t);
}

RC_GTEST_PROP(TimeProperty, CompactTextSortsAsTimeDoes, ()) {
  const auto any = rc::gen::inRange<std::int64_t>(0, 4'102'444'800'000'000);
  const Time a{Duration(*any)};
  const Time b{Duration(*any)};
  RC_ASSERT((to_compact(a) < to_compact(b)) == (a < b));
}

TEST(Duration, IsMadeOfSeconds) {
  EXPECT_EQ(from_seconds(0), 0s);
  EXPECT_EQ(from_seconds(2.5), 2500ms);
  EXPECT_EQ(from_seconds(-0.25), -250ms);
  EXPECT_EQ(from_seconds(1.9e-6), 1us) << "cut, not rounded";
  EXPECT_EQ(from_seconds(-1.9e-6), -1us) << "towards zero";
  EXPECT_EQ(from_seconds(1e-300), 0us);
}

TEST(Duration, OfSecondsThatNoneHoldsStaysFitForArithmetic) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(from_seconds(std::numeric_limits<double>::quiet_NaN()), 0s);
  const Time now = at(1767225600);
  for (const double huge : {1e13, 1e300, std::numeric_limits<double>::max(), infinity}) {
    EXPECT_GT(from_seconds(huge), std::chrono::years(70'000)) << huge;
    EXPECT_EQ(from_seconds(-huge), -from_seconds(huge)) << huge;
    EXPECT_GT(now + from_seconds(huge), now) << huge;
    EXPECT_LT(now - from_seconds(huge), now) << huge;
  }
}

TEST(VirtualClock, MovesOnlyWhenTold) {
  VirtualClock clock;
  EXPECT_EQ(to_iso8601(clock.now()), "2026-01-01T00:00:00.000000Z");
  std::this_thread::sleep_for(1ms);
  EXPECT_EQ(clock.now(), VirtualClock::default_epoch());
  clock.advance(1500ms);
  EXPECT_EQ(to_iso8601(clock.now()), "2026-01-01T00:00:01.500000Z");
  clock.set(at(0));
  EXPECT_EQ(clock.now(), at(0));
}

TEST(SystemClock, IsTheTimeOfDay) {
  const auto outside = std::chrono::system_clock::now();
  const Time inside = SystemClock().now();
  EXPECT_LT(inside - std::chrono::time_point_cast<Duration>(outside), 60s);
  EXPECT_GE(inside - std::chrono::time_point_cast<Duration>(outside), 0s);
}

}  // namespace
}  // namespace drst
