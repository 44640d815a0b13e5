#include "pipeline/drive.h"

#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "telemetry/resources.h"

namespace drst {

namespace {

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
  ThreadCrew(Log& log, std::chrono::milliseconds longest_nap) : log_(log), longest_nap_(longest_nap) {}

  void start(Component& component, bool until_stopped) {
    if (!until_stopped) {
      const std::lock_guard lock(mutex_);
      ++running_;
    }
    threads_.emplace_back([this, &component, until_stopped] { drive(component, until_stopped); });
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
    changed_.notify_all();
  }
  /// Waits for those that end by themselves, then ends the others.
  void finish() {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return running_ == 0 || stop_; });
    }
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
      std::this_thread::sleep_for(longest_nap_);
    } else {
      log_.wait(longest_nap_);
    }
  }

  Log& log_;
  std::chrono::milliseconds longest_nap_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_{false};
  std::atomic<int> done_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 0;
  std::exception_ptr error_;
  CpuSeconds cpu_;
};

}  // namespace

CpuSeconds run_on_threads(const LoopParts& parts, Log& log, std::chrono::milliseconds longest_nap) {
  ThreadCrew crew(log, longest_nap);
  for (auto* guard : parts.guards) crew.start(*guard, true);
  for (auto* consumer : parts.consumers) crew.start(*consumer, false);
  for (auto* observer : parts.observers) crew.start(*observer, false);
  if (parts.producer != nullptr) crew.start(*parts.producer, false);
  crew.finish();
  throw_if_stopped();
  return crew.cpu();
}

bool run_components(std::span<Component* const> components, Log& log, std::chrono::milliseconds longest_nap) {
  ThreadCrew crew(log, longest_nap);
  for (auto* component : components) crew.start(*component, false);
  crew.finish();
  return crew.done() == static_cast<int>(components.size());
}

bool run_component(Component& component, Log& log, std::chrono::milliseconds longest_nap,
                   std::span<Component* const> with) {
  ThreadCrew crew(log, longest_nap);
  for (auto* companion : with) crew.start(*companion, true);
  crew.start(component, false);
  crew.finish();
  return crew.done() > 0;
}

bool run_lives(const std::function<bool()>& life) {
  for (std::string lost;;) {
    try {
      return life();
    } catch (const LeaseLost& error) {
      lost = error.what();
    } catch (const PlaceTaken& error) {
      if (lost.empty()) throw;
      throw LeaseLost(lost + "; another has its place, and this one must stop: " + error.what());
    }
    log::warning(lost + "; it joins again and goes on from what was committed");
  }
}

}  // namespace drst
