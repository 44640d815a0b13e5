// Latencies as MoonGen's probe leaves them: `index value` a line, or one value a line. Pure functions over
// bytes; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "measure/dirt.h"
#include "measure/lines.h"

namespace drst {

struct LatencyOptions {
  std::string unit = "auto";  ///< auto, ns, us, ms: of the file
  /// auto: a file whose median (time-outs aside) is at least this holds nanoseconds, and so does one with a
  /// time-out.
  double threshold = 1000;
  double time_out = 15'000'000;  ///< as the file has it: the probe gave up; missing
  ConflictSide conflict = ConflictSide::ours;
  double impossible = 1e15;
};

struct LatencySeries {
  std::vector<double> values;  ///< by probe, microseconds; NaN: missing
  std::string unit;            ///< what was taken for the file's: ns, us, ms
  std::string reason;          ///< why: "set", "the probe's time-out", "median 28412", "empty"
};

/// Of a bundle with so many rows (seconds) and probes: 1, unless there are enough rows to tell (20) and about
/// a multiple of them of probes.
std::size_t probes_per_row(std::size_t probes, std::size_t rows);
/// The last of each `each` (at least 1) probes.
std::vector<double> last_of_each(const std::vector<double>& values, std::size_t each);

LatencySeries read_latency(std::string_view bytes, const LatencyOptions& options, FileDirt& dirt);

}  // namespace drst
