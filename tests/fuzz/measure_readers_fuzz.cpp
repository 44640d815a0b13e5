// MoonGen's rates, latencies, PCM, PCIe blocks, nf_out, and lists of subsets: whatever the bytes, columns of
// equal length and no more rows than lines, or an InputError.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "measure/latency.h"
#include "measure/rates.h"
#include "measure/subsets.h"
#include "measure/wide.h"

namespace {

void check(const drst::WideSeries& series, std::size_t lines) {
  if (series.rows > lines || series.names.size() != series.columns.size()) __builtin_trap();
  for (const auto& column : series.columns) {
    if (column.size() != series.rows) __builtin_trap();
    for (const double value : column)
      if (std::isinf(value)) __builtin_trap();
  }
  auto names = series.names;
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end()) __builtin_trap();
}

void check(const std::vector<double>& values, std::size_t lines) {
  if (values.size() > lines) __builtin_trap();
  for (const double value : values)
    if (std::isinf(value)) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto lines = static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n')) + 1;
  drst::FileDirt dirt;
  check(drst::read_rates(bytes, {}, dirt).rates, lines);
  check(drst::read_latency(bytes, {}, dirt).values, lines);
  drst::WideOptions few;
  few.most_columns = 64;
  check(drst::read_pcm(bytes, few, dirt), lines);
  check(drst::read_pcm_pcie(bytes, few, dirt), lines);
  check(drst::read_nf_out(bytes, few, dirt), lines);
  try {
    (void)drst::parse_subsets(bytes, "fuzz");
  } catch (const drst::InputError&) {
  }
  return 0;
}
