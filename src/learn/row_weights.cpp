#include "learn/row_weights.h"

#include <algorithm>
#include <cmath>

namespace drst {

std::vector<std::size_t> rows_with_target(const Table& table, std::string_view target) {
  const auto truth = table.column(target);
  std::vector<std::size_t> rows;
  for (std::size_t r = 0; r < table.rows(); ++r)
    if (std::isfinite(static_cast<float>(truth[r]))) rows.push_back(r);
  return rows;
}

std::vector<double> quality_weights(const Table& quality, double power) {
  std::vector<double> weights(quality.rows(), 0);
  double sum = 0;
  std::size_t known = 0;
  for (std::size_t row = 0; row < quality.rows(); ++row) {
    double shares = 0;
    std::size_t counters = 0;
    for (std::size_t column = 0; column < quality.columns(); ++column) {
      const double share = quality.at(row, column);
      if (!(share >= 0 && share <= 1)) continue;
      shares += share;
      ++counters;
    }
    if (counters == 0) continue;
    constexpr double next_to_nothing = 1e-3;  // a weight must be above 0
    weights[row] = std::pow(std::max(shares / static_cast<double>(counters), next_to_nothing), power);
    sum += weights[row];
    ++known;
  }
  const double mean = known > 0 ? sum / static_cast<double>(known) : 1;
  for (double& weight : weights) weight = weight > 0 ? weight / mean : 1;
  return weights;
}

}  // namespace drst
