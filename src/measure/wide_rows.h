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
  explicit WideRows(std::size_t most_columns) : most_columns_(most_columns) {}

  void begin_row() { ++series_.rows; }
  /// False beyond the limit of columns.
  bool set(const std::string& name, double value) {
    const auto [place, added] = places_.emplace(name, series_.names.size());
    if (added) {
      if (series_.names.size() == most_columns_) {
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
  WideSeries series_;
  std::unordered_map<std::string, std::size_t> places_;
};

}  // namespace drst::detail
