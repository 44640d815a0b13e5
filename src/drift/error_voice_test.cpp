#include "drift/error_voice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/random.h"

namespace drst {
namespace {

TEST(ErrorVoice, BoundsTheUsualLossAsInThePaper) {
  // Maurer and Pontil, Theorem 4, in Python: x = [0, .1, .2, .3, .4] * 20; n = 100;
  // np.mean(x) + np.sqrt(2 * np.var(x, ddof=1) * np.log(2 / .05) / n) + 7 * np.log(2 / .05) / (3 * (n - 1))
  ErrorVoice voice(ErrorVoiceSettings{});
  for (int i = 0; i < 100; ++i) {
    EXPECT_FALSE(voice.watching());
    voice.push(0.1 * (i % 5), i);
  }
  EXPECT_TRUE(voice.watching());
  EXPECT_NEAR(voice.usual_bound(), 0.3255497156025703, 1e-12);
}

TEST(ErrorVoice, StaysSilentForItsBudgetOnAverageHoweverTheLossesAreDistributed) {
  ErrorVoiceSettings settings;
  settings.budget_losses = 500;
  Random random(3);
  for (const int kind : {0, 1, 2}) {
    double losses = 0;
    double alarms = 0;
    for (int stream = 0; stream < 100; ++stream) {
      ErrorVoice voice(settings);
      for (int i = 0; i < 2000; ++i) {
        const double loss = kind == 0   ? random.uniform()
                            : kind == 1 ? (random.chance(0.1) ? 1.0 : 0.0)
                                        : 0.2 * random.uniform();
        if (voice.push(loss, i)) ++alarms;
      }
      losses += 2000;
    }
    EXPECT_LE(alarms, losses / 500) << "kind " << kind;
  }
}

/// The bound is met with equality: losses whose mean is the bound itself.
TEST(ErrorVoice, HoldsItsBoundEvenWhereTheMeanIsAtTheBound) {
  ErrorVoiceSettings settings;
  settings.budget_losses = 300;
  Random random(4);
  double total = 0;
  constexpr int streams = 300;
  for (int stream = 0; stream < streams; ++stream) {
    ErrorVoice voice(settings);
    for (int i = 0; i < 100; ++i) voice.push(0.1 * (i % 5), i);
    const double m = voice.usual_bound();
    int until = 0;
    while (until < 20'000 && !voice.push(random.chance(m) ? 1.0 : 0.0, until)) ++until;
    total += until;
  }
  EXPECT_GE(total / streams, 300) << "expected losses until a false alarm";
}

TEST(ErrorVoice, HearsAModelThatFails) {
  Random random(5);
  for (const double after : {0.9, 0.6}) {
    int worst = 0;
    for (int stream = 0; stream < 50; ++stream) {
      ErrorVoice voice(ErrorVoiceSettings{});
      for (int i = 0; i < 500; ++i) ASSERT_FALSE(voice.push(0.2 * random.uniform(), i));
      int delay = 0;
      std::optional<ErrorAlarm> alarm;
      while (!alarm && delay < 500) {
        alarm = voice.push(std::min(1.0, after + 0.2 * (random.uniform() - 0.5)), 500 + delay);
        ++delay;
      }
      ASSERT_TRUE(alarm.has_value());
      worst = std::max(worst, delay);
      EXPECT_NEAR(static_cast<double>(alarm->since), 500, 3);
      EXPECT_EQ(alarm->row, 500 + delay - 1);
      EXPECT_NEAR(alarm->mean_since, after, 0.1);
      EXPECT_GE(alarm->evidence, 1e4);
      EXPECT_FALSE(voice.watching()) << "learns the new usual loss";
    }
    EXPECT_LE(worst, after > 0.8 ? 15 : 20);
  }
}

TEST(ErrorVoice, SilentWhenTheModelGetsBetter) {
  ErrorVoice voice(ErrorVoiceSettings{});
  for (int i = 0; i < 3000; ++i) ASSERT_FALSE(voice.push(i < 200 ? 0.5 : 0.1, i));
}

TEST(ErrorVoice, TakesWhatIsNoLoss) {
  ErrorVoice voice(ErrorVoiceSettings{});
  for (int i = 0; i < 100; ++i) {
    voice.push(std::numeric_limits<double>::quiet_NaN(), i);
    voice.push(i % 2 == 0 ? -1e300 : 0.0, i);
  }
  EXPECT_EQ(voice.left_out(), 100U);
  EXPECT_TRUE(voice.watching());
  std::optional<ErrorAlarm> alarm;
  for (int i = 0; i < 20 && !alarm; ++i) alarm = voice.push(std::numeric_limits<double>::infinity(), i);
  ASSERT_TRUE(alarm.has_value());
  EXPECT_EQ(alarm->mean_since, 1);
  ErrorVoiceSettings wrong;
  wrong.reference = 1;
  EXPECT_THROW(ErrorVoice{wrong}, InputError);
  wrong = {};
  wrong.risk = 0;
  EXPECT_THROW(ErrorVoice{wrong}, InputError);
}

TEST(ErrorVoice, GoesOnToTheBitAfterSaveAndRestore) {
  ErrorVoiceSettings settings;
  settings.block = 3;
  settings.reference = 20;
  Random random(6);
  ErrorVoice steady(settings);
  auto restarted = std::make_unique<ErrorVoice>(settings);
  int alarms = 0;
  for (int i = 0; i < 900; ++i) {
    const double loss = i % 300 > 200 ? random.uniform(0.9, 1) : 0.2 * random.uniform();
    const auto a = steady.push(loss, i);
    const auto b = restarted->push(loss, i);
    ASSERT_EQ(a.has_value(), b.has_value());
    if (a) {
      EXPECT_EQ(a->since, b->since);
      EXPECT_EQ(a->evidence, b->evidence);
      ++alarms;
    }
    if (i % 7 != 0) continue;
    StateWriter out("e\n");
    restarted->save(out);
    const std::string bytes = out.take();
    restarted = std::make_unique<ErrorVoice>(settings);
    StateReader in(bytes, "e\n", "the test's state");
    restarted->restore(in);
    in.end();
  }
  EXPECT_GT(alarms, 0);
}

}  // namespace
}  // namespace drst
