// From a counter that only grows to a rate: the difference of two reads by the time between them. Not
// thread-safe.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace drst {

class CounterRate {
 public:
  /// Per second since the read before. NaN at the first read, where the counter is missing (NaN), where no
  /// time has passed, and where it has fallen: it was wrapped at 32 bits, or its driver or process began
  /// anew. What it had in between is not known then, and a guess could be a huge number.
  double next(double count, std::int64_t at_ns) {
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    if (std::isnan(count)) {
      forget();
      return nan;
    }
    const double grown = count - count_;  // NaN at the first read
    const double seconds = static_cast<double>(at_ns - at_ns_) * 1e-9;
    if (seconds <= 0 && !std::isnan(count_)) return nan;
    count_ = count;
    at_ns_ = at_ns;
    return grown >= 0 ? grown / seconds : nan;
  }
  /// What comes next is the count of another object.
  void forget() { count_ = std::numeric_limits<double>::quiet_NaN(); }

 private:
  double count_ = std::numeric_limits<double>::quiet_NaN();
  std::int64_t at_ns_ = 0;
};

}  // namespace drst
