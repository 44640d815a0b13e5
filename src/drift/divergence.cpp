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
  const double share = position - static_cast<double>(low);
  const double step = sorted[high] - sorted[low];
  if (std::isfinite(step)) return sorted[low] + share * step;
  return (1 - share) * sorted[low] + share * sorted[high];  // values so far apart that a double cannot say it
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

namespace {

/// The longest of window and spans, after a look that they fit.
std::size_t longest_of(std::size_t window, const std::vector<std::size_t>& spans) {
  std::size_t longest = window;
  for (const std::size_t span : spans) {
    if (window == 0 || span == 0 || (window % span != 0 && span % window != 0))
      throw InputError("drift: a further window of " + to_text(span) +
                       " records neither divides nor multiplies the window of " + to_text(window));
    longest = std::max(longest, span);
  }
  return longest;
}

std::vector<BinEdges> checked_edges(std::span<const double> baseline, std::size_t window,
                                    std::size_t features, std::size_t bins) {
  if (window == 0 || features == 0 || baseline.size() != window * features)
    throw InputError("drift: the baseline must hold window x features values, and at least one");
  if (bins == 0 || bins > most_bins) throw InputError("drift.bins must be 1 to " + to_text(most_bins));
  return edges_of(baseline, features, bins);
}

}  // namespace

JsWindow::JsWindow(std::span<const double> baseline, std::size_t window, std::size_t features,
                   std::size_t bins, std::vector<std::size_t> spans)
    : window_(window),
      features_(features),
      edges_(checked_edges(baseline, window, features, bins)),
      table_(2 * longest_of(window, spans)),
      baseline_(bin_rows(baseline, edges_)) {
  prepare(std::move(spans));
}

JsWindow::JsWindow(std::vector<BinEdges> edges, BinnedRows baseline, std::vector<std::size_t> spans)
    : window_(baseline.rows()),
      features_(edges.size()),
      edges_(std::move(edges)),
      table_(2 * longest_of(window_, spans)),
      baseline_(std::move(baseline)) {
  prepare(std::move(spans));
}

void JsWindow::prepare(std::vector<std::size_t> spans) {
  cells_ = baseline_.cells;
  std::size_t most_edges = 0;
  for (const auto& e : edges_) most_edges = std::max(most_edges, e.edges.size());
  while (steps_ <= most_edges) steps_ *= 2;
  ladder_.assign(features_ * steps_, infinity);
  for (std::size_t f = 0; f < features_; ++f)
    std::copy(edges_[f].edges.begin(), edges_[f].edges.end(),
              ladder_.begin() + static_cast<std::ptrdiff_t>(f * steps_));

  std::vector<uint32_t> counts(features_ * cells_, 0);
  for (std::size_t r = 0; r < window_; ++r)
    for (std::size_t f = 0; f < features_; ++f) ++counts[f * cells_ + baseline_.row(r)[f]];

  ring_rows_ = longest_of(window_, spans);
  spans.insert(spans.begin(), window_);
  for (const std::size_t span : spans) {
    Voice voice;
    voice.span = span;
    voice.total = std::max(span, window_);
    voice.weight = static_cast<uint32_t>(voice.total / span);
    for (std::size_t n = 0; n + voice.weight <= 2 * voice.total; ++n)
      voice.steps.push_back(table_[n + voice.weight] - table_[n]);
    for (const uint32_t count : counts)
      voice.base.push_back(count * static_cast<uint32_t>(voice.total / window_));
    voices_.push_back(std::move(voice));
  }
  ring_.assign(ring_rows_ * features_, 0);
  entering_.assign(features_, 0);
  clear_window();
}

void JsWindow::clear_window() {
  next_ = 0;
  filled_ = 0;
  for (auto& voice : voices_) {
    voice.counts.assign(features_ * cells_, 0);
    voice.sums.assign(features_, 0);
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
  const int64_t* steps = voice.steps.data();
  const uint32_t* base = voice.base.data();
  uint32_t* counts = voice.counts.data();
  int64_t* sums = voice.sums.data();
  const uint32_t weight = voice.weight;
  if (leaving != nullptr) {
    for (std::size_t f = 0, at = 0; f < features_; ++f, at += cells_) {
      // Both cells are written even where they are one: a branch on it would be mispredicted half the time.
      const std::size_t out = at + leaving[f];
      const std::size_t in = at + entering[f];
      const uint32_t less = counts[out] - weight;
      counts[out] = less;
      const uint32_t more = counts[in];
      counts[in] = more + weight;
      sums[f] += (steps[more] - steps[base[in] + more]) - (steps[less] - steps[base[out] + less]);
    }
    return;
  }
  for (std::size_t f = 0, at = 0; f < features_; ++f, at += cells_) {
    const std::size_t in = at + entering[f];
    const uint32_t more = counts[in];
    counts[in] = more + weight;
    sums[f] += steps[more] - steps[base[in] + more];
  }
}

void JsWindow::push(std::span<const double> values) {
  find_bins(values, entering_.data());
  push_binned(entering_.data());
}

void JsWindow::push_binned(const uint16_t* bins) {
  for (auto& voice : voices_) {
    const uint16_t* leaving = nullptr;
    if (filled_ >= voice.span) {
      const std::size_t row = next_ >= voice.span ? next_ - voice.span : next_ + ring_rows_ - voice.span;
      leaving = ring_.data() + row * features_;
    }
    add(voice, bins, leaving);
  }
  // Only now: the longest window's oldest record lay where the newest goes.
  std::copy(bins, bins + features_, ring_.begin() + static_cast<std::ptrdiff_t>(next_ * features_));
  next_ = next_ + 1 == ring_rows_ ? 0 : next_ + 1;
  if (filled_ < ring_rows_) ++filled_;
}

double JsWindow::feature(std::size_t index, std::size_t voice) const {
  const Voice& v = voices_[voice];
  const double bits = 1 + table_.to_double(v.sums[index]) / (2 * static_cast<double>(v.total));
  return std::clamp(bits, 0.0, 1.0);
}

double JsWindow::signal(std::size_t voice) const {
  double sum = 0;
  for (std::size_t f = 0; f < features_; ++f) sum += feature(f, voice);
  return sum / static_cast<double>(features_);
}

}  // namespace drst
