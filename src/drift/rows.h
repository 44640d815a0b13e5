// The last records by column name: what a new baseline is cut from. Columns are learned as they come; a
// record that lacks one has NaN there. Lags ("...@-1") are not kept. Bounded: `capacity` records of at most
// `max_columns` columns (later names are ignored). One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace drst {

class RecentRows {
 public:
  RecentRows(std::size_t capacity, std::size_t max_columns)
      : capacity_(capacity), max_columns_(max_columns) {}

  void push(int64_t row, const std::vector<std::string>& columns, std::span<const double> values);
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  [[nodiscard]] const std::vector<std::string>& columns() const { return names_; }
  [[nodiscard]] uint64_t infinite_cells() const { return infinite_cells_; }
  [[nodiscard]] uint64_t ignored_columns() const { return ignored_columns_; }  ///< of the last push
  /// `index` 0 is the oldest kept.
  [[nodiscard]] int64_t row(std::size_t index) const { return entry(index).row; }
  [[nodiscard]] double at(std::size_t index, std::size_t column) const {
    const auto& values = entry(index).values;
    return column < values.size() ? values[column] : missing();
  }
  /// Columns that have a value somewhere in rows [begin, end).
  [[nodiscard]] std::vector<std::size_t> present(std::size_t begin, std::size_t end) const;
  /// Rows [begin, end) of some columns, row-major.
  [[nodiscard]] std::vector<double> matrix(std::size_t begin, std::size_t end,
                                           std::span<const std::size_t> columns) const;
  /// Restoring: the names in their old order, before any push.
  void set_columns(std::vector<std::string> names);

 private:
  struct Entry {
    int64_t row = 0;
    std::vector<double> values;
  };
  static double missing();
  [[nodiscard]] const Entry& entry(std::size_t index) const { return rows_[(first_ + index) % rows_.size()]; }
  void map_columns(const std::vector<std::string>& columns);

  std::size_t capacity_;
  std::size_t max_columns_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> index_;
  std::vector<std::string> mapped_;        // the columns of the last push ...
  std::vector<std::size_t> destinations_;  // ... and where they go; npos: nowhere
  std::vector<Entry> rows_;                // a ring once it has `capacity` entries
  std::size_t first_ = 0;
  uint64_t infinite_cells_ = 0;
  uint64_t ignored_columns_ = 0;
};

}  // namespace drst
