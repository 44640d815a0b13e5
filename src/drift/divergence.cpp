#include "drift/divergence.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace drst {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t most_bins = 1024;

double linear_quantile(const std::vector<double>& sorted, double q) {
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(position);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (position - static_cast<double>(low)) * (sorted[high] - sorted[low]);
}

}  // namespace

std::size_t BinEdges::bin(double x) const {
  if (std::isnan(x)) return edges.size() + 1;
  return static_cast<std::size_t>(std::upper_bound(edges.begin(), edges.end(), x) - edges.begin());
}

BinEdges quantile_edges(std::span<const double> values, std::size_t bins) {
  std::vector<double> sorted;
  sorted.reserve(values.size());
  for (const double value : values)
    if (std::isfinite(value)) sorted.push_back(value);
  if (sorted.empty()) return {{0}};
  std::sort(sorted.begin(), sorted.end());

  std::vector<double> edges;
  edges.reserve(bins + 1);
  for (std::size_t i = 0; i < bins; ++i)
    edges.push_back(linear_quantile(sorted, static_cast<double>(i) / static_cast<double>(bins)));
  edges.push_back(std::nextafter(sorted.back(), infinity));
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  return {std::move(edges)};
}

std::vector<BinEdges> edges_of(std::span<const double> values, std::size_t features, std::size_t bins) {
  if (features == 0 || values.size() % features != 0)
    throw InputError("drift: a matrix that is not rows x features");
  const std::size_t rows = values.size() / features;
  std::vector<BinEdges> edges;
  std::vector<double> column(rows);
  for (std::size_t f = 0; f < features; ++f) {
    for (std::size_t r = 0; r < rows; ++r) column[r] = values[r * features + f];
    edges.push_back(quantile_edges(column, bins));
  }
  return edges;
}

BinnedRows bin_rows(std::span<const double> values, const std::vector<BinEdges>& edges) {
  BinnedRows binned;
  binned.features = edges.size();
  for (const auto& e : edges) binned.cells = std::max(binned.cells, e.bins());
  binned.bins.reserve(values.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    binned.bins.push_back(static_cast<uint16_t>(edges[i % edges.size()].bin(values[i])));
  return binned;
}

BinnedRows bin_rows_as_unseen(std::span<const double> values, const std::vector<BinEdges>& edges) {
  BinnedRows binned = bin_rows(values, edges);
  const std::size_t features = edges.size();
  for (std::size_t f = 0; f < features; ++f) {
    std::size_t low = f;
    std::size_t high = f;
    std::size_t lows = 0;
    std::size_t highs = 0;
    for (std::size_t i = f; i < values.size(); i += features) {
      if (std::isnan(values[i])) continue;
      if (lows == 0 || values[i] < values[low]) low = i, lows = 0;
      if (highs == 0 || values[i] > values[high]) high = i, highs = 0;
      if (values[i] <= values[low]) ++lows;
      if (values[i] >= values[high]) ++highs;
    }
    // Where many share the extreme value it is a floor or a ceiling, not chance.
    if (lows == 1) binned.bins[low] = 0;
    if (highs == 1) binned.bins[high] = static_cast<uint16_t>(edges[f].edges.size());
  }
  return binned;
}

double js_divergence_bits(std::span<const uint32_t> a, std::span<const uint32_t> b) {
  double total_a = 0;
  double total_b = 0;
  for (const uint32_t n : a) total_a += n;
  for (const uint32_t n : b) total_b += n;
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double p = a[k] / total_a;
    const double q = b[k] / total_b;
    const double m = (p + q) / 2;
    if (p > 0) sum += p * std::log2(p / m);
    if (q > 0) sum += q * std::log2(q / m);
  }
  return sum / 2;
}

JsWindow::JsWindow(std::span<const double> baseline, std::size_t window, std::size_t features,
                   std::size_t bins, std::vector<std::size_t> spans)
    : window_(window), features_(features), table_(2 * window) {
  if (window == 0 || features == 0 || baseline.size() != window * features)
    throw InputError("drift: the baseline must hold window x features values, and at least one");
  if (bins == 0 || bins > most_bins) throw InputError("drift.bins must be 1 to " + to_text(most_bins));
  edges_ = edges_of(baseline, features, bins);
  baseline_ = bin_rows(baseline, edges_);
  cells_ = baseline_.cells;

  std::size_t most_edges = 0;
  for (const auto& e : edges_) most_edges = std::max(most_edges, e.edges.size());
  while (steps_ <= most_edges) steps_ *= 2;
  ladder_.assign(features_ * steps_, infinity);
  for (std::size_t f = 0; f < features_; ++f)
    std::copy(edges_[f].edges.begin(), edges_[f].edges.end(),
              ladder_.begin() + static_cast<std::ptrdiff_t>(f * steps_));

  base_counts_.assign(features_ * cells_, 0);
  for (std::size_t r = 0; r < window_; ++r)
    for (std::size_t f = 0; f < features_; ++f) ++base_counts_[f * cells_ + baseline_.row(r)[f]];
  base_sums_.assign(features_, 0);
  for (std::size_t i = 0; i < base_counts_.size(); ++i) base_sums_[i / cells_] += table_[base_counts_[i]];

  spans.insert(spans.begin(), window_);
  for (const std::size_t span : spans) {
    if (span == 0 || window_ % span != 0)
      throw InputError("drift: a shorter window of " + to_text(span) +
                       " records does not divide the window of " + to_text(window_));
    voices_.push_back({span, static_cast<uint32_t>(window_ / span), {}, {}});
  }
  ring_.assign(window_ * features_, 0);
  entering_.assign(features_, 0);
  clear_window();
}

void JsWindow::clear_window() {
  next_ = 0;
  filled_ = 0;
  for (auto& voice : voices_) {
    voice.counts.assign(features_ * cells_, 0);
    voice.sums.resize(features_);
    for (std::size_t f = 0; f < features_; ++f) voice.sums[f] = -base_sums_[f];
  }
}

void JsWindow::find_bins(std::span<const double> values, uint16_t* out) const {
  for (std::size_t f = 0; f < features_; ++f) {
    const double x = values[f];
    // Number of edges <= x. A padded edge is counted only for x = +inf, hence the clamp.
    const double* ladder = ladder_.data() + f * steps_;
    std::size_t below = 0;
    for (std::size_t half = steps_ / 2; half > 0; half /= 2)
      below += x >= ladder[below + half - 1] ? half : 0;
    const std::size_t edges = edges_[f].edges.size();
    const std::size_t bin = below < edges ? below : edges;
    out[f] = static_cast<uint16_t>(std::isnan(x) ? edges + 1 : bin);
  }
}

void JsWindow::add(Voice& voice, const uint16_t* entering, const uint16_t* leaving) {
  const int64_t* g = table_.data();
  const uint32_t weight = voice.weight;
  for (std::size_t f = 0; f < features_; ++f) {
    const std::size_t in = f * cells_ + entering[f];
    if (leaving != nullptr) {
      const std::size_t out = f * cells_ + leaving[f];
      if (in == out) continue;
      const uint32_t b = voice.counts[out];
      const uint32_t ab = base_counts_[out] + b;
      voice.sums[f] += (g[b - weight] - g[b]) - (g[ab - weight] - g[ab]);
      voice.counts[out] = b - weight;
    }
    const uint32_t b = voice.counts[in];
    const uint32_t ab = base_counts_[in] + b;
    voice.sums[f] += (g[b + weight] - g[b]) - (g[ab + weight] - g[ab]);
    voice.counts[in] = b + weight;
  }
}

void JsWindow::push(std::span<const double> values) {
  find_bins(values, entering_.data());
  for (auto& voice : voices_) {
    const uint16_t* leaving = nullptr;
    if (filled_ >= voice.span)
      leaving = ring_.data() + ((next_ + window_ - voice.span) % window_) * features_;
    add(voice, entering_.data(), leaving);
  }
  // Only now: the whole window's oldest record lay where the newest goes.
  std::copy(entering_.begin(), entering_.end(),
            ring_.begin() + static_cast<std::ptrdiff_t>(next_ * features_));
  next_ = next_ + 1 == window_ ? 0 : next_ + 1;
  if (filled_ < window_) ++filled_;
}

double JsWindow::feature(std::size_t index, std::size_t voice) const {
  const int64_t sum = base_sums_[index] + voices_[voice].sums[index];
  const double bits = 1 + table_.to_double(sum) / (2 * static_cast<double>(window_));
  return std::clamp(bits, 0.0, 1.0);
}

double JsWindow::signal(std::size_t voice) const {
  double sum = 0;
  for (std::size_t f = 0; f < features_; ++f) sum += feature(f, voice);
  return sum / static_cast<double>(features_);
}

}  // namespace drst
