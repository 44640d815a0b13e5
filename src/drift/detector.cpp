#include "drift/detector.h"

#include <algorithm>
#include <cmath>
#include <limits>
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
  return {std::move(names), std::move(columns), std::move(values), std::move(js), {}};
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
  const BinnedRows unseen = bin_rows_as_unseen(baseline->values, baseline->js.edges());
  const Random random = Random(seed).fork(calibrations++);
  for (std::size_t voice = 0; voice < baseline->js.voices(); ++voice) {
    const std::size_t span = voice == 0 ? size(settings.window) : size(settings.recent[voice - 1]);
    Random own = random.fork(voice);
    const auto null = bootstrap_null(baseline->js.baseline(), unseen, span,
                                     static_cast<double>(settings.calibration.block_rows),
                                     size(settings.calibration.bootstrap_rounds), own);
    baseline->thresholds.push_back(thresholds_from(
        null, span, voice == 0 ? settings.calibration.least_effect : settings.calibration.recent_least_effect,
        settings.calibration));
  }
}

void DriftDetector::State::evaluate(int64_t row) {
  SignalPoint& p = point.emplace();
  p.row = row;
  p.signal = baseline->js.signal();
  std::copy(baseline->thresholds[0].begin(), baseline->thresholds[0].end(), p.thresholds);
  for (std::size_t voice = 1; voice < baseline->js.voices(); ++voice)
    p.recent.push_back({settings.recent[voice - 1], baseline->js.signal(voice), baseline->thresholds[voice]});
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
  int64_t gone = 0;
  int64_t since = pushed;
  for (std::size_t f = 0; f < baseline->columns.size(); ++f) {
    std::size_t empty = 0;
    while (empty < rows.size() && std::isnan(rows.at(rows.size() - 1 - empty, baseline->columns[f]))) ++empty;
    // A counter that often went missing in the baseline, too, is no news.
    const uint16_t missing = static_cast<uint16_t>(baseline->js.edges()[f].bins() - 1);
    std::size_t known = 0;
    if (empty >= last)
      for (std::size_t r = 0; r < binned.rows(); ++r) known += binned.row(r)[f] != missing ? 1U : 0U;
    const bool vanished = 2 * known > binned.rows();
    if (vanished) {
      ++gone;
      since = std::min(since, pushed - static_cast<int64_t>(empty));
    }
    alarm.by_feature.push_back(vanished ? 1 : 0);
  }
  const double share = static_cast<double>(gone) / static_cast<double>(baseline->columns.size());
  if (gone == 0 || share < settings.vanished_share) return std::nullopt;
  alarm.row = row;
  alarm.voice = "columns";
  alarm.signal = share;
  alarm.threshold = settings.vanished_share;
  alarm.tier = Tier::A;
  alarm.columns = baseline->names;
  raise(alarm, std::max({since, regime, first_kept()}));
  return alarm;
}

std::optional<Alarm> DriftDetector::State::judge_split(int64_t row) {
  const int64_t age = pushed - regime;
  if (age > static_cast<int64_t>(rows.capacity())) return std::nullopt;
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

void DriftDetector::acknowledge() {
  State& s = *state_;
  if (!s.alarmed) return;
  s.alarmed = false;
  s.regime = std::max(s.change, s.pushed - s.settings.window);
  if (s.pushed - s.regime >= s.settings.window) s.freeze();
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
