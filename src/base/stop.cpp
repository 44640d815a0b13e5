#include "base/stop.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "base/error.h"

namespace drst {

namespace {
std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "it is used in a signal handler");

void on_signal(int /*number*/) {
  if (stop.exchange(true)) ::_exit(130);
}
}  // namespace

void catch_stop_signals() {
  struct sigaction action {};
  action.sa_handler = &on_signal;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  // A terminal that is closed; under nohup it is ignored, and stays so.
  struct sigaction hangup {};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
    ::sigaction(SIGHUP, &action, nullptr);
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  sigemptyset(&ignore.sa_mask);
  ::sigaction(SIGPIPE, &ignore, nullptr);
  ::sigaction(SIGXFSZ, &ignore, nullptr);
}

bool stop_requested() noexcept { return stop.load(std::memory_order_relaxed); }
void throw_if_stopped() {
  if (stop_requested()) throw Error(ExitCode::interrupted, "interrupted; what was written so far is kept");
}
void request_stop(bool wanted) noexcept { stop.store(wanted, std::memory_order_relaxed); }

}  // namespace drst
