// `perf stat -j`: one JSON object a line. Keys in any order; unknown ones are passed over.
#include <simdjson.h>

#include <cmath>
#include <limits>
#include <string>

#include "measure/perf_series.h"

namespace drst {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// One line's fields. `counter-value` is a text with a number or "<not counted>".
struct Line {
  std::string_view event, value, time;
  double per_cent = nan;
  bool has_time = false;
  bool aggregated = false;
};

std::string_view text_of(const simdjson::dom::element& value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? text : std::string_view();
}

}  // namespace

PerfSeries read_perf_json(std::string_view bytes, const PerfOptions& options, FileDirt& dirt) {
  Lines lines(bytes, dirt, options.conflict);
  PerfCollector collector(options, dirt, bytes.size());
  simdjson::dom::parser parser(std::size_t{1} << 20);  // a line is some 200 bytes
  std::string padded;
  std::string_view text;
  while (lines.next(text)) {
    if (text[0] == '#') continue;
    padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    padded.assign(text);
    simdjson::dom::object object;
    if (text.size() >= (std::size_t{1} << 20) ||
        parser.parse(padded.data(), padded.size(), false).get(object) != simdjson::SUCCESS) {
      dirt.add(Dirt::ragged_row, lines.number());
      continue;
    }
    Line line;
    for (const auto [key, value] : object) {
      if (key == "event") {
        line.event = text_of(value);
      } else if (key == "counter-value") {
        line.value = text_of(value);
      } else if (key == "interval") {
        line.has_time = value.is_number();
      } else if (key == "pcnt-running") {
        if (value.get(line.per_cent) != simdjson::SUCCESS) line.per_cent = nan;
      } else if (key == "cpu" || key == "core" || key == "socket" || key == "die" || key == "node" ||
                 key == "thread" || key == "aggregate-number") {
        line.aggregated = true;
      }
    }
    if (line.has_time) {  // as it is written: the same text is the same interval
      const auto key = text.find("\"interval\"");
      const auto begin = text.find_first_of("0123456789", text.find(':', key + 10));
      if (key == std::string_view::npos || begin == std::string_view::npos) continue;
      line.time = text.substr(begin, text.find_first_not_of("0123456789.", begin) - begin);
      collector.begin_line(line.time, lines.number());
    }
    if (line.event.empty()) continue;  // a metric of its own
    const int variant = collector.find(line.event);
    if (variant == PerfCollector::unwanted) continue;
    if (line.value.starts_with('<')) {
      collector.add_missing(variant,
                            line.value == "<not supported>" ? Dirt::not_supported : Dirt::not_counted,
                            line.aggregated, lines.number());
      continue;
    }
    const double count = cell_number(line.value);
    const double share = line.per_cent >= 0 && line.per_cent <= 100 ? line.per_cent / 100 : nan;
    if (std::isnan(count)) {
      collector.add_missing(variant, Dirt::bad_cell, line.aggregated, lines.number());
    } else {
      collector.add(variant, count, share, line.aggregated, lines.number());
    }
  }
  return collector.take();
}

}  // namespace drst
