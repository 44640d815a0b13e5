// The metrics of SPEC 6: e = |p - y| / max(|y|, epsilon); acc@t = mean(e <= t); MAE, RMSE, exact quantiles of
// e (numpy's "linear"). `Scores` collects pairs; a NaN prediction counts as wrong (e = infinity; it has no
// place in MAE and RMSE), a NaN truth is skipped. Without pairs all figures are NaN (null in JSON). One
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace drst {

struct Metrics {
  std::size_t n = 0;
  double acc015 = 0, acc02 = 0, acc025 = 0;
  double mae = 0, rmse = 0;
  double e_p50 = 0, e_p80 = 0, e_p90 = 0, e_p95 = 0, e_p99 = 0;
  double bounded = 0;  ///< mean(min(e, 1)): what the gate compares
};

class Scores {
 public:
  explicit Scores(double epsilon) : epsilon_(epsilon) {}
  void add(double prediction, double truth);
  [[nodiscard]] Metrics metrics() const;
  [[nodiscard]] std::size_t size() const { return errors_.size(); }

 private:
  double epsilon_;
  std::vector<double> errors_;
  double absolute_ = 0, squared_ = 0;
  std::size_t unpredicted_ = 0;
};

/// numpy.quantile(sorted, q), method "linear"; NaN for no values. `sorted` ascending.
double sorted_quantile(const std::vector<double>& sorted, double q);

/// {"acc@0.15": ..., ...}: the M of summary.json.
std::string to_json(const Metrics& metrics);

}  // namespace drst
