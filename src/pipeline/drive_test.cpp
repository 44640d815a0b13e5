#include "pipeline/drive.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/stop.h"
#include "stream/memory_log.h"

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

class Endless final : public Component {
 public:
  [[nodiscard]] std::string_view name() const override { return "endless"; }
  Step step() override { return Step::idle; }
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

TEST(Threads, TheFirstErrorEndsAll) {
  const SystemClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  Failing failing;
  Endless endless;
  EXPECT_THROW(
      run_on_threads({.producer = nullptr, .consumers = {&endless}, .guards = {}, .observers = {&failing}},
                     log),
      FailedError);
}

TEST(Threads, AComponentThatIsStoppedIsNotDone) {
  const SystemClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  std::vector<std::string> order;
  Told told("told", 2, order);
  EXPECT_TRUE(run_component(told, log));
  Endless endless;
  request_stop();
  EXPECT_FALSE(run_component(endless, log));
  request_stop(false);
}

TEST(Threads, GuardsEndWithTheOthers) {
  std::vector<std::string> order;
  const SystemClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  Told consumer("consumer", 3, order);
  Endless guard;
  const auto cpu = run_on_threads(
      {.producer = nullptr, .consumers = {&consumer}, .guards = {&guard}, .observers = {}}, log);
  EXPECT_TRUE(cpu.contains("consumer"));
  EXPECT_TRUE(cpu.contains("endless"));
}

}  // namespace
}  // namespace drst
