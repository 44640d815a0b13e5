// MoonGen's statistics: a header, then one line a second and device, `Time,Device,Direction,PacketRate,Mbit,
// MbitWithFraming,TotalPackets,TotalBytes`. Lines of one second are summed over devices. Pure functions over
// bytes; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "measure/dirt.h"
#include "measure/lines.h"

namespace drst {

struct RateOptions {
  std::string column = "auto";  ///< of the header; auto: Mbit, else PacketRate, else Mbit's usual place
  ConflictSide conflict = ConflictSide::ours;
  double impossible_rate = 1e15;  ///< above: missing, and counted as wrapped
};

struct RateSeries {
  std::vector<double> rates;  ///< by second, in the column's own unit; NaN: missing
  std::string column;         ///< what was taken: its name, or "column 5" without a header
  bool fallback = false;      ///< the wanted column was not there
};

/// `options.column` that the file lacks: as auto, and `fallback` says so.
RateSeries read_rates(std::string_view bytes, const RateOptions& options, FileDirt& dirt);

}  // namespace drst
