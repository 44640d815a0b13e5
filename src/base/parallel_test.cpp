#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
#include <vector>

namespace drst {
namespace {

TEST(Parallel, EachRoundRunsOnceWhateverTheThreads) {
  for (const std::size_t threads : {0U, 1U, 2U, 7U, 100U}) {
    std::vector<std::atomic<int>> calls(50);
    in_parallel(calls.size(), threads, [&](std::size_t i) { ++calls[i]; });
    for (const auto& count : calls) EXPECT_EQ(count, 1);
  }
  in_parallel(0, 4, [](std::size_t) { FAIL(); });
}

TEST(Parallel, AnExceptionEndsTheLoopAndReachesTheCaller) {
  for (const std::size_t threads : {1U, 4U}) {
    std::atomic<int> calls{0};
    const auto work = [&](std::size_t i) {
      ++calls;
      if (i == 3) throw std::runtime_error("three");
    };
    EXPECT_THROW(in_parallel(100'000, threads, work), std::runtime_error);
    if (threads == 1) {
      EXPECT_EQ(calls, 4);
    }
  }
}

}  // namespace
}  // namespace drst
