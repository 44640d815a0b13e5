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

BootstrapQuantiles bootstrap_quantiles(const BinnedRows& baseline, const BinnedRows& unseen, std::size_t span,
                                       const CalibrationSettings& settings, Random& random) {
  constexpr std::size_t outer = 8;
  const auto mean_block = static_cast<double>(settings.block_rows);
  const auto rounds = static_cast<std::size_t>(settings.bootstrap_rounds);
  const auto quantiles = [&](const BinnedRows& a, const BinnedRows& b, std::size_t count) {
    const auto null = bootstrap_null(a, b, span, mean_block, count, random);
    Thresholds found{};
    for (std::size_t tier = 0; tier < found.size(); ++tier)
      found[tier] = tail_quantile(null, 1 - settings.quantiles[tier], settings.tail_from);
    return found;
  };
  BootstrapQuantiles result;
  result.quantiles = quantiles(baseline, unseen, rounds);
  Thresholds mean{};
  Thresholds square{};
  std::vector<uint32_t> drawn;
  BinnedRows world = baseline;
  BinnedRows world_unseen = unseen;
  for (std::size_t i = 0; i < outer; ++i) {
    resample_blocks(random, baseline.rows(), baseline.rows(), mean_block, drawn);
    for (std::size_t r = 0; r < drawn.size(); ++r) {
      const auto to = static_cast<std::ptrdiff_t>(r * baseline.features);
      std::copy_n(baseline.row(drawn[r]), baseline.features, world.bins.begin() + to);
      std::copy_n(unseen.row(drawn[r]), baseline.features, world_unseen.bins.begin() + to);
    }
    const Thresholds found = quantiles(world, world_unseen, std::max<std::size_t>(rounds / outer, 50));
    for (std::size_t tier = 0; tier < found.size(); ++tier) {
      mean[tier] += found[tier] / outer;
      square[tier] += found[tier] * found[tier] / outer;
    }
  }
  for (std::size_t tier = 0; tier < mean.size(); ++tier)
    result.errors[tier] =
        std::sqrt(std::max(0.0, square[tier] - mean[tier] * mean[tier]) * outer / (outer - 1));
  return result;
}

Thresholds bounded(const Thresholds& found, const std::vector<double>& least,
                   const std::vector<double>& most) {
  constexpr double apart = 1e-6;  // tiers stay distinct even for a baseline that never varies
  Thresholds thresholds{};
  for (std::size_t tier = 0; tier < thresholds.size(); ++tier) {
    const double held = std::max(std::min(found[tier], most[tier]), least[tier]);
    thresholds[tier] = tier == 0 ? held : std::max(held, thresholds[tier - 1] + apart);
  }
  return thresholds;
}

}  // namespace drst
