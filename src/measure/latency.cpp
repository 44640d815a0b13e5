#include "measure/latency.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace drst {

namespace {

/// The fields of a line, whatever stands between them; at most three are looked at.
std::size_t fields_of(std::string_view line, std::string_view (&fields)[3]) {
  constexpr std::string_view between = " \t,;|";
  std::size_t count = 0;
  for (std::size_t at = line.find_first_not_of(between); at != std::string_view::npos && count < 3;) {
    const std::size_t end = std::min(line.find_first_of(between, at), line.size());
    fields[count++] = line.substr(at, end - at);
    at = line.find_first_not_of(between, end);
  }
  return count;
}

}  // namespace

std::size_t probes_per_row(std::size_t probes, std::size_t rows) {
  constexpr std::size_t enough = 20;
  if (rows < enough) return 1;
  const std::size_t each = (probes + rows / 2) / rows;
  if (each < 2) return 1;
  const std::size_t length = probes / each;  // probing begins and ends a little before or after counting
  const std::size_t off = length > rows ? length - rows : rows - length;
  return off <= std::max<std::size_t>(2, rows / 10) ? each : 1;
}

std::vector<double> last_of_each(const std::vector<double>& values, std::size_t each) {
  if (each <= 1) return values;
  std::vector<double> last;
  for (std::size_t i = each - 1; i < values.size(); i += each) last.push_back(values[i]);
  return last;
}

LatencySeries read_latency(std::string_view bytes, const LatencyOptions& options, FileDirt& dirt) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  LatencySeries series;
  Lines lines(bytes, dirt, options.conflict);
  std::string_view line;
  bool timed_out = false;
  bool first = true;
  double last_index = -std::numeric_limits<double>::infinity();
  while (lines.next(line)) {
    std::string_view fields[3];
    const std::size_t count = fields_of(line, fields);
    const bool is_first = first;
    first = false;
    if (count == 0 || count > 2) {
      dirt.add(Dirt::ragged_row, lines.number());
      series.values.push_back(nan);
      continue;
    }
    double value = cell_number(fields[count - 1]);
    if (std::isnan(value)) {
      if (is_first) continue;  // a header
      dirt.add(Dirt::bad_cell, lines.number());
    }
    if (count == 2) {
      const double index = cell_number(fields[0]);
      if (index < last_index) dirt.add(Dirt::time_backwards, lines.number());
      if (!std::isnan(index)) last_index = index;
    }
    if (value == options.time_out) {
      timed_out = true;
      dirt.add(Dirt::probe_time_out, lines.number());
      value = nan;
    } else if (value < 0) {
      dirt.add(Dirt::bad_cell, lines.number());
      value = nan;
    }
    series.values.push_back(without_wrap(value, fields[count - 1].find('.') != std::string_view::npos,
                                         options.impossible, lines.number(), dirt));
  }
  series.unit = options.unit;
  series.reason = "set";
  if (options.unit == "auto") {
    std::vector<double> measured;
    for (const double value : series.values)
      if (!std::isnan(value)) measured.push_back(value);
    double median = nan;
    if (!measured.empty()) {
      const auto middle = measured.begin() + static_cast<std::ptrdiff_t>(measured.size() / 2);
      std::nth_element(measured.begin(), middle, measured.end());
      median = *middle;
    }
    series.unit = timed_out || median >= options.threshold ? "ns" : "us";
    series.reason = timed_out          ? "the probe's time-out"
                    : measured.empty() ? "empty"
                                       : "median " + to_text(median);
  }
  const double divisor = series.unit == "ns" ? 1000 : series.unit == "ms" ? 0.001 : 1;
  for (double& value : series.values) value /= divisor;
  return series;
}

}  // namespace drst
