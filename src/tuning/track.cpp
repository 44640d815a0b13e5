#include "tuning/track.h"

#include <algorithm>
#include <cmath>

#include "tuning/refit.h"

namespace drst::tuning {
namespace {

/// Mean and its standard error by running sums.
struct Difference {
  double sum = 0, squares = 0;
  void add(double d) {
    sum += d;
    squares += d * d;
  }
  [[nodiscard]] double mean(double n) const { return sum / n; }
  [[nodiscard]] double error(double n) const {
    const double variance = std::max(0.0, squares / n - mean(n) * mean(n));
    return std::sqrt(variance * Record::rows_a_fact / n);
  }
};

}  // namespace

Record compare(const Memory& memory, std::size_t most, double epsilon) {
  Record record;
  const auto& rows = memory.rows();
  record.rows = std::min(most, rows.size());
  if (record.rows == 0) return record;
  Difference challenger;
  Difference live;
  for (std::size_t i = rows.size() - record.rows; i < rows.size(); ++i) {
    const auto& row = rows[i];
    const double b = bounded_error(row.predicted.baseline, row.label, epsilon);
    const double l = bounded_error(row.predicted.live, row.label, epsilon);
    const double c = bounded_error(row.predicted.challenger, row.label, epsilon);
    record.baseline += b;
    record.live += l;
    record.challenger += c;
    challenger.add(b - c);
    live.add(b - l);
  }
  const auto n = static_cast<double>(record.rows);
  record.baseline /= n;
  record.live /= n;
  record.challenger /= n;
  record.challenger_gain = challenger.mean(n);
  record.challenger_error = challenger.error(n);
  record.live_gain = live.mean(n);
  record.live_error = live.error(n);
  return record;
}

}  // namespace drst::tuning
