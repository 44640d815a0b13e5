#include "learn/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace drst {

void Scores::add(double prediction, double truth) {
  if (std::isnan(truth)) return;
  const double error = std::abs(prediction - truth);
  if (std::isnan(error)) {
    errors_.push_back(std::numeric_limits<double>::infinity());
    ++unpredicted_;
    return;
  }
  errors_.push_back(error / std::max(std::abs(truth), epsilon_));
  absolute_ += error;
  squared_ += error * error;
}

double sorted_quantile(const std::vector<double>& sorted, double q) {
  if (sorted.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double position = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(position));
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = position - static_cast<double>(below);
  if (share == 0) return sorted[below];
  if (std::isinf(sorted[above])) return sorted[above];  // interpolating would make inf - inf of it
  // numpy interpolates from the nearer end (its _lerp), so that both ends are met exactly.
  const double step = sorted[above] - sorted[below];
  return share < 0.5 ? sorted[below] + step * share : sorted[above] - step * (1 - share);
}

Metrics Scores::metrics() const {
  Metrics result;
  result.n = errors_.size();
  if (errors_.empty()) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    result.acc015 = result.acc02 = result.acc025 = result.mae = result.rmse = result.bounded = none;
    result.e_p50 = result.e_p80 = result.e_p90 = result.e_p95 = result.e_p99 = none;
    return result;
  }
  std::vector<double> sorted = errors_;
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<double>(sorted.size());
  const auto share_within = [&](double tolerance) {
    return static_cast<double>(std::upper_bound(sorted.begin(), sorted.end(), tolerance) - sorted.begin()) /
           n;
  };
  result.acc015 = share_within(0.15);
  result.acc02 = share_within(0.2);
  result.acc025 = share_within(0.25);
  // A prediction that is not a number has no distance; it counts in the shares and quantiles above, as wrong.
  const auto predicted = n - static_cast<double>(unpredicted_);
  result.mae = absolute_ / predicted;
  result.rmse = std::sqrt(squared_ / predicted);
  result.e_p50 = sorted_quantile(sorted, 0.50);
  result.e_p80 = sorted_quantile(sorted, 0.80);
  result.e_p90 = sorted_quantile(sorted, 0.90);
  result.e_p95 = sorted_quantile(sorted, 0.95);
  result.e_p99 = sorted_quantile(sorted, 0.99);
  double bounded = 0;
  for (const double error : errors_) bounded += std::min(error, 1.0);
  result.bounded = bounded / n;
  return result;
}

std::string to_json(const Metrics& metrics) {
  std::string text = "{";
  const auto field = [&text](const char* name, double value) {
    if (text.size() > 1) text += ", ";
    // JSON knows neither NaN nor infinity.
    text += '"' + std::string(name) + "\": " + (std::isfinite(value) ? to_text(value) : "null");
  };
  field("acc@0.15", metrics.acc015);
  field("acc@0.2", metrics.acc02);
  field("acc@0.25", metrics.acc025);
  field("mae", metrics.mae);
  field("rmse", metrics.rmse);
  field("e_p50", metrics.e_p50);
  field("e_p80", metrics.e_p80);
  field("e_p90", metrics.e_p90);
  field("e_p95", metrics.e_p95);
  field("e_p99", metrics.e_p99);
  return text + "}";
}

}  // namespace drst
