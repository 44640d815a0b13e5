#include "base/waiting.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace drst {
namespace {

TEST(Waiting, IsSaidAfterAMomentAndThenEachHalfMinute) {
  VirtualClock clock;
  Waiting waiting(clock);
  std::vector<std::string> said;
  for (int second = 0; second <= 65; ++second) {
    if (const auto words = waiting.due("no model yet")) said.push_back(*words);
    EXPECT_EQ(waiting.due("no model yet"), std::nullopt) << "once a time";
    clock.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(said, (std::vector<std::string>{"waits: no model yet", "has waited for 32 s: no model yet",
                                            "has waited for 62 s: no model yet"}));
}

TEST(Waiting, AnotherThingIsAnotherWait) {
  VirtualClock clock;
  Waiting waiting(clock);
  EXPECT_EQ(waiting.due("a"), std::nullopt);
  clock.advance(std::chrono::seconds(3));
  EXPECT_EQ(waiting.due("a"), "waits: a");
  EXPECT_EQ(waiting.due(""), std::nullopt);
  clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(waiting.due(""), std::nullopt) << "nothing is waited for";
  EXPECT_EQ(waiting.due("a"), std::nullopt) << "it begins anew";
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(waiting.due("b"), std::nullopt);
  clock.advance(std::chrono::seconds(2));
  EXPECT_EQ(waiting.due("b"), "waits: b");
}

}  // namespace
}  // namespace drst
