// Counters of one process, control group or set of CPUs, by perf_event_open(2).
//
// A process is counted in all its threads: those that are there, each with an event of its own, and those
// that they start, which inherit them. A control group is counted on each CPU. What the kernel multiplexes is
// scaled: count x enabled / running, thread by thread, and the share running / enabled is its quality. Where
// the kernel lets us count user space only (perf_event_paranoid 2 without CAP_PERFMON), that is counted, and
// said; but not of events that only the kernel raises, which would be 0 for ever. An event that cannot be
// opened, or not in all threads, is left out, and said; the others go on. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "collect/perf_event.h"

namespace drst {

/// What is counted.
struct PerfTarget {
  std::vector<pid_t> processes = {};
  bool with_children = true;  ///< what they fork, too; else only the threads that they start (Linux 5.13)
  std::string cgroup_folder = {};  ///< of the perf_event controller, or of the unified hierarchy
  std::vector<int> cpus = {};      ///< of neither: these CPUs; with a group: the CPUs that are online
};

/// Of one interval.
struct PerfCount {
  double count = 0;  ///< for the grid's interval; NaN: missing
  double share = 0;  ///< of the time in which it should have counted; NaN: it had none
};

/// What `events` of the chain file come to.
struct PerfEventChoice {
  std::string event;  ///< as the file spells it, and as its column ends
  std::vector<PerfEventCode> codes;
  std::size_t group = 0;  ///< events of one number are scheduled together
  bool leads = true;      ///< first of its group
};

class PerfCounters {
 public:
  /// Opens what can be opened. `events` must outlive it.
  PerfCounters(const PerfTarget& target, std::span<const PerfEventChoice> events);
  PerfCounters(const PerfCounters&) = delete;
  PerfCounters& operator=(const PerfCounters&) = delete;
  ~PerfCounters();

  /// What was counted since the last call, or since it was opened, one for each event.
  void read(double interval_s, std::span<PerfCount> counts);
  /// Of an event that is left out: why.
  [[nodiscard]] const std::vector<std::string>& refusals() const { return refusals_; }
  [[nodiscard]] bool any() const { return !open_.empty(); }
  [[nodiscard]] bool user_space_only() const { return user_only_; }

 private:
  struct Open {
    std::size_t event;
    Descriptor descriptor;
    double scale;
    std::uint64_t count = 0, enabled = 0, running = 0;  ///< as last read
    std::int64_t at_ns = 0;
  };
  void open_event(std::size_t index, std::size_t place, pid_t pid, int cpu, unsigned long flags,
                  std::vector<int>& leaders, std::vector<int>& failed);
  void open_everywhere(const PerfTarget& target);

  std::span<const PerfEventChoice> events_;
  std::vector<Open> open_;
  std::vector<std::string> refusals_;
  bool children_ = true;
  bool user_only_ = false;
};

/// Threads of a process; empty where it has ended.
std::vector<pid_t> threads_of(pid_t process);
/// What this process may count, in words: perf_event_paranoid, and whether it has CAP_PERFMON.
std::string counting_rights();

}  // namespace drst
