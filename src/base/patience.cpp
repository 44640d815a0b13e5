#include "base/patience.h"

namespace drst {

Patience::Patience(const Clock& clock, double first_s, double idle_s)
    : clock_(clock), first_s_(first_s), idle_s_(idle_s), since_(clock.now()) {}

void Patience::renew() {
  begun_ = true;
  since_ = clock_.now();
}

bool Patience::over() const {
  const std::chrono::duration<double> quiet = clock_.now() - since_;
  return limit_s() > 0 && quiet.count() >= limit_s();
}

}  // namespace drst
