// DPDK's telemetry, version 2: a Unix socket of whole messages (SOCK_SEQPACKET), JSON both ways. Internal to
// this room. The parsers are pure; a client is for one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace drst {

/// Numbers by name, in the answer's order; lists (by queue) and texts are left out.
using DpdkValues = std::vector<std::pair<std::string, double>>;

/// The answer to `command` ("/ethdev/stats,0"; the part before the comma is the answer's key).
Result<DpdkValues> parse_dpdk_answer(std::string_view json, std::string_view command);
/// The process id that a server tells who connects; 0 if it tells none.
Result<std::int64_t> parse_dpdk_greeting(std::string_view json);

class DpdkClient {
 public:
  DpdkClient(std::string path, std::size_t most_bytes) : path_(std::move(path)), most_bytes_(most_bytes) {}

  /// Connects if need be, and again where the server had gone. After a failure the connection is closed, so
  /// that no late answer is taken for another's.
  Result<DpdkValues> ask(const std::string& command, std::int64_t deadline_ns);
  /// Of the server that answered last; another one counts from 0.
  [[nodiscard]] std::int64_t pid() const { return pid_; }

 private:
  Result<void> connect(std::int64_t deadline_ns);
  Result<DpdkValues> exchange(const std::string& command, std::int64_t deadline_ns);
  Result<std::string> receive(std::int64_t deadline_ns);

  std::string path_;
  std::size_t most_bytes_;
  Descriptor socket_;
  std::int64_t pid_ = 0;
  bool gone_ = false;  ///< the server has closed the connection
};

}  // namespace drst
