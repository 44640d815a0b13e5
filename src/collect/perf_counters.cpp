#include "collect/perf_counters.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "collect/monotonic.h"

namespace drst {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint64_t cgroup_switches = 11;  // PERF_COUNT_SW_CGROUP_SWITCHES of Linux 5.13
constexpr int all_processes = -1, any_cpu = -1, no_group = -1;

int perf_event_open(perf_event_attr& attr, pid_t pid, int cpu, int group, unsigned long flags) {
  return static_cast<int>(
      ::syscall(SYS_perf_event_open, &attr, pid, cpu, group, flags | PERF_FLAG_FD_CLOEXEC));
}

std::string why(int error) {
  switch (error) {
    case ENOENT:
    case EOPNOTSUPP:
    case ENODEV:
    case ENOSYS:
      return "this machine does not count it (virtual machines often have no hardware counters)";
    case EACCES:
    case EPERM:
      return "not permitted: " + counting_rights();
    case EMFILE:
    case ENFILE:
      return "too many open files; raise `ulimit -n`, or count fewer events";
    case EBUSY:
      return "another user has reserved the counters";
    case ESRCH:
      return "the process has ended";
    default:
      return std::strerror(error);
  }
}

/// Never counted in user space.
bool raised_by_kernel(const perf_event_attr& attr) {
  return attr.type == PERF_TYPE_SOFTWARE &&
         (attr.config == PERF_COUNT_SW_CONTEXT_SWITCHES || attr.config == PERF_COUNT_SW_CPU_MIGRATIONS ||
          attr.config == cgroup_switches);
}

bool excludes_kernel(const perf_event_attr& attr) { return attr.exclude_kernel != 0; }

}  // namespace

std::vector<pid_t> threads_of(pid_t process) {
  std::vector<pid_t> threads;
  const std::string folder = "/proc/" + to_text(process) + "/task";
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  if (!open) return threads;
  while (const dirent* entry = ::readdir(open.get()))
    if (const auto thread = parse_int(entry->d_name)) threads.push_back(static_cast<pid_t>(*thread));
  return threads;
}

std::string counting_rights() {
  constexpr std::uint64_t most = 1 << 16;
  std::string level(trim(read_file_if_exists("/proc/sys/kernel/perf_event_paranoid", most).value_or("")));
  const std::string status = read_file_if_exists("/proc/self/status", most).value_or("");
  constexpr unsigned perfmon = 38, admin = 21;
  std::uint64_t held = 0;
  if (const auto at = status.find("CapEff:"); at != std::string::npos)
    held = std::strtoull(status.c_str() + at + 7, nullptr, 16);
  const bool capable = ((held >> perfmon) & 1) != 0 || ((held >> admin) & 1) != 0;
  if (level.empty()) return "this kernel has no perf events";
  return "kernel.perf_event_paranoid is " + level + ", CAP_PERFMON is " + (capable ? "held" : "not held") +
         (capable ? ""
                  : "; other users' processes need CAP_PERFMON and CAP_SYS_PTRACE (`setcap "
                    "cap_perfmon,cap_sys_ptrace+ep drst`), whole CPUs CAP_PERFMON or level 0, kernel time "
                    "level 1");
}

PerfCounters::PerfCounters(const PerfTarget& target, std::span<const PerfEventChoice> events)
    : events_(events), refusals_(events.size()), children_(target.with_children) {
  open_everywhere(target);
}

PerfCounters::~PerfCounters() = default;

void PerfCounters::open_everywhere(const PerfTarget& target) {
  struct Place {
    pid_t pid;
    int cpu;
    unsigned long flags;
  };
  std::vector<Place> places;
  Descriptor group;
  if (!target.cgroup_folder.empty()) {
    group = Descriptor(::open(target.cgroup_folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!group.valid()) {
      for (auto& refusal : refusals_) refusal = target.cgroup_folder + ": " + std::strerror(errno);
      return;
    }
    children_ = false;
    for (const int cpu : target.cpus) places.push_back({group.get(), cpu, PERF_FLAG_PID_CGROUP});
  } else if (!target.processes.empty()) {
    for (const pid_t process : target.processes)
      for (const pid_t thread : threads_of(process)) places.push_back({thread, any_cpu, 0});
  } else {
    for (const int cpu : target.cpus) places.push_back({all_processes, cpu, 0});
  }
  std::vector<int> failed(events_.size(), 0);
  std::vector<int> leaders;
  for (std::size_t place = 0; place < places.size(); ++place) {
    leaders.assign(events_.size(), no_group);
    for (std::size_t event = 0; event < events_.size(); ++event)
      open_event(event, place, places[place].pid, places[place].cpu, places[place].flags, leaders, failed);
  }
  for (std::size_t event = 0; event < events_.size(); ++event) {
    // A part would pass for the whole.
    const auto some = failed[event] == 0 ? std::ranges::count(open_, event, &Open::event)
                                         : static_cast<std::ptrdiff_t>(std::erase_if(
                                               open_, [&](const Open& open) { return open.event == event; }));
    if (failed[event] == EBADF && group.valid())
      refusals_[event] = target.cgroup_folder + " is no control group that perf can count";
    else if (failed[event] != 0)
      refusals_[event] = (some > 0 ? "could be opened in part only: " : "") + why(failed[event]);
    if (some == 0 && refusals_[event].empty()) refusals_[event] = why(ESRCH);
  }
}

void PerfCounters::open_event(std::size_t index, std::size_t place, pid_t pid, int cpu, unsigned long flags,
                              std::vector<int>& leaders, std::vector<int>& failed) {
  const PerfEventChoice& choice = events_[index];
  for (const PerfEventCode& code : choice.codes) {
    const bool of_task = cpu == any_cpu;
    // What no core counts belongs to a whole machine: once, on the CPU that its PMU names.
    if (!code.cpus.empty()) {
      if (of_task || flags != 0) {
        refusals_[index] = "its PMU counts whole machines, not processes; give the source cpus";
        continue;
      }
      if (place > 0) continue;
      cpu = code.cpus.front();
    }
    perf_event_attr attr = code.attr;
    attr.size = sizeof attr;
    attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    attr.inherit = of_task;
    attr.inherit_thread = of_task && !children_;
    const int leader = choice.leads || choice.codes.size() > 1 ? no_group : leaders[choice.group];
    int descriptor = perf_event_open(attr, pid, cpu, leader, flags);
    if (descriptor < 0 && (errno == EACCES || errno == EPERM) && !excludes_kernel(attr) &&
        !raised_by_kernel(attr)) {
      attr.exclude_kernel = 1;
      descriptor = perf_event_open(attr, pid, cpu, leader, flags);
      if (descriptor >= 0) user_only_ = true;
    }
    if (descriptor < 0 && leader != no_group) descriptor = perf_event_open(attr, pid, cpu, no_group, flags);
    if (descriptor < 0) {
      if (errno != ESRCH) failed[index] = errno;  // a thread may end meanwhile
      continue;
    }
    if (choice.leads) leaders[choice.group] = descriptor;
    open_.push_back({index, Descriptor(descriptor), code.scale});
    open_.back().at_ns = monotonic_ns();
  }
}

void PerfCounters::read(double interval_s, std::span<PerfCount> counts) {
  struct Sum {
    double count = 0, enabled = 0, running = 0, known_enabled = 0;
    bool early = false, any = false;
  };
  std::vector<Sum> sums(events_.size());
  for (Open& open : open_) {
    std::uint64_t now[3] = {};
    if (::read(open.descriptor.get(), now, sizeof now) != sizeof now) continue;
    const std::int64_t at_ns = monotonic_ns();
    const double seconds = static_cast<double>(at_ns - open.at_ns) * 1e-9;
    const auto count = static_cast<double>(now[0] - open.count),
               enabled = static_cast<double>(now[1] - open.enabled),
               running = static_cast<double>(now[2] - open.running);
    open.count = now[0];
    open.enabled = now[1];
    open.running = now[2];
    open.at_ns = at_ns;
    Sum& sum = sums[open.event];
    sum.any = true;
    // Less than half an interval since it was opened says little about the whole.
    if (seconds < 0.5 * interval_s) sum.early = true;
    sum.enabled += enabled;
    sum.running += running;
    if (running <= 0) continue;
    sum.known_enabled += enabled;
    sum.count += count * (enabled / running) * (interval_s / seconds) * open.scale;
  }
  for (std::size_t event = 0; event < events_.size(); ++event) {
    const Sum& sum = sums[event];
    counts[event] = {missing, missing};
    if (!sum.any || sum.early) continue;
    if (sum.enabled <= 0) {
      counts[event].count = 0;  // it did not run at all
    } else {
      counts[event].share = std::min(1.0, sum.running / sum.enabled);
      // Threads whose counters never had their turn are taken to be like the others.
      if (sum.known_enabled > 0) counts[event].count = sum.count * (sum.enabled / sum.known_enabled);
    }
  }
}

}  // namespace drst
