#include "collect/perf_event.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "measure/perf_series.h"

namespace drst {

namespace {

namespace fs = std::filesystem;

struct Known {
  std::string_view name;
  std::uint32_t type;
  std::uint64_t config;
};

constexpr std::array<Known, 27> plain_events = {{
    {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {"cpu-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {"cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES},
    {"cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
    {"branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
    {"branch-instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
    {"branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
    {"bus-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES},
    {"stalled-cycles-frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND},
    {"idle-cycles-frontend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_FRONTEND},
    {"stalled-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND},
    {"idle-cycles-backend", PERF_TYPE_HARDWARE, PERF_COUNT_HW_STALLED_CYCLES_BACKEND},
    {"ref-cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_REF_CPU_CYCLES},
    {"cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK},
    {"task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK},
    {"page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    {"faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS},
    {"context-switches", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
    {"cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES},
    {"cpu-migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
    {"migrations", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_MIGRATIONS},
    {"minor-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MIN},
    {"major-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS_MAJ},
    {"alignment-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_ALIGNMENT_FAULTS},
    {"emulation-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_EMULATION_FAULTS},
    {"cgroup-switches", PERF_TYPE_SOFTWARE, 11 /* PERF_COUNT_SW_CGROUP_SWITCHES of Linux 5.13 */},
}};

struct Cache {
  std::string_view name;
  std::uint64_t id;
};
constexpr std::array<Cache, 7> caches = {{
    {"L1-dcache", PERF_COUNT_HW_CACHE_L1D},
    {"L1-icache", PERF_COUNT_HW_CACHE_L1I},
    {"LLC", PERF_COUNT_HW_CACHE_LL},
    {"dTLB", PERF_COUNT_HW_CACHE_DTLB},
    {"iTLB", PERF_COUNT_HW_CACHE_ITLB},
    {"branch", PERF_COUNT_HW_CACHE_BPU},
    {"node", PERF_COUNT_HW_CACHE_NODE},
}};
struct CacheUse {
  std::string_view name;
  std::uint64_t operation, result;
};
constexpr std::array<CacheUse, 6> cache_uses = {{
    {"loads", PERF_COUNT_HW_CACHE_OP_READ, PERF_COUNT_HW_CACHE_RESULT_ACCESS},
    {"load-misses", PERF_COUNT_HW_CACHE_OP_READ, PERF_COUNT_HW_CACHE_RESULT_MISS},
    {"stores", PERF_COUNT_HW_CACHE_OP_WRITE, PERF_COUNT_HW_CACHE_RESULT_ACCESS},
    {"store-misses", PERF_COUNT_HW_CACHE_OP_WRITE, PERF_COUNT_HW_CACHE_RESULT_MISS},
    {"prefetches", PERF_COUNT_HW_CACHE_OP_PREFETCH, PERF_COUNT_HW_CACHE_RESULT_ACCESS},
    {"prefetch-misses", PERF_COUNT_HW_CACHE_OP_PREFETCH, PERF_COUNT_HW_CACHE_RESULT_MISS},
}};

std::optional<std::pair<std::uint32_t, std::uint64_t>> kernel_event(std::string_view name) {
  for (const auto& known : plain_events)
    if (known.name == name) return std::pair(known.type, known.config);
  for (const auto& cache : caches) {
    if (!name.starts_with(cache.name) || name.size() <= cache.name.size() || name[cache.name.size()] != '-')
      continue;
    for (const auto& use : cache_uses)
      if (name.substr(cache.name.size() + 1) == use.name)
        return std::pair(std::uint32_t{PERF_TYPE_HW_CACHE},
                         cache.id | (use.operation << 8) | (use.result << 16));
  }
  return std::nullopt;
}

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  names.reserve(plain_events.size() + caches.size() * cache_uses.size());
  for (const auto& known : plain_events) names.emplace_back(known.name);
  for (const auto& cache : caches)
    for (const auto& use : cache_uses) names.push_back(std::string(cache.name) + "-" + std::string(use.name));
  return names;
}

std::optional<std::uint64_t> number(std::string_view text, int base = 10) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

[[noreturn]] void refuse(std::string_view spelled, const std::string& why) {
  throw InputError("event '" + std::string(spelled) + "': " + why);
}

void apply_modifiers(perf_event_attr& attr, std::string_view spelled, std::string_view modifiers) {
  bool any_level = false, any_side = false, user = false, kernel = false, hypervisor = false, guest = false,
       host = false;
  unsigned precise = 0;
  for (const char c : modifiers) switch (c) {
      case 'u':
        any_level = user = true;
        break;
      case 'k':
        any_level = kernel = true;
        break;
      case 'h':
        any_level = hypervisor = true;
        break;
      case 'G':
        any_side = guest = true;
        break;
      case 'H':
        any_side = host = true;
        break;
      case 'p':
        ++precise;
        break;
      default:
        refuse(spelled, std::string("modifier '") + c + "' is not known; known: u, k, h, G, H, p");
    }
  if (precise > 3) refuse(spelled, "at most three p");
  if (any_level) {
    attr.exclude_user = !user;
    attr.exclude_kernel = !kernel;
    attr.exclude_hv = !hypervisor;
  }
  if (any_side) {
    attr.exclude_guest = !guest;
    attr.exclude_host = !host;
  }
  attr.precise_ip = precise & 3U;
}

std::string trimmed_file(const fs::path& path) {
  constexpr std::uint64_t most = 1 << 16;
  return std::string(trim(read_file_if_exists(path, most).value_or("")));
}

/// One word of a PMU's format: "config:0-7,21", which bits of which word it goes to.
void put_term(perf_event_attr& attr, std::string_view spelled, const std::string& format,
              std::string_view term, std::uint64_t value) {
  const std::size_t colon = format.find(':');
  const std::string word = format.substr(0, colon);
  __u64* target = word == "config"    ? &attr.config
                  : word == "config1" ? &attr.config1
                  : word == "config2" ? &attr.config2
                                      : nullptr;
  if (target == nullptr || colon == std::string::npos)
    refuse(spelled, "this kernel describes '" + std::string(term) + "' as '" + format +
                        "', which is not understood here");
  std::uint64_t rest = value;
  std::string_view ranges = std::string_view(format).substr(colon + 1);
  while (!ranges.empty()) {
    const std::string_view range = ranges.substr(0, ranges.find(','));
    ranges.remove_prefix(std::min(ranges.size(), range.size() + 1));
    const std::size_t dash = range.find('-');
    const auto first = number(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : number(range.substr(dash + 1));
    if (!first || !last || *first > *last || *last > 63)
      refuse(spelled, "this kernel describes '" + std::string(term) + "' as '" + format + "'");
    for (std::uint64_t bit = *first; bit <= *last; ++bit, rest >>= 1) *target |= (rest & 1) << bit;
  }
  if (rest != 0) refuse(spelled, "'" + std::string(term) + "' is too large a number for this event");
}

bool plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos;
}

/// "event=0x3c,umask=0x1,inv" by the formats of `folder`; a name of its events is replaced by its terms.
void put_terms(PerfEventCode& code, const fs::path& folder, std::string_view spelled, std::string_view terms,
               bool names_allowed) {
  while (!terms.empty()) {
    const std::string_view part = terms.substr(0, terms.find(','));
    terms.remove_prefix(std::min(terms.size(), part.size() + 1));
    const std::size_t equals = part.find('=');
    const std::string_view term = part.substr(0, equals);
    if (!plain_name(term)) refuse(spelled, "'" + std::string(part) + "' is no term of an event");
    if (term == "config" || term == "config1" || term == "config2") {
      const auto value = equals == std::string_view::npos ? std::nullopt : number(part.substr(equals + 1));
      if (!value) refuse(spelled, "'" + std::string(part) + "' needs a number");
      (term == "config"    ? code.attr.config
       : term == "config1" ? code.attr.config1
                           : code.attr.config2) = *value;
      continue;
    }
    const std::string format = trimmed_file(folder / "format" / term);
    if (!format.empty()) {
      const auto value = equals == std::string_view::npos ? std::optional<std::uint64_t>(1)
                                                          : number(part.substr(equals + 1));
      if (!value) refuse(spelled, "'" + std::string(part) + "' needs a number");
      put_term(code.attr, spelled, format, term, *value);
      continue;
    }
    const std::string alias = names_allowed ? trimmed_file(folder / "events" / term) : std::string();
    if (alias.empty()) {
      std::vector<std::string> names;
      std::error_code unknown;
      for (const auto* part_of : {"events", "format"})
        for (const auto& entry : fs::directory_iterator(folder / part_of, unknown))
          names.push_back(entry.path().filename().string());
      refuse(spelled, "PMU " + folder.filename().string() + " has no event or term '" + std::string(term) +
                          "'" + did_you_mean(term, names));
    }
    put_terms(code, folder, spelled, alias, false);
    if (const auto scale = parse_double(trimmed_file(folder / "events" / (std::string(term) + ".scale"))))
      code.scale = *scale;
  }
}

PerfEventCode pmu_event(std::string_view spelled, const EventSpelling& parts, const fs::path& devices) {
  const fs::path folder = devices / parts.pmu;
  const std::string type = plain_name(parts.pmu) ? trimmed_file(folder / "type") : std::string();
  const auto id = number(type);
  if (!id) {
    std::vector<std::string> names;
    std::error_code unknown;
    for (const auto& entry : fs::directory_iterator(devices, unknown))
      names.push_back(entry.path().filename().string());
    refuse(spelled, "this machine has no PMU '" + std::string(parts.pmu) + "'; it has " + join(names));
  }
  PerfEventCode code;
  code.attr.type = static_cast<std::uint32_t>(*id);
  if (const std::string mask = trimmed_file(folder / "cpumask"); !mask.empty()) code.cpus = parse_cpus(mask);
  const bool named = std::filesystem::exists(folder / "events" / parts.event);
  // cpu_core/cycles/: the kernel's own name on one of several core PMUs.
  if (const auto kernel = kernel_event(parts.event);
      kernel && !named && kernel->first != PERF_TYPE_SOFTWARE) {
    code.attr.type = kernel->first;
    code.attr.config = kernel->second | (*id << PERF_PMU_TYPE_SHIFT);
  } else {
    put_terms(code, folder, spelled, parts.event, true);
  }
  apply_modifiers(code.attr, spelled, parts.modifiers);
  return code;
}

/// Types of core PMUs where there are several, "cpu_core" and "cpu_atom" for instance.
std::vector<std::uint64_t> hybrid_types(const fs::path& devices) {
  std::vector<std::uint64_t> types;
  std::error_code unknown;
  for (const auto& entry : fs::directory_iterator(devices, unknown)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("cpu_") || !fs::exists(entry.path() / "cpus", unknown)) continue;
    if (const auto type = number(trimmed_file(entry.path() / "type"))) types.push_back(*type);
  }
  std::ranges::sort(types);
  return types;
}

}  // namespace

std::vector<PerfEventCode> encode_event(std::string_view spelled, const fs::path& devices) {
  const EventSpelling parts = parse_event(spelled);
  if (!parts.pmu.empty()) return {pmu_event(spelled, parts, devices)};
  PerfEventCode code;
  if (const auto kernel = kernel_event(parts.event)) {
    code.attr.type = kernel->first;
    code.attr.config = kernel->second;
    // Nanoseconds for the kernel, milliseconds for `perf stat`, and so in tables.
    if (parts.event == "task-clock" || parts.event == "cpu-clock") code.scale = 1e-6;
    apply_modifiers(code.attr, spelled, parts.modifiers);
    const auto hybrid =
        code.attr.type == PERF_TYPE_SOFTWARE ? std::vector<std::uint64_t>() : hybrid_types(devices);
    if (hybrid.size() < 2) return {code};
    std::vector<PerfEventCode> codes;
    for (const std::uint64_t type : hybrid) {
      codes.push_back(code);
      codes.back().attr.config |= type << PERF_PMU_TYPE_SHIFT;
    }
    return codes;
  }
  if (parts.event.size() > 1 && parts.event.front() == 'r')
    if (const auto raw = number(parts.event.substr(1), 16)) {
      code.attr.type = PERF_TYPE_RAW;
      code.attr.config = *raw;
      apply_modifiers(code.attr, spelled, parts.modifiers);
      return {code};
    }
  refuse(spelled, "not known" + did_you_mean(parts.event, known_names()) +
                      "; `perf list` shows names, a vendor's own are written as PMU/event/ or rNNN");
}

std::vector<int> parse_cpus(std::string_view list) {
  std::vector<int> cpus;
  std::string_view rest = trim(list);
  constexpr std::uint64_t most = 65'535;
  while (!rest.empty()) {
    const std::string_view range = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), range.size() + 1));
    const std::size_t dash = range.find('-');
    const auto first = number(trim(range.substr(0, dash)));
    const auto last = dash == std::string_view::npos ? first : number(trim(range.substr(dash + 1)));
    if (!first || !last || *first > *last || *last > most) cpus.clear();
    if (!first || !last || *first > *last || *last > most) break;
    for (std::uint64_t cpu = *first; cpu <= *last; ++cpu) cpus.push_back(static_cast<int>(cpu));
  }
  if (cpus.empty()) throw InputError("'" + std::string(list) + "' is no list of CPUs; write it as 0-3,8");
  std::ranges::sort(cpus);
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::vector<std::string> parse_event_group(std::string_view entry) {
  if (!entry.starts_with('{')) return {std::string(entry)};
  const std::size_t close = entry.find('}');
  const std::string_view behind = close == std::string_view::npos ? "" : entry.substr(close + 1);
  if (close == std::string_view::npos || !(behind.empty() || behind.starts_with(':')))
    throw InputError("'" + std::string(entry) +
                     "' is no group of events; write it as {cycles,instructions}:u");
  std::vector<std::string> events;
  std::string_view inner = entry.substr(1, close - 1);
  bool in_pmu = false;  // a comma between the slashes of cpu/event=1,umask=2/ separates no events
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= inner.size(); ++i) {
    if (i < inner.size() && inner[i] == '/') in_pmu = !in_pmu;
    if (i < inner.size() && (inner[i] != ',' || in_pmu)) continue;
    std::string event(trim(inner.substr(begin, i - begin)));
    if (event.empty()) throw InputError("'" + std::string(entry) + "': an event without a name");
    if (parse_event(event).modifiers.empty() && !behind.empty())
      event += event.back() == '/' ? behind.substr(1) : behind;
    events.push_back(std::move(event));
    begin = i + 1;
  }
  return events;
}

}  // namespace drst
