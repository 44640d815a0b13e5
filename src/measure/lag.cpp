#include "measure/lag.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace drst {

namespace {

constexpr std::size_t fewest_pairs = 30;

struct Experiment {
  std::size_t begin, end;
};

std::vector<Experiment> experiments_of(std::span<const std::size_t> starts, std::size_t rows) {
  std::vector<Experiment> experiments;
  for (std::size_t i = 0; i < starts.size(); ++i)
    experiments.push_back({starts[i], i + 1 < starts.size() ? starts[i + 1] : rows});
  if (experiments.empty()) experiments.push_back({0, rows});
  return experiments;
}

/// By row: its change from the one before; NaN at the start of an experiment.
std::vector<double> changes_of(std::span<const double> values, const std::vector<Experiment>& experiments) {
  std::vector<double> changes(values.size(), std::numeric_limits<double>::quiet_NaN());
  for (const auto& [begin, end] : experiments)
    for (std::size_t row = begin + 1; row < end; ++row) changes[row] = values[row] - values[row - 1];
  return changes;
}

struct Correlation {
  double value = 0;
  std::size_t pairs = 0;
  double largest = 0;  // share of one pair in the sum of products
};

Correlation correlation_at(const std::vector<double>& earlier, const std::vector<double>& later,
                           const std::vector<Experiment>& experiments, int lag) {
  double sum_a = 0, sum_b = 0, sum_aa = 0, sum_bb = 0, sum_ab = 0, largest = 0;
  std::size_t pairs = 0;
  for (const auto& [begin, end] : experiments)
    for (std::size_t row = begin; row < end; ++row) {
      const auto other = static_cast<std::ptrdiff_t>(row) + lag;
      if (other < static_cast<std::ptrdiff_t>(begin) || other >= static_cast<std::ptrdiff_t>(end)) continue;
      const double a = earlier[row], b = later[static_cast<std::size_t>(other)];
      if (!std::isfinite(a) || !std::isfinite(b)) continue;
      sum_a += a;
      sum_b += b;
      sum_aa += a * a;
      sum_bb += b * b;
      sum_ab += a * b;
      largest = std::max(largest, std::abs(a * b));
      ++pairs;
    }
  if (pairs < 2) return {0, pairs};
  const auto n = static_cast<double>(pairs);
  const double spread_a = sum_aa - sum_a * sum_a / n, spread_b = sum_bb - sum_b * sum_b / n;
  const double product = spread_a * spread_b;
  const double value = product > 0 ? (sum_ab - sum_a * sum_b / n) / std::sqrt(product) : 0;
  if (!std::isfinite(value) || sum_ab == 0) return {0, pairs};
  return {value, pairs, largest / std::abs(sum_ab)};
}

}  // namespace

std::optional<Lag> estimate_lag(std::span<const double> earlier, std::span<const double> later,
                                std::span<const std::size_t> starts, int most) {
  const auto experiments = experiments_of(starts, std::min(earlier.size(), later.size()));
  const auto a = changes_of(earlier, experiments), b = changes_of(later, experiments);
  std::vector<Correlation> by_lag;
  for (int lag = -most; lag <= most; ++lag) by_lag.push_back(correlation_at(a, b, experiments, lag));
  std::size_t best = 0;
  for (std::size_t i = 1; i < by_lag.size(); ++i)
    if (std::abs(by_lag[i].value) > std::abs(by_lag[best].value)) best = i;
  const Correlation& peak = by_lag[best];
  if (peak.pairs < fewest_pairs || peak.largest > 0.25 ||
      std::abs(peak.value) < 3 / std::sqrt(static_cast<double>(peak.pairs)))
    return std::nullopt;
  Lag found{static_cast<double>(best) - most, peak.value, peak.pairs};
  if (best > 0 && best + 1 < by_lag.size()) {
    const double before = std::abs(by_lag[best - 1].value), at = std::abs(peak.value),
                 after = std::abs(by_lag[best + 1].value);
    const double curvature = before - 2 * at + after;
    if (curvature < 0) found.rows += 0.5 * (before - after) / curvature;
  }
  return found;
}

}  // namespace drst
