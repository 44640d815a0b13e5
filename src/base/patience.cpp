#include "base/patience.h"

#include <algorithm>

namespace drst {

Patience::Patience(const Clock& clock, double first_s, double idle_s)
    : clock_(clock), first_s_(first_s), idle_s_(idle_s), since_(clock.now()) {}

void Patience::renew() {
  begun_ = true;
  since_ = clock_.now();
}

void Patience::forgive_step() {
  if (!step_) return;
  const Time now = clock_.now();
  since_ = std::min(now, since_ + (now - *step_));
  step_ = now;
}

bool Patience::over() {
  forgive_step();
  const std::chrono::duration<double> quiet = clock_.now() - since_;
  return limit_s() > 0 && quiet.count() >= limit_s();
}

}  // namespace drst
