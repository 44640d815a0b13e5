#include "collect/processes.h"

#include <dirent.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

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

bool is_named(const std::string& pid, std::string_view name) {
  constexpr std::size_t kernels_length = 15;
  const std::string comm = proc_file(pid, "comm");
  const std::string_view program = trim(comm);
  if (program == name.substr(0, kernels_length) && name.size() <= kernels_length) return true;
  const std::string command = proc_file(pid, "cmdline");
  const std::string_view first = std::string_view(command).substr(0, command.find('\0'));
  const std::size_t slash = first.rfind('/');
  return (slash == std::string_view::npos ? first : first.substr(slash + 1)) == name;
}

}  // namespace

std::vector<pid_t> processes_named(std::string_view name) {
  std::vector<pid_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return found;
  const pid_t self = ::getpid();
  while (const dirent* entry = ::readdir(proc.get())) {
    const auto pid = parse_int(entry->d_name);
    if (!pid || *pid == self) continue;
    if (is_named(entry->d_name, name)) found.push_back(static_cast<pid_t>(*pid));
  }
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

std::vector<int> online_cpus() { return parse_cpus(read_file("/sys/devices/system/cpu/online", small_file)); }

ProcessWatch::ProcessWatch(pid_t pid)
    : pid_(pid), descriptor_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))) {}

bool ProcessWatch::running() const {
  if (!descriptor_.valid()) return false;
  pollfd ended{descriptor_.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) == 0;
}

}  // namespace drst
