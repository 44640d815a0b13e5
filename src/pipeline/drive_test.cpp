#include "pipeline/drive.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/error.h"
#include "base/stop.h"
#include "stream/memory_log.h"
#include "telemetry/resources.h"

namespace drst {
namespace {

/// Records what is stepped, in order; done after `steps` steps.
class Told final : public Component {
 public:
  Told(std::string name, int steps, std::vector<std::string>& order)
      : name_(std::move(name)), steps_(steps), order_(order) {}
  [[nodiscard]] std::string_view name() const override { return name_; }
  Step step() override {
    order_.push_back(name_);
    return --steps_ > 0 ? Step::idle : Step::done;
  }

 private:
  std::string name_;
  int steps_;
  std::vector<std::string>& order_;
};

class Failing final : public Component {
 public:
  [[nodiscard]] std::string_view name() const override { return "failing"; }
  Step step() override { throw FailedError("the disk is full"); }
};

TEST(Lives, AnotherBeginsWhenAPlaceInAGroupWasLost) {
  int lives = 0;
  EXPECT_TRUE(run_lives([&] {
    if (++lives < 3) throw LeaseLost("too late");
    return true;
  }));
  EXPECT_EQ(lives, 3);
  EXPECT_FALSE(run_lives([] { return false; })) << "interrupted";
}

TEST(Lives, TheyEndWhereAnotherHasThePlace) {
  int lives = 0;
  try {
    (void)run_lives([&]() -> bool {
      if (++lives == 1) throw LeaseLost("too late");
      throw PlaceTaken("'b' is in the group");
    });
    FAIL();
  } catch (const LeaseLost& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::failed);
    EXPECT_NE(std::string(error.what()).find("too late; another has its place"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("'b' is in the group"), std::string::npos);
  }
  EXPECT_THROW((void)run_lives([]() -> bool { throw PlaceTaken("refused"); }), PlaceTaken);
  EXPECT_THROW((void)run_lives([]() -> bool { throw FailedError("disk full"); }), FailedError);
  EXPECT_EQ(lives, 2);
}

class Endless final : public Component {
 public:
  [[nodiscard]] std::string_view name() const override { return "endless"; }
  Step step() override { return Step::idle; }
};

/// Uses about 30 ms of CPU itself, and says that helpers used two seconds.
class Busy final : public Component {
 public:
  [[nodiscard]] std::string_view name() const override { return "busy"; }
  Step step() override {
    for (const double end = thread_cpu_seconds() + 0.03; thread_cpu_seconds() < end;) {
    }
    helpers_ = 2;
    return Step::done;
  }
  [[nodiscard]] double helper_cpu_s() const override { return helpers_; }

 private:
  double helpers_ = 0;
};

using namespace std::chrono_literals;

TEST(VirtualLoop, OneOrderWithinATick) {
  std::vector<std::string> order;
  Told producer("producer", 2, order), consumer("consumer", 2, order), monitor("monitor", 2, order),
      guard("guard", 99, order);
  VirtualClock clock;
  run_virtual({.producer = &producer, .consumers = {&consumer}, .guards = {&guard}, .observers = {&monitor}},
              clock, 1s, 10s);
  const std::vector<std::string> expected = {"guard",    "consumer",  // ready before the first row
                                             "producer", "consumer", "monitor", "guard",  // row 0
                                             "producer", "monitor",  "guard"};  // the consumer was done
  EXPECT_EQ(order, expected);
  EXPECT_EQ(clock.now(), VirtualClock::default_epoch() + 1s);
}

TEST(VirtualLoop, NamesWhoDoesNotEnd) {
  std::vector<std::string> order;
  Told producer("producer", 1, order);
  Endless endless;
  VirtualClock clock;
  try {
    run_virtual({.producer = &producer, .consumers = {}, .guards = {}, .observers = {&endless}}, clock, 1s,
                5s);
    FAIL() << "a component that never ends must be noticed";
  } catch (const FailedError& error) {
    EXPECT_NE(std::string(error.what()).find("endless"), std::string::npos);
  }
}

TEST(VirtualLoop, StopsWhenAsked) {
  std::vector<std::string> order;
  Told producer("producer", 1000, order);
  VirtualClock clock;
  LoopProgress progress;
  progress.each_tick = [] { request_stop(); };
  try {
    run_virtual({.producer = &producer, .consumers = {}, .guards = {}, .observers = {}}, clock, 1s, 5s,
                progress);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), ExitCode::interrupted);
  }
  request_stop(false);
}

TEST(CpuSeconds, AreTheComponentsOwnAndItsHelpersAndNobodyElses) {
  // Somebody else's thread, as busy as it can be.
  std::atomic<bool> stop{false};
  std::thread other([&] {
    while (!stop) {
    }
  });
  const SystemClock wall;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), wall);
  VirtualClock clock;
  for (const bool threads : {false, true}) {
    Busy busy;
    const LoopParts parts{.producer = &busy, .consumers = {}, .guards = {}, .observers = {}};
    const auto cpu = threads ? run_on_threads(parts, log, std::chrono::milliseconds(50))
                             : run_virtual(parts, clock, 1s, 5s);
    EXPECT_GE(cpu.at("busy"), 2.03);
    EXPECT_LT(cpu.at("busy"), 2.045);
  }
  stop = true;
  other.join();
}

TEST(Threads, TheFirstErrorEndsAll) {
  const SystemClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  Failing failing;
  Endless endless;
  EXPECT_THROW(
      run_on_threads({.producer = nullptr, .consumers = {&endless}, .guards = {}, .observers = {&failing}},
                     log, 50ms),
      FailedError);
}

TEST(Threads, AComponentThatIsStoppedIsNotDone) {
  const SystemClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  std::vector<std::string> order;
  Told told("told", 2, order);
  EXPECT_TRUE(run_component(told, log, 50ms));
  Endless endless;
  request_stop();
  EXPECT_FALSE(run_component(endless, log, 50ms));
  request_stop(false);
}

/// Idle until it has been asked often enough.
class Sleepy final : public Component {
 public:
  [[nodiscard]] std::string_view name() const override { return "sleepy"; }
  Step step() override { return ++asked_ < 20 ? Step::idle : Step::done; }

 private:
  int asked_ = 0;
};

TEST(Threads, AnIdleComponentIsAskedAgainAfterTheNap) {
  const SystemClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  const auto time = [&](std::chrono::milliseconds nap) {
    Sleepy sleepy;
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_TRUE(run_component(sleepy, log, nap));
    return std::chrono::steady_clock::now() - begun;
  };
  EXPECT_GE(time(5ms), 19 * 5ms);
  EXPECT_LT(time(1ms), 19 * 50ms) << "the setting counts, not a fixed time";
}

TEST(Threads, GuardsEndWithTheOthers) {
  std::vector<std::string> order;
  const SystemClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  Told consumer("consumer", 3, order);
  Endless guard;
  const auto cpu = run_on_threads(
      {.producer = nullptr, .consumers = {&consumer}, .guards = {&guard}, .observers = {}}, log, 50ms);
  EXPECT_TRUE(cpu.contains("consumer"));
  EXPECT_TRUE(cpu.contains("endless"));
}

}  // namespace
}  // namespace drst
