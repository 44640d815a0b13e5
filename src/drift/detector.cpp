#include "drift/detector.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/text.h"
#include "drift/detector_state.h"

namespace drst {

namespace {

std::size_t size(int64_t value) { return static_cast<std::size_t>(value); }

int64_t longest_recent(const DriftSettings& settings) {
  return settings.recent.empty() ? 0 : *std::max_element(settings.recent.begin(), settings.recent.end());
}

double missing() { return std::numeric_limits<double>::quiet_NaN(); }

Tier tier_of(double signal, const Thresholds& thresholds) {
  if (signal >= thresholds[2]) return Tier::C;
  if (signal >= thresholds[1]) return Tier::B;
  return signal >= thresholds[0] ? Tier::A : Tier::none;
}

double threshold_of(Tier tier, const Thresholds& thresholds) {
  return thresholds[static_cast<std::size_t>(tier) - 1];
}

}  // namespace

DriftDetector::State::State(DriftSettings s, uint64_t seed_)
    : settings(std::move(s)),
      seed(seed_),
      rows(size(settings.window + longest_recent(settings)), size(settings.max_columns)) {
  check(settings);
}

std::size_t DriftDetector::State::index_of(int64_t position) const { return size(position - first_kept()); }

DriftDetector::State::Baseline DriftDetector::State::make_baseline(std::vector<std::size_t> columns,
                                                                   std::vector<double> values) const {
  std::vector<std::string> names;
  names.reserve(columns.size());
  for (const std::size_t c : columns) names.push_back(rows.columns()[c]);
  const std::vector<std::size_t> spans(settings.recent.begin(), settings.recent.end());
  JsWindow js(values, size(settings.window), columns.size(), size(settings.bins), spans);
  // The baseline is the last full window seen, so the windows begin as it: full, with no divergence.
  for (std::size_t r = 0; r < js.window(); ++r)
    js.push(std::span<const double>(values).subspan(r * columns.size(), columns.size()));
  return {std::move(names), std::move(columns), std::move(values), std::move(js), {}, {}, {}, {}, {}, {}};
}

int64_t DriftDetector::State::young_rows() const {
  int64_t longest = 0;
  for (const int64_t recent : settings.recent)
    if (recent < settings.window) longest = std::max(longest, recent);
  return settings.window + longest;
}

void DriftDetector::State::freeze() {
  const std::size_t begin = index_of(regime);
  const std::size_t end = begin + size(settings.window);
  std::vector<std::size_t> columns = rows.present(begin, end);
  if (columns.empty()) {
    ++regime;  // nothing but missing values: no baseline can be had from these records, maybe from the next
    return;
  }
  std::vector<double> values = rows.matrix(begin, end, columns);
  baseline = make_baseline(std::move(columns), std::move(values));
  baseline_of = regime;
  look_at_columns();
  calibrate();
}

void DriftDetector::State::look_at_columns() {
  const std::size_t features = baseline->columns.size();
  const std::size_t window = baseline->values.size() / features;
  std::map<std::vector<double>, std::size_t> seen;
  std::vector<double> column(window);
  for (std::size_t f = 0; f < features; ++f) {
    double low = missing();
    double high = missing();
    for (std::size_t r = 0; r < window; ++r) {
      const double x = baseline->values[r * features + f];
      low = std::fmin(low, x);
      high = std::fmax(high, x);
      column[r] = std::isnan(x) ? std::numeric_limits<double>::infinity() : x;  // comparable; none else is
    }
    if (low == high)
      baseline->constant.push_back(baseline->names[f]);
    else if (!seen.emplace(column, f).second)
      baseline->duplicated.push_back(baseline->names[f]);
  }
}

void DriftDetector::State::evaluate(int64_t row) {
  SignalPoint& p = point.emplace();
  p.row = row;
  p.signal = baseline->js.signal();
  std::copy(baseline->thresholds[0].begin(), baseline->thresholds[0].end(), p.thresholds);
  std::copy(baseline->errors[0].begin(), baseline->errors[0].end(), p.errors);
  for (std::size_t voice = 1; voice < baseline->js.voices(); ++voice)
    p.recent.push_back({settings.recent[voice - 1],
                        baseline->js.full(voice) ? baseline->js.signal(voice) : missing(),
                        baseline->thresholds[voice], baseline->errors[voice]});
  for (std::size_t f = 0; f < baseline->js.features(); ++f) p.by_feature.push_back(baseline->js.feature(f));
}

std::optional<Alarm> DriftDetector::State::judge(int64_t row) {
  if (alarmed || pushed < settings.window || pushed - regime < settings.cool_down) return std::nullopt;
  if (auto alarm = judge_split(row)) return alarm;
  if (!settled()) return std::nullopt;
  if (auto alarm = judge_columns(row)) return alarm;
  return judge_voices(row);
}

std::optional<Alarm> DriftDetector::State::judge_columns(int64_t row) {
  const auto last = size(settings.vanished_rows);
  const BinnedRows& binned = baseline->js.baseline();
  Alarm alarm;
  alarm.columns = baseline->names;
  int64_t since = pushed;
  const auto missing_for = [&](std::size_t column) {
    std::size_t empty = 0;
    while (empty < rows.size() && std::isnan(rows.at(rows.size() - 1 - empty, column))) ++empty;
    return empty;
  };
  for (std::size_t f = 0; f < baseline->columns.size(); ++f) {
    const std::size_t empty = missing_for(baseline->columns[f]);
    bool vanished = false;
    if (empty >= last) {
      // A counter that often went missing in the baseline, too, is no news, and gaps are measured by its own.
      const auto none = static_cast<uint16_t>(baseline->js.edges()[f].bins() - 1);
      std::size_t known = 0;
      std::size_t gap = 0;
      std::size_t longest_gap = 0;
      for (std::size_t r = 0; r < binned.rows(); ++r) {
        const bool is_missing = binned.row(r)[f] == none;
        gap = is_missing ? gap + 1 : 0;
        longest_gap = std::max(longest_gap, gap);
        known += is_missing ? 0U : 1U;
      }
      vanished = 2 * known > binned.rows() && empty > 3 * longest_gap;
    }
    if (vanished) {
      alarm.gone.push_back(baseline->names[f]);
      since = std::min(since, pushed - static_cast<int64_t>(empty));
    }
    alarm.by_feature.push_back(vanished ? 1 : 0);
  }
  for (std::size_t c = 0; c < rows.columns().size(); ++c) {
    if (std::find(baseline->columns.begin(), baseline->columns.end(), c) != baseline->columns.end()) continue;
    std::size_t there = 0;
    while (there < rows.size() && !std::isnan(rows.at(rows.size() - 1 - there, c))) ++there;
    if (there < last) continue;
    alarm.appeared.push_back(rows.columns()[c]);
    alarm.columns.push_back(rows.columns()[c]);
    alarm.by_feature.push_back(1);
    since = std::min(since, pushed - static_cast<int64_t>(there));
  }
  const double share = static_cast<double>(std::max(alarm.gone.size(), alarm.appeared.size())) /
                       static_cast<double>(baseline->columns.size());
  if (share < settings.vanished_share) return std::nullopt;
  alarm.row = row;
  alarm.voice = "columns";
  alarm.signal = std::min(share, 1.0);
  alarm.threshold = settings.vanished_share;
  alarm.tier = Tier::A;
  raise(alarm, std::max({since, regime, first_kept()}));
  return alarm;
}

std::optional<Alarm> DriftDetector::State::judge_split(int64_t row) {
  const int64_t age = pushed - regime;
  if (age > young_rows()) return std::nullopt;
  const std::size_t begin = index_of(regime);
  const std::vector<std::size_t> columns = rows.present(begin, rows.size());
  const Split split =
      best_split(rows.matrix(begin, rows.size(), columns), columns.size(), size(settings.split_bins),
                 size(settings.split_least), size(settings.split_least));
  // Short stretches differ more by chance; the bound rises with the standard deviation of their histograms.
  const double scale = std::sqrt(static_cast<double>(settings.window) / static_cast<double>(age));
  Thresholds bounds{};
  for (std::size_t tier = 0; tier < bounds.size(); ++tier)
    bounds[tier] = settings.split_effect * std::max(1.0, scale) * settings.calibration.least_effect[tier] /
                   settings.calibration.least_effect[0];
  const Tier tier = tier_of(split.bits, bounds);
  if (tier == Tier::none) return std::nullopt;
  const auto at = static_cast<int64_t>(split.at);
  if (regime > 0 && at <= 2 * settings.split_least) {
    regime += at;
    return std::nullopt;
  }
  Alarm alarm;
  alarm.row = row;
  alarm.voice = "split";
  alarm.signal = split.bits;
  alarm.threshold = threshold_of(tier, bounds);
  alarm.tier = tier;
  for (const std::size_t c : columns) alarm.columns.push_back(rows.columns()[c]);
  alarm.by_feature = split.by_feature;
  raise(alarm, regime + at);
  return alarm;
}

std::optional<Alarm> DriftDetector::State::judge_voices(int64_t row) {
  std::size_t loudest = 0;
  Tier tier = Tier::none;
  for (std::size_t voice = 0; voice < baseline->js.voices(); ++voice) {
    if (!baseline->js.full(voice)) continue;
    const Tier heard = tier_of(baseline->js.signal(voice), baseline->thresholds[voice]);
    if (heard > tier) {
      tier = heard;
      loudest = voice;
    }
  }
  if (tier == Tier::none) return std::nullopt;
  Alarm alarm;
  alarm.row = row;
  alarm.voice = loudest == 0 ? "window" : "recent " + to_text(settings.recent[loudest - 1]);
  alarm.signal = baseline->js.signal(loudest);
  alarm.threshold = threshold_of(tier, baseline->thresholds[loudest]);
  alarm.threshold_error = threshold_of(tier, baseline->errors[loudest]);
  alarm.calibrated_on = baseline->calibrated_on;
  alarm.tier = tier;
  alarm.columns = baseline->names;
  for (std::size_t f = 0; f < baseline->js.features(); ++f)
    alarm.by_feature.push_back(baseline->js.feature(f, loudest));

  // The loudest window holds the change, or it would have been as loud before; a little room for its first
  // records.
  const int64_t span = loudest == 0 ? settings.window : settings.recent[loudest - 1];
  const int64_t oldest = std::max(regime, first_kept());
  const int64_t earliest = std::max(pushed - oldest - span - settings.split_least, settings.split_least);
  const std::size_t begin = index_of(oldest);
  const Split split = best_split(rows.matrix(begin, rows.size(), baseline->columns), baseline->columns.size(),
                                 size(settings.split_bins), size(earliest), size(settings.split_least));
  raise(alarm, oldest + static_cast<int64_t>(split.at));
  return alarm;
}

void DriftDetector::State::raise(Alarm& alarm, int64_t change_position) {
  change = change_position;
  if (alarm.calibrated_on.empty()) alarm.calibrated_on = "setting";
  alarm.change_row = rows.row(index_of(change));
  alarmed = true;
}

DriftDetector::DriftDetector(DriftSettings settings, uint64_t seed)
    : state_(std::make_unique<State>(std::move(settings), seed)) {}
DriftDetector::~DriftDetector() = default;
DriftDetector::DriftDetector(DriftDetector&&) noexcept = default;
DriftDetector& DriftDetector::operator=(DriftDetector&&) noexcept = default;

std::optional<Alarm> DriftDetector::push(int64_t row, const std::vector<std::string>& columns,
                                         std::span<const double> values) {
  State& s = *state_;
  s.point.reset();
  s.rows.push(row, columns, values);
  ++s.pushed;
  if (s.baseline) {
    s.scratch.clear();
    for (const std::size_t c : s.baseline->columns) s.scratch.push_back(s.rows.at(s.rows.size() - 1, c));
    s.baseline->js.push(s.scratch);
  }
  if (!s.alarmed && !s.settled() && s.pushed - s.regime >= s.settings.window) s.freeze();
  if (s.pushed % s.settings.stride != 0) return std::nullopt;
  if (s.baseline) s.evaluate(row);
  return s.judge(row);
}

std::optional<Alarm> DriftDetector::hear(const ErrorAlarm& error, int64_t row) {
  State& s = *state_;
  if (s.alarmed || !s.settled() || s.pushed - s.regime < s.settings.cool_down) return std::nullopt;
  Alarm alarm;
  alarm.row = row;
  alarm.voice = "error";
  alarm.signal = error.mean_since;
  alarm.threshold = error.usual_bound;
  alarm.tier = Tier::A;
  alarm.calibrated_on = "labels";
  alarm.columns = s.baseline->names;
  for (std::size_t f = 0; f < s.baseline->js.features(); ++f)
    alarm.by_feature.push_back(s.baseline->js.feature(f));
  int64_t change = std::max(s.regime, s.first_kept());
  while (change + 1 < s.pushed && s.rows.row(s.index_of(change)) < error.since) ++change;
  s.raise(alarm, change);
  return alarm;
}

void DriftDetector::acknowledge() {
  State& s = *state_;
  if (!s.alarmed) return;
  s.alarmed = false;
  s.regime = std::max(s.change, s.pushed - s.settings.window);
  if (s.pushed - s.regime >= s.settings.window) s.freeze();
}

void DriftDetector::set_history(std::shared_ptr<const DriftHistory> history) {
  state_->history = std::move(history);
  state_->pieces.reset();
  state_->usual.reset();
}

const std::string& DriftDetector::calibrated_on() const {
  static const std::string nothing;
  return state_->baseline ? state_->baseline->calibrated_on : nothing;
}

DriftInput DriftDetector::input() const {
  DriftInput input;
  input.infinite_cells = state_->rows.infinite_cells();
  input.ignored_columns = state_->rows.ignored_columns();
  if (state_->baseline) {
    input.constant = state_->baseline->constant;
    input.duplicated = state_->baseline->duplicated;
  }
  return input;
}

const std::vector<std::string>& DriftDetector::history_lacks() const {
  static const std::vector<std::string> none;
  return state_->baseline ? state_->baseline->history_lacks : none;
}

bool DriftDetector::alarmed() const { return state_->alarmed; }
const std::optional<SignalPoint>& DriftDetector::evaluated() const { return state_->point; }

const std::vector<std::string>& DriftDetector::columns() const {
  static const std::vector<std::string> none;
  return state_->baseline ? state_->baseline->names : none;
}

std::string DriftDetector::phase() const {
  if (state_->alarmed) return "alarmed";
  if (state_->settled()) return "watching";
  return state_->baseline ? "settling" : "calibrating";
}

}  // namespace drst
