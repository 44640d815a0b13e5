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

/// All processes and what they are called, read anew once a second at most; of those that are known already
/// only their being there, but for every ten seconds, as a process may become another program.
class ProcessTable {
 public:
  /// The processes of a name: as `pgrep -x` has it (the kernel's 15 characters of the program's name), or the
  /// last part of the path by which the program was started. Ourselves are never among them. Ascending.
  std::vector<pid_t> named(std::string_view name, std::int64_t now_ns);

 private:
  struct Known {
    std::string program, started_as;
    std::int64_t first_ns = 0, read_ns = 0, seen_ns = 0;
  };
  void read(std::int64_t now_ns);

  std::unordered_map<pid_t, Known> known_;
  std::int64_t read_ns_ = 0;
};

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
