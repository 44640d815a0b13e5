// Time: always UTC, microseconds, and always handed in, so that a run can be repeated.
//
// `Clock` is what components ask. `SystemClock` is the wall clock. `VirtualClock` starts at a fixed epoch and
// moves only when it is told to: one record is one second of its chain. Both may be read from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drst {

using Duration = std::chrono::microseconds;
using Time = std::chrono::sys_time<Duration>;

/// Settings and computed times are seconds. Cut to whole microseconds, towards zero. What is too long to be
/// told (infinity, too) becomes some 73 000 years, so that it can still be added to any time of a clock
/// without overflow; NaN becomes nothing.
Duration from_seconds(double seconds);

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] Time now() const override;
};

class VirtualClock final : public Clock {
 public:
  /// 2026-01-01T00:00:00Z unless told otherwise.
  static Time default_epoch();
  explicit VirtualClock(Time start = default_epoch()) : now_(start.time_since_epoch().count()) {}
  [[nodiscard]] Time now() const override { return Time(Duration(now_.load(std::memory_order_relaxed))); }
  void set(Time t) { now_.store(t.time_since_epoch().count(), std::memory_order_relaxed); }
  void advance(Duration d) { now_.fetch_add(d.count(), std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> now_;
};

/// "2026-01-01T00:00:00.123456Z" (always six decimals), as on the wire.
std::string to_iso8601(Time t);
/// Writes the same 27 characters to `out` (no terminator); for hot paths.
void write_iso8601(Time t, char* out);
/// Accepts 0 to 9 decimals and a final `Z` or `+00:00`; nothing else.
std::optional<Time> from_iso8601(std::string_view text);
/// "20260101T000000123456Z": sortable, fit for object keys.
std::string to_compact(Time t);

/// Monotonic seconds since some start; for measuring only, never for decisions.
double monotonic_seconds();

}  // namespace drst
