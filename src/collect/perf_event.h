// Names of counters, as `perf list` spells them, to what the kernel's perf_event_open takes.
//
// Known are the kernel's own events (perf_event.h of Linux: hardware, caches, software), raw ones (`r01c2`),
// and those of any PMU by its sysfs folder: `cpu/event=0x3c,umask=0x1/`, `power/energy-pkg/`. Modifiers as
// perf has them: u, k, h (user, kernel, hypervisor only), G, H (guest, host only), p (precise). On hybrid
// processors a hardware event is one of each core PMU, to be summed. libpfm would know vendors' names, too,
// but not sysfs PMUs or hybrid ones; perf itself prints those names by `perf list`. Pure but for reading
// sysfs; any thread.
#pragma once

#include <linux/perf_event.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace drst {

struct PerfEventCode {
  perf_event_attr attr{};  ///< type, config and what modifiers exclude; the rest is the caller's
  double scale = 1;        ///< the unit of a count (energy counters)
  std::vector<int> cpus;   ///< where a PMU that is no core's must be opened (uncore); empty: anywhere
};

/// One code, or one of each hybrid core PMU. InputError with near names where there is no such event.
std::vector<PerfEventCode> encode_event(
    std::string_view spelled, const std::filesystem::path& devices = "/sys/bus/event_source/devices");

/// "0-3,8" -> 0, 1, 2, 3, 8, as sysfs and perf write lists of CPUs. InputError for anything else.
std::vector<int> parse_cpus(std::string_view list);

/// An entry of `events`: one event, or several in braces, "{cycles,instructions}:u", which the kernel
/// schedules together. Modifiers behind the brace are those of each event that has none.
std::vector<std::string> parse_event_group(std::string_view entry);

}  // namespace drst
