#include "base/patience.h"

#include <algorithm>

namespace drst {

Patience::Patience(const Clock& clock, double first_s, double idle_s)
    : clock_(clock),
      wall_(dynamic_cast<const SystemClock*>(&clock) != nullptr),
      first_s_(first_s),
      idle_s_(idle_s),
      since_(now()) {}

Time Patience::now() const { return wall_ ? Time(from_seconds(monotonic_seconds())) : clock_.now(); }

void Patience::renew() {
  begun_ = true;
  since_ = now();
}

void Patience::forgive_step() {
  if (!step_) return;
  const Time at = now();
  since_ = std::min(at, since_ + (at - *step_));
  step_ = at;
}

bool Patience::over() {
  forgive_step();
  const std::chrono::duration<double> quiet = now() - since_;
  return limit_s() > 0 && quiet.count() >= limit_s();
}

}  // namespace drst
