// Which processes a VNF is: by name, by a file with its process id, by control group. One thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/files.h"

namespace drst {

/// The processes of a name: as `pgrep -x` has it (the kernel's 15 characters of the program's name), or the
/// last part of the path by which the program was started. Ourselves are never among them.
std::vector<pid_t> processes_named(std::string_view name);
/// The number in a pid file; 0 where there is no such file or no number in it.
pid_t process_of_file(const std::string& path);
/// An absolute folder as it is, else below the perf_event controller or the unified hierarchy; "" where there
/// is none now.
std::string cgroup_folder(const std::string& name);
/// CPUs that are online.
std::vector<int> online_cpus();

/// Notices that a process has ended, whoever gets its number next (pidfd).
class ProcessWatch {
 public:
  explicit ProcessWatch(pid_t pid);
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] bool running() const;

 private:
  pid_t pid_;
  Descriptor descriptor_;
};

}  // namespace drst
