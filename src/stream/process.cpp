#include "stream/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/text.h"

namespace drst {

namespace {

struct ProcessStat {
  char state = '?';
  uint64_t start = 0;
};

/// From /proc/<id>/stat: "id (command) state ppid ... starttime", of which the command may hold anything.
std::optional<ProcessStat> read_stat(uint64_t id) {
  const Descriptor file(::open(("/proc/" + to_text(id) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return std::nullopt;
  char buffer[2048];
  const ssize_t size = ::read(file.get(), buffer, sizeof buffer);
  if (size <= 0) return std::nullopt;
  std::string_view text(buffer, static_cast<std::size_t>(size));
  const auto close = text.rfind(") ");
  if (close == std::string_view::npos) return std::nullopt;
  text.remove_prefix(close + 2);
  if (text.empty()) return std::nullopt;
  ProcessStat stat{.state = text.front()};
  constexpr int fields_from_state_to_start = 19;  // fields 3 to 22 of proc(5)
  for (int i = 0; i < fields_from_state_to_start; ++i) {
    const auto blank = text.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    text.remove_prefix(blank + 1);
  }
  const auto start = parse_int(text.substr(0, text.find(' ')));
  if (!start) return std::nullopt;
  stat.start = static_cast<uint64_t>(*start);
  return stat;
}

}  // namespace

HolderId this_process() {
  const auto id = static_cast<uint64_t>(::getpid());
  const auto stat = read_stat(id);
  return {id, stat ? stat->start : 0};
}

bool process_alive(const HolderId& holder) {
  const auto stat = read_stat(holder.id);
  return stat && stat->start == holder.start && stat->state != 'Z' && stat->state != 'X';
}

}  // namespace drst
