#include "pipeline/drive.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/stop.h"
#include "telemetry/resources.h"

namespace drst {

namespace {

using namespace std::chrono_literals;

/// How long an idle component sleeps at most before it looks at its flags, pointer and time-outs again.
constexpr std::chrono::milliseconds longest_nap = 50ms;

/// Steps one component until it has nothing more to do at this instant of the virtual clock.
class Stepper {
 public:
  explicit Stepper(CpuSeconds& cpu) : cpu_(cpu) {}

  Step settle(Component& component) {
    // This thread's, not the process': telemetry and logging have threads of their own.
    const double before = thread_cpu_seconds() + component.helper_cpu_s();
    Step state = component.step();
    while (state == Step::worked) state = component.step();
    cpu_[std::string(component.name())] += thread_cpu_seconds() + component.helper_cpu_s() - before;
    return state;
  }

 private:
  CpuSeconds& cpu_;
};

}  // namespace

CpuSeconds run_virtual(const LoopParts& parts, VirtualClock& clock, Duration tick, Duration patience,
                       const LoopProgress& progress) {
  CpuSeconds cpu;
  Stepper stepper(cpu);
  std::vector<bool> consumer_done(parts.consumers.size(), false);
  std::vector<bool> observer_done(parts.observers.size(), false);
  bool producer_done = parts.producer == nullptr;
  Time producer_end = clock.now();

  // Members join and models are loaded before the first row, as in a deployment that is ready before traffic
  // comes.
  for (auto* guard : parts.guards) stepper.settle(*guard);
  for (auto* consumer : parts.consumers) stepper.settle(*consumer);

  for (;;) {
    throw_if_stopped();
    if (!producer_done && stepper.settle(*parts.producer) == Step::done) {
      producer_done = true;
      producer_end = clock.now();
    }
    bool all_done = producer_done;
    std::string waiting;
    const auto settle_all = [&](const std::vector<Component*>& components, std::vector<bool>& done) {
      for (std::size_t i = 0; i < components.size(); ++i) {
        if (!done[i]) done[i] = stepper.settle(*components[i]) == Step::done;
        if (!done[i]) waiting = components[i]->name();
        all_done = all_done && done[i];
      }
    };
    settle_all(parts.consumers, consumer_done);
    settle_all(parts.observers, observer_done);
    for (auto* guard : parts.guards) stepper.settle(*guard);
    if (progress.each_tick) progress.each_tick();
    if (all_done) return cpu;
    if (producer_done && clock.now() - producer_end > patience)
      throw FailedError("'" + waiting + "' did not end after the stream had ended; see its messages above");
    clock.advance(tick);
  }
}

namespace {

/// Runs components on threads and gathers CPU time and the first exception.
class ThreadCrew {
 public:
  explicit ThreadCrew(Log& log) : log_(log) {}

  void start(Component& component, bool until_stopped) {
    threads_.emplace_back([this, &component, until_stopped] { drive(component, until_stopped); });
    if (!until_stopped) ++running_;
  }
  void drive(Component& component, bool until_stopped) {
    try {
      for (;;) {
        if (stop_ || stop_requested()) break;
        const Step state = component.step();
        if (state == Step::done && !until_stopped) {
          ++done_;
          break;
        }
        if (state != Step::worked) nap(until_stopped);
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
      stop_ = true;
    }
    const double used = thread_cpu_seconds() + component.helper_cpu_s();
    const std::lock_guard lock(mutex_);
    cpu_[std::string(component.name())] += used;
    if (!until_stopped) --running_;
  }
  /// Waits for those that end by themselves, then ends the others.
  void finish() {
    while (running_ > 0 && !stop_) std::this_thread::sleep_for(5ms);
    stop_ = true;
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    if (error_) std::rethrow_exception(error_);
  }
  [[nodiscard]] CpuSeconds cpu() const { return cpu_; }
  /// How many ended by themselves.
  [[nodiscard]] int done() const { return done_; }

 private:
  void nap(bool is_guard) {
    if (is_guard) {
      std::this_thread::sleep_for(longest_nap);
    } else {
      log_.wait(longest_nap);
    }
  }

  Log& log_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
  std::atomic<int> running_{0};
  std::atomic<int> done_{0};
  std::mutex mutex_;
  std::exception_ptr error_;
  CpuSeconds cpu_;
};

}  // namespace

CpuSeconds run_on_threads(const LoopParts& parts, Log& log) {
  ThreadCrew crew(log);
  for (auto* guard : parts.guards) crew.start(*guard, true);
  for (auto* consumer : parts.consumers) crew.start(*consumer, false);
  for (auto* observer : parts.observers) crew.start(*observer, false);
  if (parts.producer != nullptr) crew.start(*parts.producer, false);
  crew.finish();
  throw_if_stopped();
  return crew.cpu();
}

bool run_components(std::span<Component* const> components, Log& log) {
  ThreadCrew crew(log);
  for (auto* component : components) crew.start(*component, false);
  crew.finish();
  return crew.done() == static_cast<int>(components.size());
}

bool run_component(Component& component, Log& log, std::span<Component* const> with) {
  ThreadCrew crew(log);
  for (auto* companion : with) crew.start(*companion, true);
  crew.start(component, false);
  crew.finish();
  return crew.done() > 0;
}

}  // namespace drst
