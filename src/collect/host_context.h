// What a chain was measured on: counters of another processor, governor or kernel are another world, and a
// model may not carry over. Reads /proc and /sys; what is not there is left out. Any thread.
#pragma once

#include <filesystem>
#include <string>

namespace drst {

/// JSON: {"kernel": ..., "cpu_model": ..., "cpus_online": n, "smt": bool, "governors": [...], "numa_nodes":
/// {"node0": "0-3"}, "hypervisor": bool, "memory_mib": n, "perf_event_paranoid": n, "pmus": [...]}. No names
/// of hosts or people. `root`: before /proc and /sys, for tests.
std::string host_context_json(const std::filesystem::path& root = "/");

}  // namespace drst
