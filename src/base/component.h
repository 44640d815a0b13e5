// What the two clocks drive.
//
// A component (producer, consumer, guard, monitor, retrainer, uploader) is a state machine: `step()` does a
// bounded piece of work and returns. It takes clock, log, store and randomness from outside and owns no
// thread, so that one scheduler can step all of them in one process (virtual clock) and a thread can drive
// each (wall clock). All that must outlive it is in log and store: it may be destroyed between (or within)
// any two steps, and a new one with the same name goes on. One component is driven by one thread at a time.
#pragma once

#include <string_view>

namespace drst {

enum class Step {
  worked,  ///< did something; call again at once
  idle,    ///< nothing to do now; wait for data or time
  done     ///< finished for good
};

class Component {
 public:
  virtual ~Component() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual Step step() = 0;
  /// CPU that helper threads of this component have used since it was made, in seconds; that of the thread
  /// which steps it is not among it.
  [[nodiscard]] virtual double helper_cpu_s() const { return 0; }
};

}  // namespace drst
