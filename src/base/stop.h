// Ending politely: SIGTERM and SIGINT ask, a second one ends the process at once (exit 130).
// The flag is one for the process; tests may set it by hand.
#pragma once

namespace drst {

/// Installs the handlers; also ignores SIGPIPE and SIGXFSZ, so that a full disk is an error code and not a
/// death.
void catch_stop_signals();
[[nodiscard]] bool stop_requested() noexcept;
void request_stop(bool wanted = true) noexcept;

}  // namespace drst
