// The ticks of a collection: an absolute grid, so that no delay adds up.
//
// Tick n is due at start + n x interval of CLOCK_MONOTONIC; the start is chosen so that ticks fall on whole
// intervals of the wall clock of that moment, and rows of several machines line up. Steps of the wall clock
// change nothing. A tick that is late by less than half an interval is made up for; later ones are left out
// and counted. Pure functions of the times handed in; one thread.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "collect/source.h"

namespace drst {

class Grid {
 public:
  Grid(double interval_s, std::int64_t now_ns, Time wall);
  /// When the next tick is due.
  [[nodiscard]] std::int64_t due_ns() const;
  /// The tick at `now_ns`, which is not before due_ns(); the next one is after it.
  Tick begin(std::int64_t now_ns);
  [[nodiscard]] std::int64_t missed() const { return missed_; }

 private:
  [[nodiscard]] std::int64_t due_of(std::int64_t number) const;

  double interval_s_;
  double interval_ns_;
  std::int64_t start_ns_;
  std::int64_t next_ = 0;
  std::int64_t missed_ = 0;
};

}  // namespace drst
