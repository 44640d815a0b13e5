#include "collect/processes.h"

#include <dirent.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "base/text.h"
#include "collect/perf_event.h"

namespace drst {

namespace {

constexpr std::uint64_t small_file = 1 << 16;

/// What /proc has of a process that ends meanwhile is as good as empty.
std::string proc_file(const std::string& pid, const char* name) {
  try {
    return read_file_if_exists("/proc/" + pid + "/" + name, small_file).value_or("");
  } catch (const Error&) {
    return {};
  }
}

}  // namespace

void ProcessTable::read(std::int64_t now_ns) {
  constexpr std::int64_t soon_ns = 3'000'000'000, seldom_ns = 10'000'000'000;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return;
  const pid_t self = ::getpid();
  while (const dirent* entry = ::readdir(proc.get())) {
    const auto number = parse_int(entry->d_name);
    if (!number || *number == self) continue;
    Known& known = known_[static_cast<pid_t>(*number)];
    if (known.first_ns == 0) known.first_ns = now_ns;
    known.seen_ns = now_ns;
    // A new process may be a fork that becomes another program yet.
    const bool young = now_ns - known.first_ns < soon_ns;
    if (known.read_ns != 0 && !young && now_ns - known.read_ns < seldom_ns) continue;
    known.read_ns = now_ns;
    known.program = std::string(trim(proc_file(entry->d_name, "comm")));
    const std::string command = proc_file(entry->d_name, "cmdline");
    const std::string_view first = std::string_view(command).substr(0, command.find('\0'));
    known.started_as = std::string(first.substr(first.rfind('/') + 1));  // npos + 1 is 0
  }
  std::erase_if(known_, [&](const auto& entry) { return entry.second.seen_ns != now_ns; });
}

std::vector<pid_t> ProcessTable::named(std::string_view name, std::int64_t now_ns) {
  constexpr std::int64_t fresh_ns = 800'000'000;
  constexpr std::size_t kernels_length = 15;
  if (read_ns_ == 0 || now_ns - read_ns_ >= fresh_ns) {
    read(now_ns);
    read_ns_ = now_ns;
  }
  std::vector<pid_t> found;
  for (const auto& [pid, known] : known_)
    if ((name.size() <= kernels_length && known.program == name) || known.started_as == name)
      found.push_back(pid);
  std::ranges::sort(found);
  return found;
}

pid_t process_of_file(const std::string& path) {
  try {
    const auto text = read_file_if_exists(path, small_file);
    const auto pid = text ? parse_int(trim(*text)) : std::nullopt;
    return pid && *pid > 0 && *pid <= (1 << 22) ? static_cast<pid_t>(*pid) : 0;
  } catch (const Error&) {
    return 0;
  }
}

std::string cgroup_folder(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  if (name.starts_with('/') && fs::is_directory(name, unknown)) return name;
  const std::string_view below = name.starts_with('/') ? std::string_view(name).substr(1) : name;
  for (const char* root : {"/sys/fs/cgroup/perf_event", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"})
    if (const fs::path folder = fs::path(root) / below; fs::is_directory(folder, unknown))
      return folder.string();
  return {};
}

std::vector<int> online_cpus() {
  const auto list = read_file_if_exists("/sys/devices/system/cpu/online", small_file);
  if (list) return parse_cpus(*list);
  std::vector<int> cpus(static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN))));
  std::iota(cpus.begin(), cpus.end(), 0);
  return cpus;
}

ProcessWatch::ProcessWatch(pid_t pid)
    : pid_(pid), descriptor_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))) {}

bool ProcessWatch::running() const {
  if (!descriptor_.valid()) return false;
  pollfd ended{descriptor_.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) == 0;
}

}  // namespace drst
