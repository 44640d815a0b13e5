#include "inference/sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace drst {

namespace {
constexpr int mantissa_bits = 52;
constexpr int step_bits = 7;
constexpr int exponent_bias = 1023;
}  // namespace

std::size_t QuantileSketch::bin_of(double value) {
  if (std::isnan(value)) return bins - 1;
  if (!(value > 0)) return 0;
  // The bits of a positive double, seen as an integer, rise with its value; the top ones are a logarithm with
  // steps.
  const auto step = static_cast<int64_t>(std::bit_cast<uint64_t>(value) >> (mantissa_bits - step_bits));
  const int64_t bin = step - (static_cast<int64_t>(exponent_bias + lowest_exponent) << step_bits) + 1;
  return static_cast<std::size_t>(std::clamp<int64_t>(bin, 0, static_cast<int64_t>(bins) - 1));
}

double QuantileSketch::middle_of(std::size_t bin) {
  if (bin == 0) return 0;
  if (bin == bins - 1) return std::numeric_limits<double>::infinity();
  const auto step =
      static_cast<uint64_t>(bin - 1) + (static_cast<uint64_t>(exponent_bias + lowest_exponent) << step_bits);
  const double low = std::bit_cast<double>(step << (mantissa_bits - step_bits));
  const double high = std::bit_cast<double>((step + 1) << (mantissa_bits - step_bits));
  return (low + high) / 2;
}

void QuantileSketch::add(double value) {
  auto& cell = counts_[bin_of(value)];
  if (cell != std::numeric_limits<uint32_t>::max()) ++cell;
  ++count_;
  max_ = std::isnan(value) ? std::numeric_limits<double>::infinity() : std::max(max_, value);
}

void QuantileSketch::merge(const QuantileSketch& other) {
  for (std::size_t i = 0; i < bins; ++i) {
    const uint64_t sum = uint64_t{counts_[i]} + other.counts_[i];
    counts_[i] = static_cast<uint32_t>(std::min<uint64_t>(sum, std::numeric_limits<uint32_t>::max()));
  }
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

void QuantileSketch::clear() {
  counts_.fill(0);
  count_ = 0;
  max_ = 0;
}

double QuantileSketch::quantile(double q) const {
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  const auto rank = static_cast<uint64_t>(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_ - 1));
  uint64_t below = 0;
  for (std::size_t i = 0; i < bins; ++i) {
    below += counts_[i];
    if (below > rank) return std::min(middle_of(i), max_);
  }
  return max_;
}

void RunningScores::add(double prediction, double truth) {
  if (std::isnan(truth)) return;
  ++n_;
  const double distance = std::abs(prediction - truth);
  const double error = distance / std::max(std::abs(truth), epsilon_);
  errors_.add(error);
  if (std::isnan(distance)) {
    bounded_ += 1;
    return;
  }
  ++predicted_;
  within_015_ += error <= 0.15 ? 1 : 0;
  within_02_ += error <= 0.2 ? 1 : 0;
  within_025_ += error <= 0.25 ? 1 : 0;
  absolute_ += distance;
  squared_ += distance * distance;
  bounded_ += std::min(error, 1.0);
}

void RunningScores::merge(const RunningScores& other) {
  errors_.merge(other.errors_);
  n_ += other.n_;
  predicted_ += other.predicted_;
  within_015_ += other.within_015_;
  within_02_ += other.within_02_;
  within_025_ += other.within_025_;
  absolute_ += other.absolute_;
  squared_ += other.squared_;
  bounded_ += other.bounded_;
}

void RunningScores::clear() { *this = RunningScores(epsilon_); }

Metrics RunningScores::metrics() const {
  const auto n =
      static_cast<double>(n_);  // 0 / 0 below: without a label every figure is NaN, as in learn/metrics.h
  const auto predicted = static_cast<double>(predicted_);
  Metrics result;
  result.n = n_;
  result.acc015 = static_cast<double>(within_015_) / n;
  result.acc02 = static_cast<double>(within_02_) / n;
  result.acc025 = static_cast<double>(within_025_) / n;
  result.mae = absolute_ / predicted;
  result.rmse = std::sqrt(squared_ / predicted);
  result.e_p50 = errors_.quantile(0.50);
  result.e_p80 = errors_.quantile(0.80);
  result.e_p90 = errors_.quantile(0.90);
  result.e_p95 = errors_.quantile(0.95);
  result.e_p99 = errors_.quantile(0.99);
  result.bounded = bounded_ / n;
  return result;
}

}  // namespace drst
