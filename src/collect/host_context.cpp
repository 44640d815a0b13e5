#include "collect/host_context.h"

#include <sys/utsname.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "collect/perf_event.h"

namespace drst {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string text_of(const fs::path& path) {
  constexpr std::uint64_t most = 16 << 20;  // /proc/cpuinfo of a large machine
  try {
    return std::string(trim(read_file_if_exists(path, most).value_or("")));
  } catch (const Error&) {
    return {};
  }
}

/// "model name : X" of /proc/cpuinfo and the like; "" without.
std::string field(std::string_view text, std::string_view name) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && trim(line.substr(0, colon)) == name)
      return std::string(trim(line.substr(colon + 1)));
  }
  return {};
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code unknown;
  for (const auto& entry : fs::directory_iterator(folder, unknown))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

void put_number(Json& json, const char* name, const std::string& text) {
  if (const auto number = parse_int(text)) json[name] = *number;
}

}  // namespace

std::string host_context_json(const fs::path& root) {
  Json json;
  utsname kernel{};
  if (::uname(&kernel) == 0) {
    json["kernel"] = kernel.release;
    json["architecture"] = kernel.machine;
  }
  const std::string cpuinfo = text_of(root / "proc/cpuinfo");
  if (const auto model = field(cpuinfo, "model name"); !model.empty()) json["cpu_model"] = model;
  if (const auto flags = field(cpuinfo, "flags"); !flags.empty())
    json["hypervisor"] = (" " + flags + " ").find(" hypervisor ") != std::string::npos;
  const fs::path cpus = root / "sys/devices/system/cpu";
  try {
    const auto online = parse_cpus(text_of(cpus / "online"));
    json["cpus_online"] = online.size();
    std::set<std::string> governors;
    for (const int cpu : online)
      if (auto governor = text_of(cpus / ("cpu" + to_text(cpu)) / "cpufreq/scaling_governor");
          !governor.empty())
        governors.insert(std::move(governor));
    if (!governors.empty()) json["governors"] = governors;
  } catch (const InputError&) {  // no such file: nothing is known
  }
  if (const auto smt = text_of(cpus / "smt/active"); !smt.empty()) json["smt"] = smt == "1";
  if (const auto isolated = text_of(cpus / "isolated"); !isolated.empty()) json["cpus_isolated"] = isolated;
  const fs::path nodes = root / "sys/devices/system/node";
  for (const auto& name : names_in(nodes))
    if (name.starts_with("node") && parse_int(name.substr(4)))
      json["numa_nodes"][name] = text_of(nodes / name / "cpulist");
  if (const auto memory = field(text_of(root / "proc/meminfo"), "MemTotal"); !memory.empty())
    if (const auto kib = parse_int(memory.substr(0, memory.find(' ')))) json["memory_mib"] = *kib / 1024;
  put_number(json, "perf_event_paranoid", text_of(root / "proc/sys/kernel/perf_event_paranoid"));
  if (const auto pmus = names_in(root / "sys/bus/event_source/devices"); !pmus.empty()) json["pmus"] = pmus;
  return json.dump(1);
}

}  // namespace drst
