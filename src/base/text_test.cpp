#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <locale>
#include <vector>

namespace drst {
namespace {

TEST(Text, NumbersAreTheShortestThatReadBack) {
  EXPECT_EQ(to_text(0.1), "0.1");
  EXPECT_EQ(to_text(-0.0), "-0");
  EXPECT_EQ(to_text(5e-324), "5e-324");
  EXPECT_EQ(to_text(std::nan("")), "nan");
  EXPECT_EQ(to_text(-INFINITY), "-inf");
  EXPECT_EQ(to_text(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(to_text(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
}

RC_GTEST_PROP(TextProperty, DoublesReadBackBitForBit, (std::uint64_t bits)) {
  const double value = std::bit_cast<double>(bits);
  RC_PRE(std::isfinite(value));
  const auto back = parse_double(to_text(value));
  RC_ASSERT(back.has_value());
  RC_ASSERT(std::bit_cast<std::uint64_t>(*back) == bits);
}

TEST(Text, FixedDecimals) {
  EXPECT_EQ(to_fixed(2.0 / 3, 3), "0.667");
  EXPECT_EQ(to_fixed(-1, 0), "-1");
  EXPECT_EQ(to_fixed(1e300, 2).size(), 304U);
  EXPECT_EQ(to_fixed(std::numeric_limits<double>::max(), 60).size(), 370U);
  EXPECT_EQ(to_fixed(std::nan(""), 2), "nan");
}

TEST(Text, DecimalsAreBounded) {
  // 309 digits, a point and 100 decimals; more than anyone wants must not overflow.
  EXPECT_EQ(to_fixed(std::numeric_limits<double>::max(), 200).size(), 410U);
  EXPECT_EQ(to_fixed(1.5, -3), "2");
}

TEST(Text, DoublesAreParsedWholeOrNotAtAll) {
  EXPECT_EQ(parse_double("1e3"), 1000.0);
  EXPECT_EQ(parse_double("+2.5"), 2.5);
  EXPECT_EQ(parse_double("-.5"), -0.5);
  for (const char* bad : {"", " 1", "1 ", "1,5", "0x10", "+-1", "++1", "+", "1e", "--1", "one", "1e400"})
    EXPECT_FALSE(parse_double(bad).has_value()) << bad;
}

TEST(Text, IntegersAreParsedWholeOrNotAtAll) {
  EXPECT_EQ(parse_int("-42"), -42);
  EXPECT_EQ(parse_int("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
  for (const char* bad : {"", "9223372036854775808", "1.0", " 1", "1a", "+-1", "-"})
    EXPECT_FALSE(parse_int(bad).has_value()) << bad;
}

struct DecimalComma final : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
};

TEST(Text, AForeignLocaleChangesNothing) {
  const std::locale old = std::locale::global(std::locale(std::locale::classic(), new DecimalComma));
  const std::string text = to_text(0.5) + " " + to_fixed(1.25, 2);
  const auto parsed = parse_double("0.5");
  std::locale::global(old);
  EXPECT_EQ(text, "0.5 1.25");
  EXPECT_EQ(parsed, 0.5);
}

TEST(Text, TrimAndJoin) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(join(std::vector<std::string>{"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(join(std::vector<std::string>{}, "-"), "");
  const std::vector<std::string> names = {"a", "b", "c"};
  EXPECT_EQ(join_first(names, 3), "a, b, c");
  EXPECT_EQ(join_first(names, 1), "a and 2 more");
  EXPECT_EQ(join_first({}), "");
}

TEST(Text, NearNamesAreBestFirstAndAtMostThree) {
  const std::vector<std::string> names = {"cycles_1", "cycles", "cycle", "cyles", "cyclesss"};
  EXPECT_THAT(near_names("cycles", names), ::testing::ElementsAre("cycles", "cycle", "cyles"));
  EXPECT_THAT(near_names(std::string(100'000, 'x'), names), ::testing::IsEmpty())
      << "and not after quadratic work";
}

TEST(Text, DidYouMean) {
  const std::vector<std::string> names = {"window", "stride"};
  EXPECT_EQ(did_you_mean("windw", names), "; did you mean 'window'?");
  EXPECT_EQ(did_you_mean("threshold", names), "");
}

}  // namespace
}  // namespace drst
