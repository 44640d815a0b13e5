// Jensen-Shannon divergence between a frozen baseline and sliding windows, kept exact in O(features) a
// record.
//
// Bin edges per feature are frozen from the baseline (quantile edges), with an underflow, an overflow and a
// "missing" bin, so that a vanished column shows. Both windows hold the same number W of records, so every
// cell count is an integer in 0..W and the divergence in bits (Lin, IEEE Trans. Inf. Theory 37(1), 1991)
//     JSD = 1/2 sum_k [p_k log2(p_k/m_k) + q_k log2(q_k/m_k)],  m = (p+q)/2
//         = 1 + 1/(2W) sum_k [g(a_k) + g(b_k) - g(a_k + b_k)],   g(n) = n log2 n,  a, b the counts.
// When a record enters or leaves, one cell a feature changes, and the sum moves by differences of table
// entries; they are integers (xlogx.h), so the result equals the full recomputation after any number of
// updates. No logarithm and no allocation in `push`.
//
// Besides the full window, shorter and longer ones that end at the same record can be watched (`spans`): a
// window of W/k records has its counts multiplied by k, one of k W records is compared with the baseline's
// counts multiplied by k, so that both totals are equal again and the same table serves. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "drift/xlogx.h"

namespace drst {

/// Frozen edges of one feature: bin 0 is x < edges[0], bin i is edges[i-1] <= x < edges[i], bin edges.size()
/// is x >= edges.back(); NaN has a bin of its own, the last.
struct BinEdges {
  std::vector<double> edges;
  [[nodiscard]] std::size_t bins() const { return edges.size() + 2; }
  [[nodiscard]] std::size_t bin(double x) const;
};
/// Edges at the 0, 1/bins, ..., 1 quantiles (linear interpolation) of the finite values, the last one just
/// above the largest value, so that nothing of the baseline is in the under- and overflow bins; duplicates
/// merged. A constant feature gets two edges around its value; no finite value at all: one edge at 0.
BinEdges quantile_edges(std::span<const double> values, std::size_t bins);

/// Rows as bin indices: what bootstrap and split search work on. Row-major.
struct BinnedRows {
  std::size_t features = 0;
  std::size_t cells = 0;       ///< every index is below it
  std::vector<uint16_t> bins;  ///< rows x features
  [[nodiscard]] std::size_t rows() const { return features == 0 ? 0 : bins.size() / features; }
  [[nodiscard]] const uint16_t* row(std::size_t index) const { return bins.data() + index * features; }
};
/// `values`: row-major, `edges.size()` values a row.
BinnedRows bin_rows(std::span<const double> values, const std::vector<BinEdges>& edges);
/// The same rows as if they came after the baseline they are: of n + 1 exchangeable records the newest is
/// below (above) all others with probability 1 / (n + 1), so the one smallest (largest) of each feature
/// stands for what the baseline has not seen and goes into the underflow (overflow) bin. For the bootstrap.
BinnedRows bin_rows_as_unseen(std::span<const double> values, const std::vector<BinEdges>& edges);
std::vector<BinEdges> edges_of(std::span<const double> values, std::size_t features, std::size_t bins);

/// JSD in bits of two histograms of equal totals, by the formula; the reference that the fast path is tested
/// against.
double js_divergence_bits(std::span<const uint32_t> a, std::span<const uint32_t> b);

class JsWindow {
 public:
  /// `baseline`: window x features, row-major, NaN = missing. `spans`: lengths of the further windows, each a
  /// divisor or a multiple of `window`. InputError on sizes that do not fit.
  JsWindow(std::span<const double> baseline, std::size_t window, std::size_t features, std::size_t bins,
           std::vector<std::size_t> spans = {});
  /// The same with edges and bins that are known: for calibration, which resamples binned records.
  JsWindow(std::vector<BinEdges> edges, BinnedRows baseline, std::vector<std::size_t> spans);

  /// One record, `features` values; the oldest leaves once the window is full.
  void push(std::span<const double> values);
  void push_binned(const uint16_t* bins);  ///< one record as `features` bins of edges()
  [[nodiscard]] bool full(std::size_t voice = 0) const { return filled_ >= voices_[voice].span; }
  /// Mean over features, bits, 0..1; meaningful when full(). `voice` 0 is the whole window, 1.. the spans.
  [[nodiscard]] double signal(std::size_t voice = 0) const;
  [[nodiscard]] double feature(std::size_t index, std::size_t voice = 0) const;
  [[nodiscard]] std::size_t features() const { return features_; }
  [[nodiscard]] std::size_t window() const { return window_; }
  [[nodiscard]] std::size_t voices() const { return voices_.size(); }
  void clear_window();  ///< forgets the records, keeps the baseline
  [[nodiscard]] const std::vector<BinEdges>& edges() const { return edges_; }
  [[nodiscard]] const BinnedRows& baseline() const { return baseline_; }

  /// Records the longest voice looks back.
  [[nodiscard]] std::size_t longest() const { return ring_rows_; }

 private:
  struct Voice {
    std::size_t span;              // records
    std::size_t total;             // of either histogram: the longer of span and window
    uint32_t weight;               // of a record of the window: total / span
    std::vector<int64_t> steps;    // g(n + weight) - g(n)
    std::vector<uint32_t> base;    // features x cells: the baseline's counts, multiplied by total / window
    std::vector<uint32_t> counts;  // features x cells, multiplied by weight
    std::vector<int64_t> sums;     // a feature: sum of g(a) + g(b) - g(a + b)
  };
  void prepare(std::vector<std::size_t> spans);
  void find_bins(std::span<const double> values, uint16_t* out) const;
  void add(Voice& voice, const uint16_t* entering, const uint16_t* leaving);

  std::size_t window_;
  std::size_t features_;
  std::size_t cells_ = 0;
  std::vector<BinEdges> edges_;
  std::vector<double> ladder_;  // features x steps: edges padded with +inf, for a search without branches
  std::size_t steps_ = 1;       // a power of two
  XLogX table_;
  BinnedRows baseline_;
  std::vector<Voice> voices_;
  std::vector<uint16_t> ring_;      // ring_rows x features
  std::size_t ring_rows_ = 0;       // of the longest voice
  std::vector<uint16_t> entering_;  // scratch: bins of the record being pushed
  std::size_t next_ = 0;            // ring row of the next record
  std::size_t filled_ = 0;
};

}  // namespace drst
