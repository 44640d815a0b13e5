#include "measure/perf_series.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace drst {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t most_spellings = 4096;  // a file with more is no perf output

/// Names that perf prints one for the other.
std::string_view plain_name(std::string_view event) {
  if (event == "cpu-cycles") return "cycles";
  if (event == "branch-instructions") return "branches";
  return event;
}

/// What modifiers a file may hold: `u`, `k`, `pp` and so on.
bool are_modifiers(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return std::string_view("ukhGHIpPSDWeb").find(c) != std::string_view::npos;
  });
}

}  // namespace

EventSpelling parse_event(std::string_view spelled) {
  EventSpelling parts;
  const auto slash = spelled.find('/');
  const auto second = slash == std::string_view::npos ? slash : spelled.find('/', slash + 1);
  if (second != std::string_view::npos) {
    parts.pmu = spelled.substr(0, slash);
    parts.event = spelled.substr(slash + 1, second - slash - 1);
    parts.modifiers = spelled.substr(second + 1);
    if (parts.modifiers.starts_with(':')) parts.modifiers.remove_prefix(1);
  } else if (const auto colon = spelled.rfind(':'); colon != std::string_view::npos) {
    parts.event = spelled.substr(0, colon);
    parts.modifiers = spelled.substr(colon + 1);
  } else {
    parts.event = spelled;
  }
  if (!are_modifiers(parts.modifiers)) return {{}, spelled, {}};  // a tracepoint: sched:sched_switch
  return parts;
}

const PerfColumn* PerfSeries::find(std::string_view event) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const auto& column) { return column.event == event; });
  return found == columns.end() ? nullptr : &*found;
}

PerfSeries read_perf(std::string_view bytes, const PerfOptions& options, FileDirt& dirt) {
  // A conflict's mark may come first.
  std::size_t at = bytes.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  while (at < bytes.size()) {
    const char c = bytes[at];
    if (c == '{') return read_perf_json(bytes, options, dirt);
    if (c == '<' || c == '#' || c == '=') {
      at = bytes.find('\n', at);
      if (at == std::string_view::npos) break;
    } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      break;
    }
    ++at;
  }
  return read_perf_text(bytes, options, dirt);
}

PerfCollector::PerfCollector(const PerfOptions& options, FileDirt& dirt, std::size_t bytes)
    : options_(options), padding_(bytes / 4 + (std::size_t{1} << 16)), dirt_(dirt) {}

int PerfCollector::find(std::string_view spelled) {
  const std::size_t position = position_++;
  if (position < order_.size() && order_[position].first == spelled) return order_[position].second;
  const int variant = resolve(spelled);
  if (position < order_.size()) {
    order_[position] = {std::string(spelled), variant};
  } else if (position < most_spellings) {
    order_.resize(position + 1);
    order_[position] = {std::string(spelled), variant};
  }
  return variant;
}

int PerfCollector::resolve(std::string_view spelled) {
  const std::string name(spelled);
  if (const auto known = known_.find(name); known != known_.end()) return known->second;
  const auto event_of = [&](std::string_view wanted) {
    const auto found = std::find(options_.events.begin(), options_.events.end(), wanted);
    return static_cast<std::size_t>(found - options_.events.begin());
  };
  EventSpelling parts{{}, spelled, {}};
  std::size_t event = event_of(spelled);
  if (event == options_.events.size()) {
    parts = parse_event(spelled);
    event = event_of(parts.event);
    if (event == options_.events.size()) event = event_of(plain_name(parts.event));
  }
  int variant = unwanted;
  if (event != options_.events.size() && variants_.size() < most_spellings) {
    variant = static_cast<int>(variants_.size());
    variants_.push_back({event, name, std::string(parts.pmu), std::string(parts.modifiers), {}, {}});
  }
  if (known_.size() < most_spellings) known_.emplace(name, variant);
  return variant;
}

void PerfCollector::begin_line(std::string_view time, std::uint64_t line) {
  if (times_.empty() || time != time_) {
    const double now = time.empty() ? nan : cell_number(time);
    if (!times_.empty() && now < times_.back()) dirt_.add(Dirt::time_backwards, line);
    times_.push_back(now);
    time_.assign(time);
    position_ = 0;
  }
}

bool PerfCollector::place(Variant& variant, bool aggregated, std::uint64_t line) {
  if (times_.empty()) begin_line({}, line);
  if (variant.length == times_.size()) {  // again in this interval
    if (aggregated) {
      ++variant.lines;
      return true;
    }
    if (!time_.empty()) {
      dirt_.add(Dirt::duplicate_event, line);
      return false;
    }
    times_.push_back(nan);
    position_ = 1;
  }
  // An event that comes late gets a cell for each interval before: many such would fill the memory.
  const std::size_t padding = times_.size() - variant.length - 1;
  if (padding > padding_) {
    dirt_.add(Dirt::ragged_row, line);
    return false;
  }
  padding_ -= padding;
  variant.length = times_.size();
  variant.lines = 1;
  variant.counts.resize(variant.length, nan);
  variant.shares.resize(variant.length, nan);
  return true;
}

void PerfCollector::add(int which, double count, double share, bool aggregated, std::uint64_t line) {
  Variant& variant = variants_[static_cast<std::size_t>(which)];
  if (!place(variant, aggregated, line)) return;
  count = count < 0 ? nan : without_wrap(count, false, options_.impossible_count, line, dirt_);
  double& sum = variant.counts.back();
  double& mean = variant.shares.back();
  if (variant.lines == 1) {
    sum = count;
    mean = share;
  } else {  // a CPU that is missing leaves the sum of the others too small: missing as a whole
    sum += count;
    mean += (share - mean) / static_cast<double>(variant.lines);
  }
}

void PerfCollector::add_missing(int which, Dirt why, bool aggregated, std::uint64_t line) {
  Variant& variant = variants_[static_cast<std::size_t>(which)];
  dirt_.add(why, line);
  if (!place(variant, aggregated, line)) return;
  variant.counts.back() = nan;
  variant.shares.back() = variant.lines == 1 && why == Dirt::not_counted ? 0 : nan;
}

std::vector<std::size_t> PerfCollector::chosen(std::size_t event) const {
  std::vector<std::size_t> taken;
  for (std::size_t i = 0; i < variants_.size(); ++i) {
    const Variant& variant = variants_[i];
    if (variant.event != event || variant.length == 0) continue;
    if (variant.spelled == options_.events[event]) return {i};
    if (!taken.empty()) {
      const Variant& first = variants_[taken[0]];
      // With and without a PMU are the same counts twice; other modifiers are other counts.
      if (variant.modifiers != first.modifiers || variant.pmu.empty() || first.pmu.empty()) continue;
      if (std::any_of(taken.begin(), taken.end(),
                      [&](std::size_t other) { return variants_[other].pmu == variant.pmu; }))
        continue;
    }
    taken.push_back(i);
  }
  return taken;
}

PerfSeries PerfCollector::take() {
  PerfSeries series;
  series.times = std::move(times_);
  const std::size_t rows = series.times.size();
  std::vector<char> used(variants_.size(), 0);
  for (std::size_t event = 0; event < options_.events.size(); ++event) {
    const auto taken = chosen(event);
    for (const std::size_t i : taken) {
      Variant& variant = variants_[i];
      used[i] = 1;
      variant.counts.resize(rows, nan);
      variant.shares.resize(rows, nan);
      const bool apart = options_.hybrid == HybridPmus::apart && taken.size() > 1;
      if (i == taken[0] || apart) {
        const std::string name =
            apart ? variant.pmu + "/" + options_.events[event] + "/" : options_.events[event];
        series.columns.push_back(
            {name, std::move(variant.counts), std::move(variant.shares), variant.length, {variant.spelled}});
        continue;
      }
      // A PMU on whose cores nothing ran has no count: the other's is the sum.
      PerfColumn& sum = series.columns.back();
      for (std::size_t row = 0; row < rows; ++row) {
        const double count = variant.counts[row];
        if (!std::isnan(count))
          sum.counts[row] = std::isnan(sum.counts[row]) ? count : sum.counts[row] + count;
        const double share = variant.shares[row];  // cores of either kind run the chain in turn
        if (!std::isnan(share))
          sum.shares[row] = std::isnan(sum.shares[row]) ? share : sum.shares[row] + share;
      }
      sum.length = std::max(sum.length, variant.length);
      sum.spelled.push_back(variant.spelled);
    }
  }
  for (std::size_t i = 0; i < variants_.size(); ++i)
    if (used[i] == 0 && variants_[i].length > 0) series.left_out.push_back(variants_[i].spelled);
  for (auto& column : series.columns)
    for (double& share : column.shares)
      if (share > 1) share = 1;
  return series;
}

}  // namespace drst
