// A wide series that grows row by row, where columns turn up on the way. Internal to this room.
#pragma once

#include <limits>
#include <string>
#include <unordered_map>
#include <utility>

#include "measure/wide.h"

namespace drst::detail {

class WideRows {
 public:
  /// `bytes` of the source bound the cells: real ones have a cell in two bytes, and few that are empty.
  WideRows(std::size_t most_columns, std::size_t bytes)
      : most_columns_(most_columns), most_cells_(4 * bytes + (std::size_t{1} << 16)) {}

  /// False beyond the limit of cells.
  bool begin_row() {
    if (series_.names.size() * (series_.rows + 1) > most_cells_) return false;
    ++series_.rows;
    return true;
  }
  /// False beyond the limits.
  bool set(const std::string& name, double value) {
    const auto [place, added] = places_.emplace(name, series_.names.size());
    if (added) {
      if (series_.names.size() == most_columns_ || (series_.names.size() + 1) * series_.rows > most_cells_) {
        places_.erase(place);
        return false;
      }
      series_.names.push_back(name);
      series_.columns.emplace_back();
    }
    auto& column = series_.columns[place->second];
    column.resize(series_.rows, missing);
    column.back() = value;
    return true;
  }
  /// The row that was begun is left out.
  void drop_row() {
    --series_.rows;
    for (auto& column : series_.columns)
      if (column.size() > series_.rows) column.resize(series_.rows);
  }
  WideSeries take() {
    for (auto& column : series_.columns) column.resize(series_.rows, missing);
    return std::move(series_);
  }
  [[nodiscard]] std::size_t rows() const { return series_.rows; }

 private:
  static constexpr double missing = std::numeric_limits<double>::quiet_NaN();
  std::size_t most_columns_;
  std::size_t most_cells_;
  WideSeries series_;
  std::unordered_map<std::string, std::size_t> places_;
};

}  // namespace drst::detail
