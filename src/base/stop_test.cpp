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

TEST(StopDeathTest, AClosedTerminalAsksUnlessItIsIgnored) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        ::signal(SIGHUP, SIG_DFL);
        catch_stop_signals();
        ::raise(SIGHUP);
        ::_exit(stop_requested() ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(
      {
        ::signal(SIGHUP, SIG_IGN);  // nohup
        catch_stop_signals();
        ::raise(SIGHUP);
        ::_exit(stop_requested() ? 1 : 0);
      },
      ::testing::ExitedWithCode(0), "");
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
