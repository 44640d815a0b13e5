#include <array>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "base/text.h"
#include "measure/wide.h"

namespace drst {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string_view> split(std::string_view line, std::size_t most) {
  std::vector<std::string_view> fields(std::min<std::size_t>(most, line.size() + 1));
  fields.resize(std::min(split_fields(line, ",", fields), fields.size()));
  return fields;
}

/// "2024-03-05" and "09:30:53.152" as something that grows; NaN if they are no date and time.
double stamp_of(std::string_view date, std::string_view time) {
  const auto digits = [](std::string_view text, char between) {
    double value = 0;
    for (const char c : text) {
      if (c == between) continue;
      if (c == '.') break;
      if (c < '0' || c > '9') return nan;
      value = value * 10 + (c - '0');
    }
    return value;
  };
  const auto point = time.find('.');
  double fraction = 0;
  if (point != std::string_view::npos) fraction = cell_number(time.substr(point));
  return digits(date, '-') * 1e6 + digits(time, ':') + fraction;
}

}  // namespace

std::vector<std::string> distinct_names(std::vector<std::string> names) {
  std::unordered_set<std::string> taken(names.begin(), names.end());
  std::unordered_set<std::string> seen;
  for (auto& name : names) {
    if (seen.insert(name).second) continue;
    const std::string plain = name;
    for (std::size_t i = 1; !taken.insert(name = plain + "." + to_text(i)).second;) ++i;
    seen.insert(name);
  }
  return names;
}

WideSeries read_pcm(std::string_view bytes, const WideOptions& options, FileDirt& dirt) {
  Lines lines(bytes, dirt, options.conflict);
  WideSeries series;
  std::string_view groups;
  std::string_view heads;
  std::string_view line;
  if (!lines.next(groups) || !lines.next(heads)) return series;
  const auto group_fields = split(groups, options.most_columns + 2);
  const auto name_fields = split(heads, options.most_columns + 2);
  if (group_fields.size() != name_fields.size()) dirt.add(Dirt::ragged_row, lines.number());
  constexpr std::size_t none = ~std::size_t{0};
  std::vector<std::size_t> places(name_fields.size(), none);  // by field: its column
  std::vector<std::string> names;
  std::size_t date = none;
  std::size_t time = none;
  for (std::size_t i = 0; i < name_fields.size(); ++i) {
    const auto group = i < group_fields.size() ? trim(group_fields[i]) : std::string_view();
    const auto name = trim(name_fields[i]);
    if (name == "Date") date = i;
    if (name == "Time") time = i;
    if (name == "Date" || name == "Time" || (group.empty() && name.empty())) continue;
    places[i] = names.size();
    names.push_back(group.empty() ? std::string(name) : std::string(group) + "-" + std::string(name));
  }
  series.names = distinct_names(std::move(names));
  series.columns.resize(series.names.size());
  std::vector<std::string_view> fields(name_fields.size());
  double last = -std::numeric_limits<double>::infinity();
  std::size_t padding = 4 * bytes.size() + (std::size_t{1} << 16);
  while (lines.next(line)) {
    if (line == groups || line == heads) continue;  // PCM was started again
    const std::size_t count = split_fields(line, ",", fields);
    const bool ragged = count != name_fields.size();
    if (ragged) dirt.add(Dirt::ragged_row, lines.number());
    if (count < places.size()) {  // padded; many short lines under a long header would fill the memory
      if (places.size() - count > padding) continue;
      padding -= places.size() - count;
    }
    if (date != none && time != none && date < count && time < count) {
      const double now = stamp_of(trim(fields[date]), trim(fields[time]));
      if (now < last) dirt.add(Dirt::time_backwards, lines.number());
      if (!std::isnan(now)) last = now;
    }
    ++series.rows;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (places[i] == none) continue;
      double value = nan;
      // The last field of a line that was cut may be cut itself.
      if (i < count && !(ragged && i + 1 == count)) {
        value = cell_number(fields[i]);
        if (value > 1e9) {
          value = without_wrap(value, fields[i].find('.') != std::string_view::npos, options.impossible,
                               lines.number(), dirt);
        } else if (std::isnan(value) && !trim(fields[i]).empty() && trim(fields[i]) != "N/A") {
          dirt.add(Dirt::bad_cell, lines.number());
        }
      }
      series.columns[places[i]].push_back(value);
    }
  }
  return series;
}

}  // namespace drst
