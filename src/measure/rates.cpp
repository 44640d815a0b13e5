#include "measure/rates.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "base/text.h"

namespace drst {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t most_fields = 64;
constexpr std::size_t usual_place = 4;  // of Mbit

using Fields = std::array<std::string_view, most_fields>;

std::optional<std::size_t> find(const Fields& header, std::size_t count, std::string_view name) {
  for (std::size_t i = 0; i < count; ++i)
    if (trim(header[i]) == name) return i;
  return std::nullopt;
}

/// Which field of a line is what.
struct Columns {
  std::size_t rate = usual_place;
  std::size_t fields = 0;
  std::optional<std::size_t> time, device;
};

Columns columns_of(const Fields& header, std::size_t count, const std::string& wanted, RateSeries& series) {
  Columns columns;
  columns.fields = count;
  columns.time = find(header, count, "Time");
  columns.device = find(header, count, "Device");
  std::vector<std::string> names = {"Mbit", "PacketRate"};
  if (wanted != "auto") names.insert(names.begin(), wanted);
  for (const auto& name : names) {
    const auto found = find(header, count, name);
    if (!found) continue;
    columns.rate = *found;
    series.column = name;
    series.fallback = name != names.front();
    return columns;
  }
  columns.rate = std::min(usual_place, count - 1);
  series.column = "column " + to_text(columns.rate + 1);
  series.fallback = true;
  return columns;
}

}  // namespace

RateSeries read_rates(std::string_view bytes, const RateOptions& options, FileDirt& dirt) {
  RateSeries series;
  Lines lines(bytes, dirt, options.conflict);
  Fields fields;
  std::optional<Columns> columns;
  std::string header;
  std::string time;
  std::vector<std::string> devices;  // of the second
  double last = -std::numeric_limits<double>::infinity();
  std::string_view line;
  while (lines.next(line)) {
    const std::size_t all = split_fields(line, ",", fields);
    const std::size_t count = std::min(all, fields.size());
    if (!columns) {
      const bool numbers = !std::isnan(cell_number(fields[0]));
      columns = columns_of(fields, count, options.column, series);
      if (numbers) {
        columns->fields = count;
        columns->rate = std::min(usual_place, count - 1);
        columns->time = 0;
        if (count > usual_place) columns->device = 1;
        series.column = "column " + to_text(columns->rate + 1);
      } else {
        header = line;
        continue;
      }
    }
    if (line == header) continue;  // the generator was started again
    const bool ragged = all != columns->fields;
    if (ragged) dirt.add(Dirt::ragged_row, lines.number());
    double rate = nan;
    // The last field of a line that was cut may be cut itself.
    const bool whole = columns->rate < count && !(ragged && columns->rate + 1 == count);
    if (whole) {
      const auto cell = fields[columns->rate];
      rate = cell_number(cell);
      if (std::isnan(rate)) dirt.add(Dirt::bad_cell, lines.number());
      rate = without_wrap(rate, cell.find('.') != std::string_view::npos, options.impossible_rate,
                          lines.number(), dirt);
    }
    const std::string_view now = columns->time && *columns->time < count ? fields[*columns->time] : "";
    const std::string_view device =
        columns->device && *columns->device < count ? fields[*columns->device] : "";
    const bool same_second = !series.rates.empty() && !now.empty() && now == time;
    if (same_second && std::find(devices.begin(), devices.end(), device) == devices.end() &&
        devices.size() < most_fields) {
      devices.emplace_back(device);
      series.rates.back() += rate;
      continue;
    }
    const double seconds = cell_number(now);
    if (seconds < last) dirt.add(Dirt::time_backwards, lines.number());
    if (!std::isnan(seconds)) last = seconds;
    time = now;
    devices.assign(1, std::string(device));
    series.rates.push_back(rate);
  }
  return series;
}

}  // namespace drst
