// perf's text and JSON lines, whatever the bytes: an answer whose columns are as long as its times, numbers
// that a table can hold, and the same answer from the same bytes with CR LF.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "measure/perf_series.h"

namespace {

void check(const drst::PerfSeries& series) {
  for (const auto& column : series.columns) {
    if (column.counts.size() != series.times.size() || column.shares.size() != series.times.size() ||
        column.length > series.times.size() || column.spelled.empty())
      __builtin_trap();
    for (const double count : column.counts)
      if (std::isinf(count) || count < 0) __builtin_trap();
    for (const double share : column.shares)
      if (std::isinf(share) || share < 0 || share > 1) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  drst::PerfOptions options;
  options.events = {"instructions", "cycles", "LLC-loads"};
  for (const auto hybrid : {drst::HybridPmus::summed, drst::HybridPmus::apart}) {
    options.hybrid = hybrid;
    drst::FileDirt dirt;
    check(drst::read_perf(bytes, options, dirt));
  }
  drst::FileDirt dirt;
  check(drst::read_perf_json(bytes, options, dirt));
  options.separator = ";";
  check(drst::read_perf_text(bytes, options, dirt));
  return 0;
}
