// CPU and memory of components, from /proc (Linux): process trees, and single threads of this process.
//
// A component is a process with all its descendants (commands run apart), a thread (components on threads of
// one process), or whatever a caller accounts by hand (components stepped in turn by one thread: see
// `add_cpu`). sample() reads /proc once; call it each TelemetrySettings::sample_interval_s. CPU of a
// descendant that ended between two samples counts through its parent's cutime. Reading never fails: what is
// gone or unreadable counts as nothing. One thread an instance.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace drst {

struct ResourceUsage {
  double cpu_s = 0;
  double rss_mib = 0, rss_peak_mib = 0;  ///< resident, mapped files included; of a thread: its process's
  /// Resident and shared with nobody, so without mapped log pages: what the component itself costs.
  double private_mib = 0, private_peak_mib = 0;
};

/// Of one process as it is now; zeros if it is gone.
ResourceUsage read_process(pid_t pid);
/// Of a process and its descendants.
ResourceUsage read_process_tree(pid_t root);

struct ThreadUsage {
  pid_t id = 0;
  std::string name;
  double cpu_s = 0;
};
/// The threads of this process.
std::vector<ThreadUsage> read_threads();
/// The kernel's id of the calling thread.
pid_t thread_id();
/// Seconds of CPU that the calling thread has used.
double thread_cpu_seconds();

class ResourceSampler {
 public:
  void watch_process(const std::string& component, pid_t root);
  /// A thread of this process.
  void watch_thread(const std::string& component, pid_t thread);
  /// CPU measured by the caller, for components that share a thread. Memory is this process's.
  void add_cpu(const std::string& component, double seconds);
  void sample();
  /// By component; CPU is what the last sample saw, peaks are over all samples.
  [[nodiscard]] const std::map<std::string, ResourceUsage>& usage() const { return usage_; }

 private:
  std::map<std::string, pid_t> processes_, threads_;
  std::map<std::string, ResourceUsage> usage_;
};

}  // namespace drst
