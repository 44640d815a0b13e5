// Running figures of a consumer in bounded memory, without allocation: accuracy and error quantiles, delays.
// One thread.
//
// A daemon cannot keep every error as learn/metrics.h does for a finished run. Shares, MAE, RMSE and the
// bounded error are exact; quantiles come from a histogram whose bins are the leading 7 bits of the mantissa
// (as in HdrHistogram), so they are within 0.4 % of a value that was seen.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "learn/metrics.h"

namespace drst {

class QuantileSketch {
 public:
  /// NaN counts as infinity, negative values as 0.
  void add(double value);
  void merge(const QuantileSketch& other);
  void clear();
  [[nodiscard]] uint64_t count() const { return count_; }
  [[nodiscard]] double max() const { return max_; }
  /// The value below which a share q of all lies; NaN without any.
  [[nodiscard]] double quantile(double q) const;

 private:
  static constexpr int lowest_exponent = -24;  // 6e-8: smaller ones count as 0
  static constexpr int octaves = 48;           // to 1.6e7; larger ones count as infinity
  static constexpr int steps = 128;            // an octave
  static constexpr std::size_t bins = static_cast<std::size_t>(octaves) * steps + 2;
  [[nodiscard]] static std::size_t bin_of(double value);
  [[nodiscard]] static double middle_of(std::size_t bin);

  std::array<uint32_t, bins> counts_{};
  uint64_t count_ = 0;
  double max_ = 0;
};

class RunningScores {
 public:
  explicit RunningScores(double epsilon) : epsilon_(epsilon) {}
  /// As Scores::add: a NaN truth is skipped, a NaN prediction is wrong.
  void add(double prediction, double truth);
  void merge(const RunningScores& other);
  void clear();
  [[nodiscard]] Metrics metrics() const;

 private:
  double epsilon_;
  QuantileSketch errors_;
  uint64_t n_ = 0, predicted_ = 0, within_015_ = 0, within_02_ = 0, within_025_ = 0;
  double absolute_ = 0, squared_ = 0, bounded_ = 0;
};

}  // namespace drst
