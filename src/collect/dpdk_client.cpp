#include "collect/dpdk_client.h"

#include <poll.h>
#include <simdjson.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <system_error>

#include "base/text.h"
#include "collect/asking.h"

namespace drst {

namespace {

std::string errno_words(int code) { return std::generic_category().message(code); }

constexpr std::size_t most_values = 65'536;

/// The document's object, or why there is none. `parser` must outlive what is returned.
Result<simdjson::dom::object> object_of(simdjson::dom::parser& parser, std::string_view json) {
  simdjson::dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS)
    return failure("its answer is no JSON object");
  return object;
}

}  // namespace

Result<DpdkValues> parse_dpdk_answer(std::string_view json, std::string_view command) {
  simdjson::dom::parser parser;
  const auto root = object_of(parser, json);
  if (!root) return tl::unexpected(root.error());
  const auto key = command.substr(0, command.find(','));
  simdjson::dom::element answer;
  if (root->at_key(key).get(answer) != simdjson::SUCCESS)
    return failure("its answer is not to " + std::string(key));
  if (answer.is_null()) return failure("it has no such port, or knows no " + std::string(key));
  simdjson::dom::object values;
  if (answer.get(values) != simdjson::SUCCESS) return failure("its answer holds no values by name");
  DpdkValues found;
  for (const auto [name, value] : values) {
    double number = 0;
    if (value.get_double().get(number) != simdjson::SUCCESS || !std::isfinite(number)) continue;
    if (found.size() < most_values) found.emplace_back(std::string(name), number);
  }
  return found;
}

Result<std::int64_t> parse_dpdk_greeting(std::string_view json) {
  simdjson::dom::parser parser;
  const auto root = object_of(parser, json);
  if (!root) return tl::unexpected(root.error());
  std::int64_t pid = 0;
  if (root->at_key("pid").get(pid) != simdjson::SUCCESS) pid = 0;
  return pid;
}

Result<DpdkValues> DpdkClient::ask(const std::string& command, std::int64_t deadline_ns) {
  const bool old = socket_.valid();
  gone_ = false;
  auto answer = exchange(command, deadline_ns);
  if (!answer && old && gone_) answer = exchange(command, deadline_ns);  // it was started again
  return answer;
}

Result<DpdkValues> DpdkClient::exchange(const std::string& command, std::int64_t deadline_ns) {
  if (!socket_.valid()) {
    if (const auto connected = connect(deadline_ns); !connected) {
      socket_ = Descriptor();
      return tl::unexpected(connected.error());
    }
  }
  const ssize_t sent = ::send(socket_.get(), command.data(), command.size(), MSG_NOSIGNAL);
  Result<std::string> answer;
  if (sent != static_cast<ssize_t>(command.size())) {
    gone_ = sent < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN);
    answer = failure("cannot ask at " + path_ + ": " + errno_words(errno));
  } else {
    answer = receive(deadline_ns);
  }
  if (!answer) {
    socket_ = Descriptor();
    return tl::unexpected(answer.error());
  }
  auto values = parse_dpdk_answer(*answer, command);
  if (!values) {
    socket_ = Descriptor();
    return failure(path_ + ": " + values.error().reason);
  }
  return values;
}

Result<void> DpdkClient::connect(std::int64_t deadline_ns) {
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  if (path_.size() >= sizeof address.sun_path)
    return failure("the path " + path_ + " is too long for a socket");
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  socket_ = Descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_.valid() ||
      ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failure("cannot connect to " + path_ + ": " + errno_words(errno));
  const auto greeting = receive(deadline_ns);
  if (!greeting) return tl::unexpected(greeting.error());
  const auto pid = parse_dpdk_greeting(*greeting);
  if (!pid) return failure(path_ + " is no telemetry of DPDK: " + pid.error().reason);
  pid_ = *pid;
  return {};
}

Result<std::string> DpdkClient::receive(std::int64_t deadline_ns) {
  while (true) {
    const std::int64_t left_ms = (deadline_ns - monotonic_ns()) / 1'000'000;
    struct pollfd wait {
      socket_.get(), POLLIN, 0
    };
    const int ready =
        left_ms <= 0 ? 0 : ::poll(&wait, 1, static_cast<int>(std::min<std::int64_t>(left_ms, 60'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return failure(path_ + " has not answered in time");
    // The message's whole length, however little is read of it.
    char one = 0;
    const ssize_t length = ::recv(socket_.get(), &one, 1, MSG_PEEK | MSG_TRUNC);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (length <= 0) {
      gone_ = true;
      return failure(path_ + " has closed the connection");
    }
    if (static_cast<std::size_t>(length) > most_bytes_)
      return failure(path_ + ": an answer of " + to_text(length) +
                     " bytes is beyond collect.max_answer_bytes");
    std::string message(static_cast<std::size_t>(length), '\0');
    const ssize_t got = ::recv(socket_.get(), message.data(), message.size(), 0);
    if (got != length) return failure("cannot read from " + path_ + ": " + errno_words(errno));
    return message;
  }
}

}  // namespace drst
