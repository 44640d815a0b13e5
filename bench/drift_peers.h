// Three published change detectors, small, for comparison only: ADWIN, Page-Hinkley, KSWIN. Each watches one
// number; settings and order of operations follow river 0.26, against which the first two are checked
// (tests/drift_peers_test.cpp).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <vector>

#include "base/random.h"

namespace drst::peers {

/// Bifet and Gavalda, "Learning from time-changing data with adaptive windowing", SDM 2007: the window's head
/// is dropped as long as two parts of it have means further apart than chance allows. Values in 0..1.
class Adwin {
 public:
  explicit Adwin(double delta = 0.002) : delta_(delta), levels_(1) {}
  /// As in river, it begins anew after a detection.
  bool push(double x) {
    if (detected_) *this = Adwin(delta_);
    insert(x);
    detected_ = shrink();
    return detected_;
  }
  [[nodiscard]] double width() const { return width_; }
  [[nodiscard]] double total() const { return total_; }

 private:
  static constexpr std::size_t most_buckets = 5;
  static constexpr double least_part = 5, grace = 10;
  static constexpr int clock = 32;
  struct Bucket {
    double total = 0, variance = 0;
  };

  void insert(double x) {
    ++width_;
    levels_[0].push_back({x, 0});
    if (width_ > 1) {
      const double mean = total_ / (width_ - 1);
      variance_ += (width_ - 1) * (x - mean) * (x - mean) / width_;
    }
    total_ += x;
    for (std::size_t level = 0; level < levels_.size() && levels_[level].size() > most_buckets; ++level) {
      if (level + 1 == levels_.size()) levels_.emplace_back();
      const Bucket a = levels_[level][0];
      const Bucket b = levels_[level][1];
      const double n = std::ldexp(1, static_cast<int>(level));
      const double apart = a.total / n - b.total / n;
      levels_[level + 1].push_back(
          {a.total + b.total, a.variance + b.variance + n * n * apart * apart / (n + n)});
      levels_[level].erase(levels_[level].begin(), levels_[level].begin() + 2);
    }
  }
  void drop_oldest() {
    auto& level = levels_.back();
    const double n = std::ldexp(1, static_cast<int>(levels_.size()) - 1);
    const Bucket gone = level.front();
    level.pop_front();
    width_ -= n;
    total_ -= gone.total;
    const double mean = gone.total / n;
    const double apart = mean - total_ / width_;
    variance_ -= gone.variance + n * width_ * apart * apart / (n + width_);
    while (levels_.size() > 1 && levels_.back().empty()) levels_.pop_back();
  }
  bool shrink() {
    bool changed = false;
    if (++ticks_ % clock != 0 || width_ <= grace) return false;
    for (bool again = true; again;) {
      again = false;
      double n0 = 0;
      double n1 = width_;
      double u0 = 0;
      double u1 = total_;
      for (std::size_t level = levels_.size(); level-- > 0 && !again;)
        for (std::size_t k = 0; k < levels_[level].size() && !again; ++k) {
          const double n = std::ldexp(1, static_cast<int>(level));
          n0 += n;
          n1 -= n;
          u0 += levels_[level][k].total;
          u1 -= levels_[level][k].total;
          if (n0 < least_part || n1 < least_part) continue;
          const double sure = std::log(2 * std::log(width_) / delta_);
          const double m = 1 / (n0 - least_part + 1) + 1 / (n1 - least_part + 1);
          const double bound = std::sqrt(2 * m * variance_ / width_ * sure) + 2.0 / 3 * sure * m;
          if (std::abs(u0 / n0 - u1 / n1) <= bound) continue;
          again = changed = true;
          drop_oldest();
        }
    }
    return changed;
  }

  double delta_;
  std::vector<std::deque<Bucket>> levels_;  // level i: buckets of 2^i values, oldest first
  double width_ = 0, total_ = 0, variance_ = 0;
  int ticks_ = 0;
  bool detected_ = false;
};

/// Page, Biometrika 41, 1954, with Hinkley's running mean; both directions.
class PageHinkley {
 public:
  explicit PageHinkley(double threshold = 50, double delta = 0.005, double alpha = 1 - 0.0001, int least = 30)
      : threshold_(threshold), delta_(delta), alpha_(alpha), least_(least) {}
  bool push(double x) {
    if (detected_) *this = PageHinkley(threshold_, delta_, alpha_, least_);
    ++n_;
    mean_ += (x - mean_) / n_;
    const double off = x - mean_;
    up_ = alpha_ * up_ + off - delta_;
    down_ = alpha_ * down_ + off + delta_;
    lowest_ = std::min(lowest_, up_);
    highest_ = std::max(highest_, down_);
    detected_ = n_ >= least_ && (up_ - lowest_ > threshold_ || highest_ - down_ > threshold_);
    return detected_;
  }

 private:
  double threshold_, delta_, alpha_;
  int least_;
  int n_ = 0;
  double mean_ = 0, up_ = 0, down_ = 0, lowest_ = HUGE_VAL, highest_ = -1;
  bool detected_ = false;
};

/// Raab, Heusinger, Schleif, "Reactive soft prototype computing for concept drift streams", Neurocomputing
/// 2020: Kolmogorov and Smirnov's test of the newest `recent` values against as many drawn from those before
/// them. The statistic only: what it must exceed is the caller's, since the p-value is monotone in it.
class Kswin {
 public:
  Kswin(std::size_t window, std::size_t recent, Random random)
      : window_(window), recent_(recent), random_(random) {}
  void add(double x) {
    values_.push_back(x);
    if (values_.size() > window_) values_.pop_front();
  }
  [[nodiscard]] bool full() const { return values_.size() == window_; }
  double statistic() {
    newest_.assign(values_.end() - static_cast<std::ptrdiff_t>(recent_), values_.end());
    older_.assign(values_.begin(), values_.end() - static_cast<std::ptrdiff_t>(recent_));
    for (std::size_t i = 0; i < recent_; ++i)
      std::swap(older_[i], older_[i + random_.below(older_.size() - i)]);
    older_.resize(recent_);
    std::sort(older_.begin(), older_.end());
    std::sort(newest_.begin(), newest_.end());
    std::size_t a = 0;
    std::size_t b = 0;
    std::size_t most = 0;
    while (a < recent_ && b < recent_) {
      const double x = std::min(older_[a], newest_[b]);
      while (a < recent_ && older_[a] <= x) ++a;
      while (b < recent_ && newest_[b] <= x) ++b;
      most = std::max(most, a > b ? a - b : b - a);
    }
    return static_cast<double>(most) / static_cast<double>(recent_);
  }
  void clear() { values_.clear(); }

 private:
  std::size_t window_, recent_;
  Random random_;
  std::deque<double> values_;
  std::vector<double> newest_, older_;
};

}  // namespace drst::peers
