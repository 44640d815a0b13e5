#include "collect/asking.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

namespace drst {
namespace {

using namespace std::chrono_literals;

template <class Answer>
bool comes(const Asking<Answer>& asking) {
  for (int i = 0; i < 1000 && !asking.answered(); ++i) std::this_thread::sleep_for(5ms);
  return asking.answered();
}

TEST(Asking, AnAnswerIsTakenOnce) {
  Asking<std::int64_t> asking([](std::int64_t deadline) { return deadline + 1; });
  EXPECT_TRUE(asking.answered());
  EXPECT_EQ(asking.take(), std::nullopt) << "nothing was asked";
  ASSERT_TRUE(asking.ask(41));
  ASSERT_TRUE(comes(asking));
  EXPECT_EQ(asking.take(), 42);
  EXPECT_EQ(asking.take(), std::nullopt);
}

TEST(Asking, WhoAsksIsNotHeldUpAndAsksNoSecondTime) {
  std::atomic<bool> go = false;
  std::atomic<int> questions = 0;
  Asking<int> asking([&](std::int64_t) {
    ++questions;
    while (!go) std::this_thread::sleep_for(1ms);
    return 7;
  });
  ASSERT_TRUE(asking.ask(0));
  EXPECT_FALSE(asking.answered());
  EXPECT_FALSE(asking.ask(0));
  EXPECT_EQ(asking.take(), std::nullopt);
  go = true;
  ASSERT_TRUE(comes(asking));
  EXPECT_EQ(asking.take(), 7);
  EXPECT_EQ(questions, 1);
}

TEST(Asking, AnAnswerThatNobodyTookIsForgotten) {
  std::atomic<int> count = 0;
  Asking<int> asking([&](std::int64_t) -> int {
    if (++count == 2) throw std::runtime_error("no answer");
    return count;
  });
  ASSERT_TRUE(asking.ask(0));
  ASSERT_TRUE(comes(asking));
  ASSERT_TRUE(asking.ask(0));
  ASSERT_TRUE(comes(asking));
  EXPECT_EQ(asking.take(), std::nullopt) << "neither the first's answer nor one of the second, which failed";
}

TEST(Asking, EndsInTimeAlsoWhereAQuestionHangs) {
  const auto hangs = std::make_shared<std::atomic<bool>>(true);
  const auto begun = std::make_shared<std::atomic<bool>>(false);
  const auto left = std::make_shared<std::atomic<bool>>(false);
  const auto begin = std::chrono::steady_clock::now();
  {
    Asking<int> asking([hangs, begun, left](std::int64_t) {
      *begun = true;
      while (*hangs) std::this_thread::sleep_for(1ms);
      *left = true;
      return 1;
    });
    ASSERT_TRUE(asking.ask(0));
    for (int i = 0; i < 1000 && !*begun; ++i) std::this_thread::sleep_for(5ms);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
  *hangs = false;
  for (int i = 0; i < 1000 && !*left; ++i) std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(*left);
}

TEST(Asking, TimeoutsFollowTheIntervalWithinReason) {
  EXPECT_EQ(answer_timeout_s(0.2, 1), 0.2);
  EXPECT_EQ(answer_timeout_s(0.2, 0.01), 0.05);
  EXPECT_EQ(answer_timeout_s(0.2, 3600), 30);
}

}  // namespace
}  // namespace drst
