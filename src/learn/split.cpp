#include "learn/split.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace drst {
namespace {

std::size_t distance(std::size_t a, std::size_t b) { return a > b ? a - b : b - a; }

struct Cut {
  std::size_t row = 0;
  bool at_start = false;  ///< nothing reaches across it
};

/// The start of an experiment nearest to `wanted` within `reach`, else `wanted` itself. Never 0 or `rows`.
Cut place_cut(const std::vector<std::size_t>& starts, std::size_t rows, std::size_t wanted,
              std::size_t reach) {
  Cut cut{wanted, false};
  std::size_t nearest = reach + 1;
  for (const std::size_t start : starts) {
    if (start == 0 || start >= rows || distance(start, wanted) >= nearest) continue;
    nearest = distance(start, wanted);
    cut = {start, true};
  }
  return cut;
}

}  // namespace

Split split_last(const std::vector<std::size_t>& starts, std::size_t rows, double share, std::size_t gap) {
  Split split;
  const auto wanted_rows =
      static_cast<std::size_t>(std::ceil(static_cast<double>(rows) * std::clamp(share, 0.0, 1.0)));
  if (wanted_rows == 0 || wanted_rows >= rows) {
    for (std::size_t r = 0; r < rows; ++r) (wanted_rows == 0 ? split.train : split.validation).push_back(r);
    return split;
  }
  const Cut cut = place_cut(starts, rows, rows - wanted_rows, wanted_rows / 2);
  const std::size_t train_end =
      cut.at_start ? cut.row : cut.row - std::min(cut.row, std::max<std::size_t>(gap, 1));
  for (std::size_t r = 0; r < train_end; ++r) split.train.push_back(r);
  for (std::size_t r = cut.row; r < rows; ++r) split.validation.push_back(r);
  return split;
}

std::vector<Split> split_blocks(const std::vector<std::size_t>& starts, std::size_t rows, std::size_t folds,
                                std::size_t gap) {
  std::vector<Split> splits;
  folds = std::min(std::max<std::size_t>(folds, 2), rows);
  if (rows < 2) return splits;
  std::vector<Cut> cuts = {{0, true}};
  for (std::size_t f = 1; f < folds; ++f) {
    Cut cut = place_cut(starts, rows, rows * f / folds, rows / folds / 2);
    if (cut.row <= cuts.back().row) cut = {rows * f / folds, false};
    if (cut.row > cuts.back().row) cuts.push_back(cut);
  }
  cuts.push_back({rows, true});
  const std::size_t margin = std::max<std::size_t>(gap, 1);
  for (std::size_t f = 0; f + 1 < cuts.size(); ++f) {
    const Cut& begin = cuts[f];
    const Cut& end = cuts[f + 1];
    const std::size_t before = begin.at_start ? begin.row : begin.row - std::min(begin.row, margin);
    const std::size_t after = end.at_start ? end.row : std::min(rows, end.row + margin);
    Split split;
    for (std::size_t r = 0; r < before; ++r) split.train.push_back(r);
    for (std::size_t r = begin.row; r < end.row; ++r) split.validation.push_back(r);
    for (std::size_t r = after; r < rows; ++r) split.train.push_back(r);
    splits.push_back(std::move(split));
  }
  return splits;
}

}  // namespace drst
