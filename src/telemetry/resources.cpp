#include "telemetry/resources.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/files.h"
#include "base/text.h"

namespace drst {

namespace {
namespace fs = std::filesystem;

/// A file of /proc; empty if it is gone.
std::string read_proc(const fs::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char buffer[4096];
  while (file.valid()) {
    const auto got = ::read(file.get(), buffer, sizeof buffer);
    if (got <= 0) break;
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

struct Stat {
  std::string name;
  pid_t parent = 0;
  double own_cpu_s = 0;       // utime + stime
  double children_cpu_s = 0;  // cutime + cstime: of children that ended and were waited for
};

/// /proc/<pid>/stat (proc(5)); the name stands in brackets and may hold anything, brackets and blanks
/// included.
std::optional<Stat> parse_stat(std::string_view text) {
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return std::nullopt;
  Stat stat;
  stat.name = text.substr(open + 1, close - open - 1);
  std::vector<std::string_view> fields;  // [0] is field 3 of proc(5)
  for (auto rest = text.substr(close + 1); !rest.empty();) {
    const auto first = rest.find_first_not_of(" \n");
    if (first == std::string_view::npos) break;
    rest.remove_prefix(first);
    const auto end = std::min(rest.find_first_of(" \n"), rest.size());
    fields.push_back(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  if (fields.size() < 15) return std::nullopt;
  static const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto number = [&](std::size_t index) { return parse_int(fields[index]).value_or(0); };
  stat.parent = static_cast<pid_t>(number(1));
  stat.own_cpu_s = static_cast<double>(number(11) + number(12)) / ticks;
  stat.children_cpu_s = static_cast<double>(number(13) + number(14)) / ticks;
  return stat;
}

/// "Name:   123 kB" of status or smaps_rollup, in MiB.
double kib_field(std::string_view text, std::string_view name) {
  const auto at = text.find(name);
  if (at == std::string_view::npos) return 0;
  text.remove_prefix(at + name.size());
  const auto first = text.find_first_of("0123456789");
  if (first == std::string_view::npos) return 0;
  text.remove_prefix(first);
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  return static_cast<double>(parse_int(text.substr(0, end)).value_or(0)) / 1024;
}

fs::path proc_folder(pid_t pid) { return fs::path("/proc") / to_text(static_cast<int64_t>(pid)); }

void add_memory(ResourceUsage& usage, pid_t pid) {
  // smaps_rollup walks the page tables once; it is missing on old kernels and for other users' processes.
  const auto rollup = read_proc(proc_folder(pid) / "smaps_rollup");
  if (!rollup.empty()) {
    usage.rss_mib += kib_field(rollup, "\nRss:");
    usage.private_mib += kib_field(rollup, "\nPrivate_Clean:") + kib_field(rollup, "\nPrivate_Dirty:");
    return;
  }
  const auto status = read_proc(proc_folder(pid) / "status");
  usage.rss_mib += kib_field(status, "\nVmRSS:");
  usage.private_mib += kib_field(status, "\nRssAnon:");
}

void set_peaks(ResourceUsage& usage) {
  usage.rss_peak_mib = std::max(usage.rss_peak_mib, usage.rss_mib);
  usage.private_peak_mib = std::max(usage.private_peak_mib, usage.private_mib);
}
}  // namespace

double thread_cpu_seconds() {
  timespec used{};
  if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

pid_t thread_id() { return static_cast<pid_t>(::syscall(SYS_gettid)); }

ResourceUsage read_process(pid_t pid) {
  ResourceUsage usage;
  if (const auto stat = parse_stat(read_proc(proc_folder(pid) / "stat")))
    usage.cpu_s = stat->own_cpu_s + stat->children_cpu_s;
  add_memory(usage, pid);
  set_peaks(usage);
  // What the kernel saw, between two readings, too. Not ru_maxrss, which a program inherits from whoever
  // started it.
  usage.rss_peak_mib =
      std::max(usage.rss_peak_mib, kib_field(read_proc(proc_folder(pid) / "status"), "\nVmHWM:"));
  return usage;
}

ResourceUsage read_process_tree(pid_t root) {
  // The whole table once: children files need a kernel option, and a list of parents cannot miss a
  // grandchild.
  std::map<pid_t, std::vector<pid_t>> children;
  std::map<pid_t, Stat> stats;
  std::error_code gone;
  for (fs::directory_iterator entry("/proc", gone), end; !gone && entry != end; entry.increment(gone)) {
    const auto pid = parse_int(entry->path().filename().string());
    if (!pid) continue;
    if (auto stat = parse_stat(read_proc(entry->path() / "stat"))) {
      children[stat->parent].push_back(static_cast<pid_t>(*pid));
      stats.emplace(static_cast<pid_t>(*pid), std::move(*stat));
    }
  }
  ResourceUsage usage;
  std::vector<pid_t> open{root};
  while (!open.empty()) {
    const pid_t pid = open.back();
    open.pop_back();
    const auto found = stats.find(pid);
    if (found == stats.end()) continue;
    usage.cpu_s += found->second.own_cpu_s + found->second.children_cpu_s;
    add_memory(usage, pid);
    const auto next = children.find(pid);
    if (next != children.end()) open.insert(open.end(), next->second.begin(), next->second.end());
  }
  set_peaks(usage);
  return usage;
}

std::vector<ThreadUsage> read_threads() {
  std::vector<ThreadUsage> threads;
  std::error_code gone;
  for (fs::directory_iterator entry("/proc/self/task", gone), end; !gone && entry != end;
       entry.increment(gone)) {
    const auto id = parse_int(entry->path().filename().string());
    const auto stat = parse_stat(read_proc(entry->path() / "stat"));
    if (id && stat) threads.push_back({static_cast<pid_t>(*id), stat->name, stat->own_cpu_s});
  }
  return threads;
}

void ResourceSampler::watch_process(const std::string& component, pid_t root) {
  processes_[component] = root;
  usage_[component];
}

void ResourceSampler::watch_thread(const std::string& component, pid_t thread) {
  threads_[component] = thread;
  usage_[component];
}

void ResourceSampler::add_cpu(const std::string& component, double seconds) {
  usage_[component].cpu_s += seconds;
}

void ResourceSampler::sample() {
  // Of whatever shares this process.
  const auto self = usage_.size() > processes_.size() ? read_process(::getpid()) : ResourceUsage();
  const auto threads = threads_.empty() ? std::vector<ThreadUsage>() : read_threads();
  for (auto& [component, usage] : usage_) {
    if (const auto process = processes_.find(component); process != processes_.end()) {
      const auto now = read_process_tree(process->second);
      if (now.rss_mib == 0 && now.cpu_s == 0) {  // it has ended: what it used stays
        usage.rss_mib = usage.private_mib = 0;
        continue;
      }
      usage.cpu_s = std::max(usage.cpu_s, now.cpu_s);
      usage.rss_mib = now.rss_mib;
      usage.private_mib = now.private_mib;
    } else {
      if (const auto thread = threads_.find(component); thread != threads_.end())
        for (const auto& one : threads)
          if (one.id == thread->second) usage.cpu_s = std::max(usage.cpu_s, one.cpu_s);
      usage.rss_mib = self.rss_mib;
      usage.private_mib = self.private_mib;
    }
    set_peaks(usage);
  }
}

}  // namespace drst
