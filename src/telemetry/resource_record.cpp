#include "telemetry/resource_record.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace drst {

std::string to_json(const ResourceRecord& record) {
  nlohmann::ordered_json json;
  json["member"] = record.member;
  json["wall_s"] = record.wall_s;
  json["cpu_s"] = record.cpu_s;
  json["rss_peak_mib"] = record.rss_peak_mib;
  json["private_peak_mib"] = record.private_peak_mib;
  auto& samples = json["samples"] = nlohmann::ordered_json::array();
  for (const auto& sample : record.samples)
    samples.push_back({{"at_s", sample.at_s},
                       {"cpu_s", sample.cpu_s},
                       {"rss_mib", sample.rss_mib},
                       {"private_mib", sample.private_mib}});
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

ResourceRecord parse_resource_record(std::string_view text, const std::string& source) {
  ResourceRecord record;
  try {
    const auto json = nlohmann::json::parse(text);
    record.member = json.at("member").get<std::string>();
    record.wall_s = json.at("wall_s").get<double>();
    record.cpu_s = json.at("cpu_s").get<double>();
    record.rss_peak_mib = json.at("rss_peak_mib").get<double>();
    record.private_peak_mib = json.at("private_peak_mib").get<double>();
    for (const auto& sample : json.at("samples"))
      record.samples.push_back({sample.at("at_s").get<double>(), sample.at("cpu_s").get<double>(),
                                sample.at("rss_mib").get<double>(), sample.at("private_mib").get<double>()});
  } catch (const nlohmann::json::exception& error) {
    throw InputError(source + " does not say what a process used: " + error.what());
  }
  return record;
}

}  // namespace drst
