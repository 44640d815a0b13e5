// A network interface as the kernel counts it. Internal to this room: what tests put in other places.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "collect/source.h"

namespace drst {

/// What `ethtool -S` shows, in the driver's order; names may come twice.
struct DriverStatistics {
  std::vector<std::pair<std::string, std::uint64_t>> values;
  std::string words;  ///< why there are none
};
DriverStatistics read_driver_statistics(const std::string& interface);

struct NicPlaces {
  std::filesystem::path interfaces = "/sys/class/net";
  /// Asked on a thread of its own: the kernel waits for drivers that are being reset.
  std::function<DriverStatistics(const std::string& interface)> driver = read_driver_statistics;
};
std::unique_ptr<Source> make_nic_source(const SourceSpec& spec, const CollectSettings& settings,
                                        const NicPlaces& places);

}  // namespace drst
