// The drift signal over the run, for the report: every evaluation, until there are too many; then every
// second one is dropped, again and again, so that a month of seconds costs no more than an hour. Features are
// the union over all baselines; NaN where a feature was not watched. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "drift/detector.h"
#include "drift/state_bytes.h"

namespace drst {

class SignalHistory {
 public:
  explicit SignalHistory(std::size_t most_points) : most_points_(most_points) {}

  void add(const SignalPoint& point, const std::vector<std::string>& columns);
  [[nodiscard]] std::size_t size() const { return points_.size(); }
  /// results/drift_signal.npz: row, signal, threshold_A|B|C (one an evaluation), the same of each shorter
  /// window as recent_<records>, recent_<records>_threshold_A|B|C; features (names) and by_feature
  /// (evaluations x features, bits).
  [[nodiscard]] std::string to_npz() const;

  void save(StateWriter& out) const;
  void restore(StateReader& in);

 private:
  struct Point {
    int64_t row = 0;
    std::vector<double> values;     // signal, A, B, C; then so for each shorter window
    std::vector<float> by_feature;  // by index into features_; shorter where names came later
  };

  std::size_t most_points_;
  std::vector<Point> points_;
  uint64_t keep_each_ = 1;  // evaluations a kept point
  uint64_t seen_ = 0;
  std::vector<int64_t> recent_;  // lengths of the shorter windows
  std::vector<std::string> features_;
  std::unordered_map<std::string, std::size_t> index_;
};

}  // namespace drst
