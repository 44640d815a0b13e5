// Jensen-Shannon divergence between a frozen baseline and a sliding window, kept exact in O(features) a record.
//
// Bin edges per feature are frozen from the baseline (quantile edges by default), with an underflow, an overflow and a "missing" bin. Both windows hold the
// same number W of records, so every cell count is an integer in 0..W and the divergence in bits,
//     JSD = 1/2 sum_k [p_k log2(p_k/m_k) + q_k log2(q_k/m_k)],  m = (p+q)/2   (Lin, IEEE Trans. Inf. Theory 37(1), 1991),
// is a sum over cells of a table f[a][b]; when a record enters or leaves, one cell per feature changes and the sum moves by a
// table difference. Sums are kept in integers scaled by 2^k (or re-summed often enough) so that the result equals the full recomputation to 1e-12
// after any number of updates. No logarithm, no allocation in `push`. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace drst {

/// Frozen edges of one feature: bin 0 is x < edges[0], bin i is edges[i-1] <= x < edges[i], the last is x >= edges.back(); NaN has a bin of its own.
struct BinEdges {
  std::vector<double> edges;
  [[nodiscard]] std::size_t bins() const { return edges.size() + 2; }  ///< the missing bin is the last
  [[nodiscard]] std::size_t bin(double x) const;
};
/// Edges at the quantiles of the finite values (duplicates merged; a constant feature gets edges around its value). At least one edge.
BinEdges quantile_edges(std::span<const double> values, std::size_t bins);

/// JSD in bits of two histograms of equal totals, by the formula; the reference that the fast path is tested against.
double js_divergence_bits(std::span<const uint32_t> a, std::span<const uint32_t> b);

class JsWindow {
 public:
  /// baseline: window x features, row-major, NaN = missing.
  JsWindow(std::span<const double> baseline, std::size_t window, std::size_t features, std::size_t bins);

  void push(std::span<const double> values);        ///< one record, `features` values; the oldest leaves once the window is full
  [[nodiscard]] bool full() const;
  [[nodiscard]] double signal() const;              ///< mean over features, bits, 0..1; meaningful when full()
  [[nodiscard]] double feature(std::size_t index) const;
  [[nodiscard]] std::size_t features() const;
  [[nodiscard]] std::size_t window() const;
  void clear_window();                              ///< forgets the records, keeps the baseline
  [[nodiscard]] const std::vector<BinEdges>& edges() const;

 private:
  // ring of bin indices, counts, table of f; see divergence.cpp
};

}  // namespace drst
