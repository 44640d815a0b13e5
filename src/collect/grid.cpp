#include "collect/grid.h"

#include <cmath>

namespace drst {

Grid::Grid(double interval_s, std::int64_t now_ns, Time wall)
    : interval_s_(interval_s), interval_ns_(interval_s * 1e9) {
  const double since_ns = static_cast<double>(wall.time_since_epoch().count() % 86'400'000'000) * 1e3;
  start_ns_ = now_ns + std::llround(interval_ns_ - std::fmod(since_ns, interval_ns_));
}

std::int64_t Grid::due_of(std::int64_t number) const {
  return start_ns_ + std::llround(static_cast<double>(number) * interval_ns_);
}

std::int64_t Grid::due_ns() const { return due_of(next_); }

Tick Grid::begin(std::int64_t now_ns) {
  std::int64_t number = next_;
  if (static_cast<double>(now_ns - due_of(number)) >= 0.5 * interval_ns_) {
    // The newest that is not late by half an interval, or the one to come soonest.
    number = std::llround(std::ceil(static_cast<double>(now_ns - start_ns_) / interval_ns_ - 0.5));
    missed_ += number - next_;
  }
  next_ = number + 1;
  return {number, due_of(number), now_ns, interval_s_};
}

}  // namespace drst
