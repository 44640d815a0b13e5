#include "tuning/track.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tuning/refit.h"

namespace drst::tuning {

void Difference::add(double d) {
  sum += d;
  squares += d * d;
  ++rows;
}

double Difference::mean() const { return rows > 0 ? sum / rows : 0; }

double Difference::error(double rows_a_fact) const {
  if (rows < 2) return std::numeric_limits<double>::infinity();
  const double variance = std::max(0.0, squares / rows - mean() * mean());
  return std::sqrt(variance * rows_a_fact / (rows - 1));
}

Record compare(const Memory& memory, std::size_t most, double epsilon, double rows_a_fact) {
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
  record.challenger_gain = challenger.mean();
  record.challenger_error = challenger.error(rows_a_fact);
  record.live_gain = live.mean();
  record.live_error = live.error(rows_a_fact);
  return record;
}

}  // namespace drst::tuning
