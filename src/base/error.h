// Errors.
//
// Exceptions are for start-up and for what ends a stage or a command: `Error` carries the exit code a command
// ends with and a message that says what happened, to what (file:line, key, topic), and what to do. On the
// record path nothing throws: functions return `Result<T>`, whose error is a reason that is counted and kept.
#pragma once

#include <stdexcept>
#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace drst {

/// Exit codes of the `drst` command (part of its contract).
enum class ExitCode : int {
  ok = 0,
  failed = 1,        ///< the work was tried and failed
  usage = 2,         ///< the command line is wrong
  input = 3,         ///< configuration or input is wrong
  unreachable = 4,   ///< a service cannot be reached
  interrupted = 130  ///< ended by a signal
};

class Error : public std::runtime_error {
 public:
  Error(ExitCode exit_code, const std::string& message)
      : std::runtime_error(message), exit_code_(exit_code) {}
  [[nodiscard]] ExitCode exit_code() const noexcept { return exit_code_; }

 private:
  ExitCode exit_code_;
};

/// Wrong configuration or input: exit code 3.
struct InputError : Error {
  explicit InputError(const std::string& message) : Error(ExitCode::input, message) {}
};
/// The work failed (disk full, a broken object, ...): exit code 1.
struct FailedError : Error {
  explicit FailedError(const std::string& message) : Error(ExitCode::failed, message) {}
};

/// Why something could not be done, on paths that do not throw.
struct Failure {
  std::string reason;
};

template <class T>
using Result = tl::expected<T, Failure>;

inline tl::unexpected<Failure> failure(std::string reason) {
  return tl::unexpected<Failure>(Failure{std::move(reason)});
}

}  // namespace drst
