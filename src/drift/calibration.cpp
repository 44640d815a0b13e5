#include "drift/calibration.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "drift/xlogx.h"

namespace drst {

void resample_blocks(Random& random, std::size_t n, std::size_t length, double mean_block,
                     std::vector<uint32_t>& out) {
  out.clear();
  std::size_t at = 0;
  while (out.size() < length) {
    if (out.empty() || random.uniform() * mean_block < 1)
      at = static_cast<std::size_t>(random.below(n));
    else
      at = at + 1 == n ? 0 : at + 1;
    out.push_back(static_cast<uint32_t>(at));
  }
}

std::vector<double> bootstrap_null(const BinnedRows& baseline, const BinnedRows& unseen, std::size_t span,
                                   double mean_block, std::size_t rounds, Random& random) {
  const std::size_t rows = baseline.rows();
  const std::size_t features = baseline.features;
  const std::size_t cells = baseline.cells;
  if (rows == 0 || unseen.bins.size() != baseline.bins.size() || span == 0 || rows % span != 0 ||
      mean_block < 1)
    throw InputError(
        "drift: bootstrap needs a window that divides the baseline, and blocks of at least one record");
  const auto weight = static_cast<uint32_t>(rows / span);
  const XLogX g(2 * rows);

  std::vector<double> null;
  null.reserve(rounds);
  std::vector<uint32_t> drawn;
  std::vector<uint32_t> a(features * cells);
  std::vector<uint32_t> b(features * cells);
  const auto count = [&](const BinnedRows& from, std::vector<uint32_t>& counts, std::size_t length,
                         uint32_t step) {
    resample_blocks(random, rows, length, mean_block, drawn);
    std::fill(counts.begin(), counts.end(), 0);
    for (const uint32_t r : drawn) {
      const uint16_t* bins = from.row(r);
      for (std::size_t f = 0; f < features; ++f) counts[f * cells + bins[f]] += step;
    }
  };
  for (std::size_t round = 0; round < rounds; ++round) {
    count(baseline, a, rows, 1);
    count(unseen, b, span, weight);
    double sum = 0;
    for (std::size_t f = 0; f < features; ++f) {
      int64_t cell_sum = 0;
      for (std::size_t i = f * cells; i < (f + 1) * cells; ++i)
        cell_sum += g[a[i]] + g[b[i]] - g[a[i] + b[i]];
      sum += 1 + g.to_double(cell_sum) / (2 * static_cast<double>(rows));
    }
    null.push_back(std::clamp(sum / static_cast<double>(features), 0.0, 1.0));
  }
  std::sort(null.begin(), null.end());
  return null;
}

double tail_quantile(std::span<const double> sorted, double exceedance, double tail_from) {
  if (sorted.empty()) return 0;
  const auto at = [&](double p) {
    const double position = (1 - p) * static_cast<double>(sorted.size() - 1);
    const auto low = static_cast<std::size_t>(position);
    const std::size_t high = std::min(low + 1, sorted.size() - 1);
    return sorted[low] + (position - static_cast<double>(low)) * (sorted[high] - sorted[low]);
  };
  if (exceedance >= tail_from) return at(std::min(exceedance, 1.0));
  const double start = at(tail_from);
  double excess = 0;
  std::size_t above = 0;
  for (auto it = sorted.rbegin(); it != sorted.rend() && *it > start; ++it, ++above) excess += *it - start;
  if (above == 0) return start;
  return start + excess / static_cast<double>(above) * std::log(tail_from / exceedance);
}

Thresholds thresholds_from(std::span<const double> sorted_null, std::size_t span,
                           const std::vector<double>& least, const CalibrationSettings& settings) {
  constexpr double apart = 1e-6;  // tiers stay distinct even for a baseline that never varies
  Thresholds thresholds{};
  for (std::size_t tier = 0; tier < thresholds.size(); ++tier) {
    const double exceedance = settings.rule == "budget"
                                  ? std::min(1.0, static_cast<double>(span) / settings.budget_rows[tier])
                                  : 1 - settings.quantiles[tier];
    const double found = std::max(
        std::min(tail_quantile(sorted_null, exceedance, settings.tail_from), settings.most_effect[tier]),
        least[tier]);
    thresholds[tier] = tier == 0 ? found : std::max(found, thresholds[tier - 1] + apart);
  }
  return thresholds;
}

}  // namespace drst
