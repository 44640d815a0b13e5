#include "drift/history.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace drst {

namespace {
constexpr std::size_t least_experiments = 6;
// Fewer cannot show what the world has in store. Then they may return at once, which makes windows more
// unlike one another than they are, as those are that were not seen.
constexpr std::size_t many_experiments = 20;
}  // namespace

DriftHistory history_of(const Table& table, const std::vector<std::string>& kpis, std::size_t most_rows) {
  DriftHistory history;
  const std::size_t first = table.rows() > most_rows ? table.rows() - most_rows : 0;
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < table.columns(); ++c) {
    const auto values = table.column(c).subspan(first);
    if (std::find(kpis.begin(), kpis.end(), table.names()[c]) != kpis.end() ||
        std::none_of(values.begin(), values.end(), [](double x) { return std::isfinite(x); }))
      continue;
    columns.push_back(c);
    history.columns.push_back(table.names()[c]);
  }
  if (columns.empty()) return history;
  history.values.reserve((table.rows() - first) * columns.size());
  for (std::size_t r = first; r < table.rows(); ++r)
    for (const std::size_t c : columns) {
      const double x = table.at(r, c);
      history.values.push_back(std::isfinite(x) ? x : std::numeric_limits<double>::quiet_NaN());
    }
  history.starts.push_back(0);
  for (const std::size_t start : table.experiment_starts())
    if (start > first && start < table.rows()) history.starts.push_back(start - first);
  return history;
}

std::vector<std::string> lacking(const DriftHistory& history, std::span<const std::string> columns) {
  std::vector<std::string> names;
  for (const auto& column : columns)
    if (std::find(history.columns.begin(), history.columns.end(), column) == history.columns.end())
      names.push_back(column);
  return names;
}

double optimal_block(std::span<const double> series) {
  const auto n = series.size();
  if (n < 4) return 1;
  const auto size = static_cast<double>(n);
  double mean = 0;
  double largest = 0;
  for (const double x : series) largest = std::max(largest, std::abs(x));
  if (largest <= 0) return 1;
  for (const double x : series) mean += x / largest / size;  // scaled, so that 1e300 does not overflow
  const auto k = std::max<std::size_t>(5, static_cast<std::size_t>(std::log10(size)));
  const auto most_lag = std::min(static_cast<std::size_t>(std::ceil(std::sqrt(size))) + k, n - 1);
  std::vector<double> covariance;
  for (std::size_t lag = 0; lag <= most_lag; ++lag) {
    double sum = 0;
    for (std::size_t i = lag; i < n; ++i)
      sum += (series[i] / largest - mean) * (series[i - lag] / largest - mean);
    covariance.push_back(sum / size);
  }
  if (!(covariance[0] > 1e-24)) return 1;
  // Twice the first lag from which k correlations in a row cannot be told from 0.
  const double bound = 2 * std::sqrt(std::log10(size) / size) * covariance[0];
  std::size_t m = most_lag;
  std::size_t quiet = 0;
  for (std::size_t lag = 0; lag < most_lag && quiet < k; ++lag) {
    quiet = std::abs(covariance[lag]) < bound ? quiet + 1 : 0;
    if (quiet == k) m = std::min(2 * std::max<std::size_t>(lag + 1 - k, 1), most_lag);
  }
  double g = 0;
  double spectrum = covariance[0];
  for (std::size_t lag = 1; lag <= m; ++lag) {
    const double x = static_cast<double>(lag) / static_cast<double>(m);
    const double taper = x <= 0.5 ? 1 : 2 * (1 - x);  // the flat-top window
    g += 2 * taper * static_cast<double>(lag) * covariance[lag];
    spectrum += 2 * taper * covariance[lag];
  }
  const double d = 2 * spectrum * spectrum;
  if (!(d > 0)) return 1;
  const double block = std::cbrt(2 * g * g / d) * std::cbrt(size);
  return std::clamp(block, 1.0, std::ceil(std::min(3 * std::sqrt(size), size / 3)));
}

Pieces pieces_of(const DriftHistory& history, std::size_t window, double least_block) {
  Pieces pieces;
  pieces.rows = history.rows();
  pieces.mean_block = least_block;
  std::vector<std::pair<std::size_t, std::size_t>> experiments;
  std::vector<std::size_t> lengths;
  for (std::size_t e = 0; e < history.starts.size(); ++e) {
    experiments.emplace_back(history.starts[e],
                             e + 1 < history.starts.size() ? history.starts[e + 1] : pieces.rows);
    lengths.push_back(experiments.back().second - experiments.back().first);
  }
  if (!lengths.empty()) {
    const auto middle = lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2);
    std::nth_element(lengths.begin(), middle, lengths.end());
    pieces.apart = (window + *middle - 1) / *middle;
    std::erase_if(experiments, [&](const auto& e) { return 2 * (e.second - e.first) < *middle; });
  }
  if (experiments.size() >= least_experiments) {
    if (experiments.size() < many_experiments) pieces.apart = 0;
    pieces.experiments = std::move(experiments);
    return pieces;
  }
  const std::size_t features = history.columns.size();
  std::vector<double> series;
  for (std::size_t f = 0; f < features; ++f) {
    series.clear();
    for (std::size_t r = 0; r < pieces.rows; ++r)
      if (const double x = history.values[r * features + f]; !std::isnan(x)) series.push_back(x);
    pieces.mean_block = std::max(pieces.mean_block, optimal_block(series));
  }
  return pieces;
}

PieceStream::PieceStream(const Pieces& pieces, Random random)
    : pieces_(&pieces), random_(random), length_(pieces.rows) {
  for (std::size_t e = 0; e < pieces.experiments.size(); ++e) allowed_.push_back(e);
}

std::pair<PieceStream, PieceStream> PieceStream::halves(const Pieces& pieces, Random random) {
  std::pair<PieceStream, PieceStream> both = {PieceStream(pieces, random.fork(1)),
                                              PieceStream(pieces, random.fork(2))};
  auto& [first, second] = both;
  if (first.allowed_.empty()) {
    first.begin_ = pieces.rows == 0 ? 0 : static_cast<std::size_t>(random.below(pieces.rows));
    first.length_ = std::max<std::size_t>(pieces.rows / 2, 1);
    second.begin_ = first.begin_ + first.length_;
    second.length_ = std::max<std::size_t>(pieces.rows - first.length_, 1);
    return both;
  }
  random.shuffle(first.allowed_.begin(), first.allowed_.end());
  const auto middle = first.allowed_.begin() + static_cast<std::ptrdiff_t>(first.allowed_.size() / 2);
  second.allowed_.assign(middle, first.allowed_.end());
  first.allowed_.erase(middle, first.allowed_.end());
  return both;
}

std::size_t PieceStream::next() {
  if (allowed_.empty()) {
    if (!inside_ || random_.uniform() * pieces_->mean_block < 1)
      at_ = static_cast<std::size_t>(random_.below(length_));
    else
      at_ = at_ + 1 == length_ ? 0 : at_ + 1;
    inside_ = true;
    return (begin_ + at_) % pieces_->rows;
  }
  if (left_ == 0) {
    // The last of `allowed_` are those just drawn, as a ring.
    const std::size_t held = std::min(pieces_->apart, allowed_.size() / 2);
    const std::size_t fresh = allowed_.size() - held;
    std::size_t& drawn = allowed_[random_.below(fresh)];
    const std::size_t e = drawn;
    if (held > 0) {
      std::swap(drawn, allowed_[fresh + oldest_]);
      oldest_ = oldest_ + 1 == held ? 0 : oldest_ + 1;
    }
    at_ = pieces_->experiments[e].first;
    left_ = pieces_->experiments[e].second - at_;
  }
  --left_;
  return at_++;
}

}  // namespace drst
