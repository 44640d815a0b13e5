#include "collect/collector.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <ctime>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "collect/columns.h"
#include "collect/grid.h"
#include "collect/monotonic.h"

namespace drst {

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t longest_nap_ns = 500'000'000, answer_nap_ns = 1'000'000;

void sleep_until(std::int64_t at_ns) {
  const timespec until{at_ns / 1'000'000'000, at_ns % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);  // a signal ends it, too
}

std::string two_of_one_name(const std::string& source, const std::string& column) {
  return source + ": a column '" + column +
         "' is there already; give one of the two another name by rename = { " + column +
         " = \"...\" }, or the source another `name`";
}

/// Takes rows and forgets them.
class NoSink final : public RowSink {
 public:
  void begin(const std::vector<std::string>&) override {}
  void put(const CollectedRow&) override {}
  void finish(bool) override {}
};

}  // namespace

Collector::Collector(std::vector<ChainSource> sources, const CollectSettings& settings, const Clock& wall,
                     std::vector<std::string> kpis)
    : settings_(settings), wall_(wall), kpis_(std::move(kpis)) {
  for (auto& source : sources) {
    Part part;
    part.chain = std::move(source);
    parts_.push_back(std::move(part));
  }
}

bool Collector::wait_until(std::int64_t due_ns) const {
  while (!stop_requested()) {
    const std::int64_t now_ns = monotonic_ns();
    if (now_ns >= due_ns) return true;
    sleep_until(std::min(due_ns, now_ns + longest_nap_ns));
  }
  return false;
}

/// True where there are new ones.
bool Collector::learn_columns() {
  bool any = false;
  for (Part& part : parts_) {
    const auto& names = part.chain.source->columns();
    for (; part.taken < names.size(); ++part.taken) {
      const std::string name = row_name(part.chain.spec, names[part.taken]);
      if (std::ranges::find(columns_, name) != columns_.end()) {
        const std::string words = two_of_one_name(part.chain.source->name(), name);
        if (counts_.rows == 0) throw InputError(words);
        log::warning(words + "; it is left out");
        part.places.push_back(-1);
        continue;
      }
      part.places.push_back(static_cast<std::ptrdiff_t>(columns_.size()));
      columns_.push_back(name);
      any = true;
    }
  }
  return any;
}

void Collector::wait_for_columns() {
  const std::int64_t until_ns = monotonic_ns() + std::llround(settings_.header_wait_s * 1e9);
  const auto known = [&] {
    return std::ranges::all_of(parts_, [](const Part& part) { return part.chain.source->knows_columns(); });
  };
  std::int64_t number = -1;
  while (!known() && monotonic_ns() < until_ns && !stop_requested()) {
    // Sources that follow something look at it when they are asked.
    const std::int64_t now_ns = monotonic_ns();
    const Tick tick{number--, now_ns, now_ns, settings_.interval_s};
    ask(tick);
    take(tick);
    sleep_until(now_ns + 50'000'000);
  }
  for (const Part& part : parts_)
    if (!part.chain.source->knows_columns())
      log::warning(part.chain.source->name() +
                   ": its columns are not known yet, its header has not come in " +
                   to_text(settings_.header_wait_s) + " s (collect.header_wait_s)");
}

void Collector::check_renames() const {
  for (const Part& part : parts_) {
    if (!part.chain.source->knows_columns()) continue;
    const std::string prefix = column_prefix(part.chain.spec);
    const auto& names = part.chain.source->columns();
    for (const auto& [from, to] : part.chain.spec.rename)
      if (std::ranges::find(names, from) == names.end() &&
          std::ranges::find(names, prefix + from) == names.end())
        throw InputError(part.chain.spec.where + ": rename names '" + from + "', which " +
                         part.chain.source->name() + " does not have" + did_you_mean(from, names) +
                         "; it has " + join_first(names));
  }
}

void Collector::ask(const Tick& tick) {
  for (Part& part : parts_) part.chain.source->ask(tick);
  const std::int64_t until_ns = tick.now_ns + std::llround(settings_.patience * tick.interval_s * 1e9);
  const auto all_answered = [&] {
    return std::ranges::all_of(parts_, [](const Part& part) { return part.chain.source->answered(); });
  };
  while (!all_answered() && monotonic_ns() < until_ns && !stop_requested())
    sleep_until(std::min(until_ns, monotonic_ns() + answer_nap_ns));
}

void Collector::take(const Tick& tick) {
  for (Part& part : parts_) {
    Source& source = *part.chain.source;
    if (!source.answered()) ++counts_.late_answers;
    part.values.assign(source.columns().size(), missing);
    part.shares.assign(source.columns().size(), missing);
    source.take(tick, part.values, part.shares);
    if (tick.number >= 0) say(part);  // before the grid they are still being set up
  }
}

void Collector::say(Part& part) const {
  const SourceState state = part.chain.source->state();
  const std::string words = part.chain.source->name() + (state.present ? ": there" : ": missing") +
                            (state.words.empty() ? "" : ": " + state.words);
  if (!state.present) {
    constexpr double short_s = 2;
    ++part.missing_ticks;
    if (part.said_missing || part.missing_ticks < 2 ||
        static_cast<double>(part.missing_ticks) * settings_.interval_s < short_s)
      return;
    log::warning(words);
    part.said_missing = true;
    return;
  }
  part.missing_ticks = 0;
  // What it does not give, first of all which events the kernel refuses.
  if (part.said_missing || (!part.said_words && !state.words.empty())) log::info(words);
  part.said_words = part.said_words || !state.words.empty();
  part.said_missing = false;
}

bool Collector::run(RowSink& sink, const CollectLimits& limits) {
  wait_for_columns();
  learn_columns();
  check_renames();
  sink.begin(columns_);
  Grid grid(settings_.interval_s, monotonic_ns(), wall_.now());
  std::int64_t last = -1, first = -1;
  while (wait_until(grid.due_ns())) {
    const Tick tick = grid.begin(monotonic_ns());
    row_.at = wall_.now();
    counts_.missed_ticks = grid.missed();
    counts_.worst_late_s =
        std::max(counts_.worst_late_s, static_cast<double>(tick.now_ns - tick.due_ns) * 1e-9);
    ask(tick);
    take(tick);
    if (first < 0) {
      first = last = tick.number;
      continue;
    }
    if (learn_columns()) sink.begin(columns_);
    row_.follows = tick.number == last + 1 && counts_.rows > 0;
    row_.tick = tick.number - first - 1;
    row_.values.assign(columns_.size(), missing);
    row_.shares.assign(columns_.size(), missing);
    for (const Part& part : parts_)
      for (std::size_t column = 0; column < part.places.size(); ++column) {
        if (part.places[column] < 0 || column >= part.values.size()) continue;
        const auto place = static_cast<std::size_t>(part.places[column]);
        row_.values[place] = part.values[column];
        row_.shares[place] = part.shares[column];
      }
    counts_.missing_cells +=
        std::ranges::count_if(row_.values, [](double value) { return !std::isfinite(value); });
    last = tick.number;
    remember();
    sink.put(row_);
    ++counts_.rows;
    const double seconds = static_cast<double>(tick.number - first) * settings_.interval_s;
    if (limits.enough && limits.enough()) return true;
    if (limits.rows > 0 && counts_.rows >= limits.rows) return true;
    if (limits.seconds > 0 && seconds >= limits.seconds - 1e-9) return true;
  }
  return false;
}

void Collector::remember() {
  constexpr std::size_t most_rows = 600;
  if (watched_.empty())
    for (const Part& part : parts_)
      for (std::size_t column = 0; column < part.places.size(); ++column) {
        if (part.places[column] < 0) continue;
        const auto place = static_cast<std::size_t>(part.places[column]);
        const bool kpi = std::ranges::find(kpis_, columns_[place]) != kpis_.end();
        if (column == 0 || kpi) watched_.push_back(place);
      }
  std::vector<double> values;
  for (const std::size_t place : watched_) values.push_back(row_.values[place]);
  last_rows_.push_back({row_.follows, std::move(values)});
  if (last_rows_.size() > most_rows) last_rows_.pop_front();
}

std::vector<SourceLag> Collector::lags() const {
  std::vector<SourceLag> found;
  std::vector<std::size_t> starts;
  for (std::size_t row = 0; row < last_rows_.size(); ++row)
    if (row == 0 || !last_rows_[row].follows) starts.push_back(row);
  const auto series = [&](std::size_t watched) {
    std::vector<double> values;
    for (const auto& row : last_rows_) values.push_back(row.values[watched]);
    return values;
  };
  const auto is_kpi = [&](std::size_t watched) {
    return std::ranges::find(kpis_, columns_[watched_[watched]]) != kpis_.end();
  };
  for (std::size_t kpi = 0; kpi < watched_.size(); ++kpi) {
    if (!is_kpi(kpi)) continue;
    for (std::size_t column = 0; column < watched_.size(); ++column) {
      if (is_kpi(column)) continue;
      if (const auto lag = estimate_lag(series(column), series(kpi), starts))
        found.push_back({columns_[watched_[column]], columns_[watched_[kpi]], *lag});
    }
  }
  return found;
}

std::vector<SourceReport> Collector::report() const {
  std::vector<SourceReport> reports;
  for (const Part& part : parts_) {
    SourceReport report{part.chain.source->name(),
                        part.chain.source->state(),
                        part.chain.source->age_s(),
                        {},
                        part.values,
                        part.shares};
    for (const auto& name : part.chain.source->columns())
      report.columns.push_back(row_name(part.chain.spec, name));
    reports.push_back(std::move(report));
  }
  return reports;
}

bool probe(Collector& collector) {
  NoSink sink;
  // What follows a tool has its first whole row when the tool's next begins.
  return collector.run(sink, {.rows = 4, .enough = [&] {
                                return std::ranges::all_of(
                                    collector.report(),
                                    [](const SourceReport& report) { return report.state.present; });
                              }});
}

}  // namespace drst
