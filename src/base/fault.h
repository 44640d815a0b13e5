// Where a simulation may stop the world.
//
// The in-memory back ends (log, store) stand in for disk and server in mass simulation. Before and after each
// of their effects they tell a `FaultPoint` where they are; a harness that wants to crash a component right
// there throws `SimulatedCrash`. Components themselves never call this: they cannot know where they will be
// killed.
//
// Contract for a back end that calls `reached`:
//   - "<back end>.<operation>.before": nothing of the effect has happened yet;
//   - "<back end>.<operation>.after": it has happened in full, but the caller has not been told;
//   - no lock is held during the call, or one that is released when the call throws (std::lock_guard);
//   - a throw leaves the back end whole: the 'disk' it keeps is used again by the restarted component.
// A harness that steps components from one thread needs no lock in its FaultPoint; one with several threads
// does.
#pragma once

#include <string_view>

namespace drst {

/// The end of a simulated process. Deliberately not a std::exception: a component that catches errors to
/// carry on must not survive its own death. Only the harness catches it.
struct SimulatedCrash {};

class FaultPoint {
 public:
  virtual ~FaultPoint() = default;
  /// `operation` as above, for example "log.append.before"; `subject` is what it is about (topic, object
  /// key).
  virtual void reached(std::string_view operation, std::string_view subject) = 0;
};

}  // namespace drst
