// When to say what is waited for: after a moment, since parts may be started in any order, and again now and
// then, since whoever comes later to a terminal has not seen the first time. One thread.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"

namespace drst {

class Waiting {
 public:
  /// The clock must outlive this.
  explicit Waiting(const Clock& clock) : clock_(clock) {}

  /// To be asked again and again while it lasts. `what`: is waited for; "": nothing is. The answer: what to
  /// say now, "waits: <what>" after two seconds, "has waited for 32 s: <what>" each half minute from then on.
  [[nodiscard]] std::optional<std::string> due(const std::string& what);

 private:
  const Clock& clock_;
  std::string what_;
  Time since_{};
  std::optional<Time> said_;
};

}  // namespace drst
