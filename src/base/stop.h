// Ending politely: SIGTERM, SIGINT and SIGHUP (unless ignored) ask, a second one ends the process (exit 130).
// The flag is one for the process; tests may set it by hand. Whoever works for longer than a second or two
// looks at it in between, so that a process ends within a few seconds of being asked.
#pragma once

namespace drst {

/// Installs the handlers; also ignores SIGPIPE and SIGXFSZ, so that a full disk is an error code and not a
/// death.
void catch_stop_signals();
[[nodiscard]] bool stop_requested() noexcept;
void request_stop(bool wanted = true) noexcept;
/// Error(interrupted) if a stop was requested; for long work that has had no effect yet.
void throw_if_stopped();

}  // namespace drst
