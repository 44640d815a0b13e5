#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

namespace drst {
namespace {

TEST(Random, SplitmixIsTheReference) {
  // splitmix64.c by S. Vigna, seed 1234567.
  std::uint64_t state = 1234567;
  for (const std::uint64_t expected : {6457827717110365317ULL, 3203168211198807973ULL, 9817491932198370423ULL,
                                       4593380528125082431ULL, 16408922859458223821ULL})
    EXPECT_EQ(splitmix64(state), expected);
}

TEST(Random, XoshiroIsTheReference) {
  // xoshiro256plusplus.c by D. Blackman and S. Vigna, its state filled by splitmix64 from the seed.
  Random zero(0);
  for (const std::uint64_t expected : {0x53175d61490b23dfULL, 0x61da6f3dc380d507ULL, 0x5c0fdf91ec9a7bfcULL,
                                       0x02eebf8c3bbe5e1aULL, 0x7eca04ebaf4a5eeaULL})
    EXPECT_EQ(zero(), expected);
  Random seven(7);
  for (const std::uint64_t expected : {0x0e2c1a002aae913dULL, 0x2c0fc8ddfa4e9e14ULL, 0xb7b311b3b0d45872ULL})
    EXPECT_EQ(seven(), expected);
}

TEST(Random, UniformIsTheTop53Bits) {
  EXPECT_EQ(Random(0).uniform(), static_cast<double>(0x53175d61490b23dfULL >> 11) / 9007199254740992.0);
  Random random(1);
  for (int i = 0; i < 10'000; ++i) {
    const double u = random.uniform(-2, 3);
    ASSERT_GE(u, -2);
    ASSERT_LT(u, 3);
  }
}

TEST(Random, BelowIsEven) {
  Random random(2);
  std::array<int, 7> counts{};
  constexpr int draws = 70'000;
  for (int i = 0; i < draws; ++i) ++counts.at(random.below(7));
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - 10'000.0) * (count - 10'000.0) / 10'000.0;
  EXPECT_LT(chi_square, 22.5) << "the 0.999 quantile with 6 degrees of freedom";
}

TEST(Random, BelowKeepsItsBoundWhereRejectionIsLikely) {
  Random random(3);
  constexpr std::uint64_t n = (std::uint64_t{1} << 63) + 1;  // nearly half of all words are rejected
  for (int i = 0; i < 1000; ++i) ASSERT_LT(random.below(n), n);
  EXPECT_EQ(random.below(1), 0U);
}

TEST(Random, NormalHasItsMoments) {
  Random random(4);
  constexpr int draws = 100'000;
  double sum = 0;
  double squares = 0;
  double fourth = 0;
  for (int i = 0; i < draws; ++i) {
    const double x = random.normal();
    sum += x;
    squares += x * x;
    fourth += x * x * x * x;
  }
  EXPECT_NEAR(sum / draws, 0, 0.015);
  EXPECT_NEAR(squares / draws, 1, 0.02);
  EXPECT_NEAR(fourth / draws, 3, 0.15);
}

TEST(Random, ExponentialHasItsMean) {
  Random random(5);
  double sum = 0;
  for (int i = 0; i < 100'000; ++i) sum += random.exponential(4);
  EXPECT_NEAR(sum / 100'000, 0.25, 0.005);
}

TEST(Random, AShuffleKeepsAllAndMovesThem) {
  std::vector<int> values(100);
  std::iota(values.begin(), values.end(), 0);
  auto shuffled = values;
  Random(6).shuffle(shuffled.begin(), shuffled.end());
  EXPECT_NE(shuffled, values);
  auto again = values;
  Random(6).shuffle(again.begin(), again.end());
  EXPECT_EQ(shuffled, again);
  std::sort(shuffled.begin(), shuffled.end());
  EXPECT_EQ(shuffled, values);
}

TEST(Random, ForksAreIndependentOfEachOtherAndOfTheirParent) {
  const Random parent(9);
  auto one = parent.fork(1);
  auto two = parent.fork(2);
  auto one_again = parent.fork(1);
  Random parent_copy = parent;
  int equal = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto a = one();
    EXPECT_EQ(a, one_again());
    equal += a == two() ? 1 : 0;
    equal += a == parent_copy() ? 1 : 0;
  }
  EXPECT_EQ(equal, 0);
}

}  // namespace
}  // namespace drst
