#include "drift/split.h"

#include <algorithm>
#include <vector>

#include "drift/xlogx.h"

namespace drst {

Split best_split(std::span<const double> values, std::size_t features, std::size_t bins,
                 std::size_t least_first, std::size_t least_last) {
  Split best;
  const std::size_t n = features == 0 ? 0 : values.size() / features;
  if (least_first == 0 || least_last == 0 || n < least_first + least_last) return best;
  const BinnedRows rows = bin_rows(values, edges_of(values, features, bins));
  const std::size_t cells = rows.cells;
  const XLogX g(n);

  std::vector<uint32_t> first(features * cells, 0);
  std::vector<uint32_t> others(features * cells, 0);
  for (std::size_t r = 0; r < n; ++r)
    for (std::size_t f = 0; f < features; ++f) ++others[f * cells + rows.row(r)[f]];

  // n JSD_w = sum over features of [g(n) - g(l) - g(r)] + sum over cells of [g(first) + g(others) - g(both)];
  // only the first two of the cells' terms change from split to split. Entries are up to 2^61, so sums over
  // features are taken in double.
  std::vector<int64_t> parts(features, 0);
  std::vector<int64_t> wholes(features, 0);
  std::vector<int64_t> best_parts;
  double whole = 0;
  for (std::size_t f = 0; f < features; ++f) {
    int64_t sum = 0;
    for (std::size_t i = f * cells; i < (f + 1) * cells; ++i) sum += g[others[i]];
    parts[f] = wholes[f] = sum;
    whole += g.to_double(sum);
  }
  for (std::size_t l = 1; l + least_last <= n; ++l) {
    const uint16_t* moved = rows.row(l - 1);
    double sum = 0;
    for (std::size_t f = 0; f < features; ++f) {
      const std::size_t i = f * cells + moved[f];
      parts[f] += g[first[i] + 1] - g[first[i]] + g[others[i] - 1] - g[others[i]];
      ++first[i];
      --others[i];
      sum += g.to_double(parts[f]);
    }
    if (l < least_first) continue;
    const double sizes = g.to_double(g[n] - g[l] - g[n - l]);
    const double bits = (sizes + (sum - whole) / static_cast<double>(features)) / static_cast<double>(n);
    if (bits > best.bits) {
      best.at = l;
      best.bits = bits;
      best_parts = parts;
    }
  }
  for (std::size_t f = 0; f < best_parts.size(); ++f)
    best.by_feature.push_back(g.to_double(g[n] - g[best.at] - g[n - best.at] + best_parts[f] - wholes[f]) /
                              static_cast<double>(n));
  return best;
}

}  // namespace drst
