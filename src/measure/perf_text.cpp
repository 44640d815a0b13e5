// `perf stat -x`: fields of a line, and which of them is what.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "base/decimal.h"
#include "measure/perf_series.h"

namespace drst {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t most_fields = 32;
using Fields = std::array<std::string_view, most_fields>;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The -x of perf: what stands between the first field and the next. The time of -I has nine decimals, and a
/// count or a CPU follows it at once, so all that is no letter, digit or `<` is the separator. Without a time
/// the unit may be empty, and the separator stand twice: it is then taken for one character.
std::optional<std::string> separator_of(std::string_view line) {
  line = without_blanks(line);
  std::size_t at = 0;
  while (at < line.size() && (detail::is_digit(line[at]) || line[at] == '.')) ++at;
  if (at == 0 && line.starts_with('<')) {  // <not counted>
    at = line.find('>');
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  } else if (at == 0) {
    while (at < line.size() && (is_letter(line[at]) || detail::is_digit(line[at]) || line[at] == '-')) ++at;
  }
  const auto point = line.substr(0, at).find('.');
  const bool time = point != std::string_view::npos && at - point == 10;
  const std::size_t begin = at;
  while (at < line.size() && !detail::is_digit(line[at]) && !is_letter(line[at]) && line[at] != '<' &&
         line[at] != '-')
    ++at;
  if (at == begin || at == line.size()) return std::nullopt;
  return std::string(line.substr(begin, time ? at - begin : 1));
}

/// A line of perf's own shape: [index,][time,][CPU or socket ...,]count,unit,event,...
struct Layout {
  std::size_t event = 0;
  std::optional<std::size_t> time;
  bool aggregated = false;  ///< a CPU or socket stands before the count
};

bool is_count(std::string_view field) {
  field = without_blanks(field);
  return field.starts_with('<') ? field.ends_with('>') : !field.empty() && !std::isnan(cell_number(field));
}

bool has_layout(const Fields& fields, std::size_t count, std::size_t event) {
  if (event < 2 || event >= count) return false;
  const auto name = without_blanks(fields[event]);
  const auto unit = without_blanks(fields[event - 1]);
  return !name.empty() && is_letter(name[0]) && (unit.empty() || is_letter(unit[0])) &&
         is_count(fields[event - 2]);
}

/// perf's time has decimals, an index that an export put before it has none.
Layout with_time(const Fields& fields, std::size_t event) {
  Layout layout{event, std::nullopt, false};
  const std::size_t value = event - 2;
  for (std::size_t i = 0; i < value && !layout.time; ++i)
    if (fields[i].find('.') != std::string_view::npos && !std::isnan(cell_number(fields[i]))) layout.time = i;
  if (!layout.time && value == 1 && !std::isnan(cell_number(fields[0]))) layout.time = 0;
  layout.aggregated = value > (layout.time ? *layout.time + 1 : 0);
  return layout;
}

std::optional<Layout> layout_of(const Fields& fields, std::size_t count) {
  for (std::size_t event = 2; event < count; ++event)
    if (has_layout(fields, count, event)) return with_time(fields, event);
  return std::nullopt;
}

class Reader {
 public:
  Reader(const PerfOptions& options, FileDirt& dirt, std::size_t bytes)
      : dirt_(dirt), collector_(options, dirt, bytes), separator_(options.separator) {}

  void line(std::string_view text, std::uint64_t number) {
    text.remove_prefix(text.find_first_not_of(' '));  // which may be the separator, too
    if (text[0] == '#') return;                       // "# started on"
    if (separator_.empty()) {
      const auto found = separator_of(text);
      if (!found) return dirt_.add(Dirt::ragged_row, number);
      separator_ = *found;
    }
    const std::size_t count = std::min(split_fields(text, separator_, fields_), fields_.size());
    if (!layout_) layout_ = layout_of(fields_, count);
    if (layout_ && has_layout(fields_, count, layout_->event)) return perfs_own(count, number);
    if (const auto other = layout_of(fields_, count); other && other->event >= 3) {
      layout_ = other;
      return perfs_own(count, number);
    }
    of_other_shape(count, number);
  }

  PerfSeries take() { return collector_.take(); }

 private:
  void perfs_own(std::size_t count, std::uint64_t number) {
    const std::size_t at = layout_->event;
    if (layout_->time) collector_.begin_line(without_blanks(fields_[*layout_->time]), number);
    const int variant = collector_.find(without_blanks(fields_[at]));
    // Metrics at the end are there or not; how long the counter ran is, if it is on the other lines.
    usual_fields_ = std::max(usual_fields_, std::min(count, at + 3));
    if (count < usual_fields_) dirt_.add(Dirt::ragged_row, number);
    if (variant == PerfCollector::unwanted) return;
    const bool aggregated = layout_->aggregated;
    const auto value = without_blanks(fields_[at - 2]);
    if (value.starts_with('<')) {
      collector_.add_missing(variant, value == "<not supported>" ? Dirt::not_supported : Dirt::not_counted,
                             aggregated, number);
      return;
    }
    collector_.add(variant, cell_number(value), share(at + 1, count), aggregated, number);
  }

  /// After the event: a cgroup or a variance ("0.00%"), then nanoseconds and per cent of the interval.
  [[nodiscard]] double share(std::size_t from, std::size_t count) const {
    for (std::size_t i = from; i + 1 < count; ++i) {
      if (fields_[i].empty() || !detail::is_digit(fields_[i][0]) || fields_[i].back() == '%') continue;
      if (std::isnan(cell_number(fields_[i]))) continue;
      const double per_cent = cell_number(fields_[i + 1]);
      return per_cent >= 0 && per_cent <= 100 ? per_cent / 100 : nan;
    }
    return nan;
  }

  void of_other_shape(std::size_t count, std::uint64_t number) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto field = without_blanks(fields_[i]);
      if (field.empty() || !is_letter(field[0])) continue;
      const int variant = collector_.find(field);
      if (variant != PerfCollector::unwanted) return largest(variant, i, count, number);
    }
    // A metric without a counter begins with a time and has words at its end: perf's, and nobody's loss.
    if (count < 4) dirt_.add(Dirt::ragged_row, number);
  }

  void largest(int variant, std::size_t event, std::size_t count, std::uint64_t number) {
    double value = nan;
    std::size_t place = count;
    bool missing = false;
    for (std::size_t i = 0; i < count; ++i) {
      if (i == event) continue;
      missing = missing || without_blanks(fields_[i]).starts_with("<not ");
      const double x = cell_number(fields_[i]);
      if (!std::isnan(x) && (std::isnan(value) || std::abs(x) > std::abs(value))) {
        value = x;
        place = i;
      }
    }
    // The time is a number with a fraction that is not the count.
    for (std::size_t i = 0; i < count; ++i) {
      const auto field = without_blanks(fields_[i]);
      const auto point = field.find('.');
      if (i == place && !missing) continue;
      if (point == std::string_view::npos || field.size() - point < 8 || std::isnan(cell_number(field)))
        continue;
      collector_.begin_line(field, number);
      break;
    }
    if (missing) return collector_.add_missing(variant, Dirt::not_counted, false, number);
    if (std::isnan(value)) return collector_.add_missing(variant, Dirt::bad_cell, false, number);
    collector_.add(variant, value, nan, false, number);
  }

  FileDirt& dirt_;
  PerfCollector collector_;
  std::string separator_;
  std::optional<Layout> layout_;
  std::size_t usual_fields_ = 0;
  Fields fields_;
};

}  // namespace

PerfSeries read_perf_text(std::string_view bytes, const PerfOptions& options, FileDirt& dirt) {
  Lines lines(bytes, dirt, options.conflict);
  Reader reader(options, dirt, bytes.size());
  std::string_view line;
  while (lines.next(line)) reader.line(line, lines.number());
  return reader.take();
}

}  // namespace drst
