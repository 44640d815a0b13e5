// The clock of ticks: CLOCK_MONOTONIC in nanoseconds, which steps of the wall clock do not move.
#pragma once

#include <chrono>
#include <cstdint>

namespace drst {

inline std::int64_t monotonic_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace drst
