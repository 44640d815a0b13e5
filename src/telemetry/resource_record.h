// What a process used, for reports: results/resources/<member>.json, written when it ends.
//
// Of a member that was killed and started again it is the last life; what it used before died with it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "telemetry/resources.h"

namespace drst {

inline constexpr const char* resources_prefix = "results/resources/";

struct ResourceRecord {
  std::string member;
  double wall_s = 0;  ///< its life
  double cpu_s = 0;
  double rss_peak_mib = 0, private_peak_mib = 0;
  struct Sample {
    double at_s = 0;  ///< since it began
    double cpu_s = 0;
    double rss_mib = 0, private_mib = 0;
  };
  std::vector<Sample> samples;  ///< bounded: the longer the life, the wider apart
};
std::string to_json(const ResourceRecord& record);
/// InputError naming `source` if it is not such a record.
ResourceRecord parse_resource_record(std::string_view json, const std::string& source);

}  // namespace drst
