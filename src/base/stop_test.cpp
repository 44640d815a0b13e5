#include "base/stop.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "base/error.h"

namespace drst {
namespace {

TEST(StopDeathTest, TheFirstSignalAsksTheSecondEnds) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        catch_stop_signals();
        ::raise(SIGTERM);
        if (!stop_requested()) ::_exit(1);
        ::raise(SIGTERM);
        ::_exit(2);
      },
      ::testing::ExitedWithCode(130), "");
}

TEST(Stop, LongWorkIsBrokenOff) {
  EXPECT_NO_THROW(throw_if_stopped());
  request_stop();
  try {
    throw_if_stopped();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::interrupted);
  }
  request_stop(false);
}

}  // namespace
}  // namespace drst
