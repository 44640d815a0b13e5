// Driving components on either clock (DESIGN, "One loop, two clocks").
//
// Virtual clock: `VirtualLoop::run` is the one scheduler. A tick is one second of the stream: the producer
// appends the row that is due (and labels that arrive before it), consumers predict it, then monitor and
// retrainer see it, then guards look at the pointer; so a model published at row r serves row r + 1, and no
// row is scored by a model that saw it. Everything in one thread, so the order is the same in every run. Wall
// clock: `run_on_threads` gives each component a thread of its own; `run_component` drives one component of a
// process.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/component.h"
#include "base/time.h"
#include "stream/log.h"

namespace drst {

/// CPU seconds by component name: of the thread that steps it, and of its helpers.
using CpuSeconds = std::map<std::string, double>;

struct LoopParts {
  Component* producer = nullptr;
  std::vector<Component*> consumers;
  std::vector<Component*> guards;     ///< never done; they end with the loop
  std::vector<Component*> observers;  ///< monitor, retrainer
};

struct LoopProgress {
  std::function<void()> each_tick;  ///< may be empty; for progress bars and fault injection
};

/// Steps until producer, consumers and observers are done. Throws FailedError naming the component if one is
/// still not done `patience` of stream time after the producer ended; Error(interrupted) if a stop was
/// requested.
CpuSeconds run_virtual(const LoopParts& parts, VirtualClock& clock, Duration tick, Duration patience,
                       const LoopProgress& progress = {});

/// The same with a thread each on the wall clock; the first exception of any component ends all and is thrown
/// on. `longest_nap`: an idle component looks again at its flags, pointer and time-outs at the latest then.
CpuSeconds run_on_threads(const LoopParts& parts, Log& log, std::chrono::milliseconds longest_nap);

/// Several components as one process, a thread each, until all are done (true) or a stop was requested
/// (false).
[[nodiscard]] bool run_components(std::span<Component* const> components, Log& log,
                                  std::chrono::milliseconds longest_nap);

/// One component as a process, until it is done (true) or a stop was requested (false: it is simply left, and
/// what it had not committed is done again by its heir). `with`: further components stepped along on a thread
/// each (guards).
[[nodiscard]] bool run_component(Component& component, Log& log, std::chrono::milliseconds longest_nap,
                                 std::span<Component* const> with = {});

/// Calls `life`, which makes components, drives them and says whether they are done, and again each time it
/// ends because a place in a group was lost (LeaseLost), in an outage longer than the lease, say: the next
/// life goes on from what was committed, as an heir would. Returns what the last life said. Where somebody
/// else has the place (PlaceTaken) the LeaseLost is thrown on, and whatever else ends a life at once.
[[nodiscard]] bool run_lives(const std::function<bool()>& life);

}  // namespace drst
