#include "tuning/evidence.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"

namespace drst::tuning {
namespace {

/// Losses of two models on rows that come in stretches: neighbouring differences go together, the mean is
/// `gain` in each.
class Differences {
 public:
  Differences(uint64_t seed, double gain) : random_(seed), gain_(gain) {}
  double next() {
    // A fair coin a row, of a size that lasts for a stretch: dependent, yet of mean `gain` given the past.
    if (random_.chance(0.05)) size_ = random_.uniform(0.02, 0.9);
    return (random_.chance(0.5) ? size_ : -size_) + gain_;
  }

 private:
  Random random_;
  double gain_;
  double size_ = 0.3;
};

TEST(PairedTest, GoldenValues) {
  // Recomputed with numpy: mean over the bets of prod(1 + bet * d).
  PairedTest test;
  for (const double d : {0.5, -0.25, 1.0, 0.1}) test.add(d);
  EXPECT_NEAR(std::exp(test.log_e()), 1.51070549, 1e-8);
  EXPECT_EQ(test.labels(), 4U);
  EXPECT_NEAR(test.mean(), 0.3375, 1e-12);
}

TEST(PairedTest, SeldomRejectsATrueNullHoweverLongItIsWatched) {
  constexpr int runs = 2000;
  constexpr double alpha = 0.05;
  int rejected = 0;
  for (int run = 0; run < runs; ++run) {
    Differences differences(static_cast<uint64_t>(run) + 1, 0);
    PairedTest test;
    for (int i = 0; i < 1000 && !test.rejects(alpha); ++i) test.add(differences.next());
    rejected += test.rejects(alpha) ? 1 : 0;
  }
  // Ville: at most alpha; three standard errors of the count above that would be luck of one in a thousand.
  EXPECT_LE(rejected, runs * alpha + 3 * std::sqrt(runs * alpha * (1 - alpha)));
  EXPECT_GT(rejected, 0) << "a test that never rejects is no test";
}

TEST(PairedTest, FindsARealGain) {
  int labels = 0;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Random random(seed);
    PairedTest test;
    int n = 0;
    for (; n < 5000 && !test.rejects(0.01); ++n) test.add(0.15 + 0.25 * random.normal());
    EXPECT_TRUE(test.rejects(0.01));
    labels += n;
  }
  EXPECT_LT(labels / 50, 60);
}

TEST(PairedTest, TenLabelsOfASmallGainProveNothing) {
  PairedTest test;
  for (int i = 0; i < 10; ++i) test.add(0.2);
  EXPECT_FALSE(test.rejects(0.05));
}

TEST(PairedTest, SurvivesBrokenNumbers) {
  PairedTest test;
  PairedDetector detector;
  for (const double d : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                         -std::numeric_limits<double>::infinity(), 1e300, -7.0}) {
    test.add(d);
    detector.add(d);
  }
  EXPECT_TRUE(std::isfinite(test.log_e()));
  EXPECT_TRUE(std::isfinite(detector.log_e()));
  EXPECT_EQ(test.labels(), 5U);
}

TEST(PairedDetector, RunsAsLongAsItPromisesUnderTheNull) {
  constexpr int runs = 300;
  constexpr double promised = 200;
  constexpr int most = 4000;  // longer runs are cut, which makes the mean smaller only
  double sum = 0;
  for (int run = 0; run < runs; ++run) {
    Differences differences(static_cast<uint64_t>(run) + 7, 0);
    PairedDetector detector;
    int n = 0;
    for (; n < most && !detector.alarms(promised); ++n) detector.add(differences.next());
    sum += n;
  }
  EXPECT_GE(sum / runs, promised);
}

TEST(PairedDetector, ALongGoodSpellDoesNotMakeItDeaf) {
  Random random(3);
  PairedDetector detector;
  PairedTest test;
  for (int i = 0; i < 5000; ++i) {
    const double d = -0.2 + 0.2 * random.normal();
    detector.add(d);
    test.add(d);
    ASSERT_FALSE(detector.alarms(10'000));
  }
  int delay = 0;
  for (; delay < 500 && !detector.alarms(10'000); ++delay) {
    const double d = 0.2 + 0.2 * random.normal();
    detector.add(d);
    test.add(d);
  }
  EXPECT_LT(delay, 100);
  EXPECT_LE(detector.labels(), static_cast<uint64_t>(delay) + 20) << "the evidence is of the bad days";
  EXPECT_GT(detector.mean(), 0.1);
  EXPECT_FALSE(test.rejects(0.05)) << "what a test begun at the start knows";
}

}  // namespace
}  // namespace drst::tuning
