#include "drift/rows.h"

#include <cmath>
#include <limits>

#include "stream/record.h"

namespace drst {

namespace {
constexpr std::size_t nowhere = ~std::size_t{0};
}

double RecentRows::missing() { return std::numeric_limits<double>::quiet_NaN(); }

void RecentRows::set_columns(std::vector<std::string> names) {
  names_ = std::move(names);
  index_.clear();
  for (std::size_t i = 0; i < names_.size(); ++i) index_.emplace(names_[i], i);
  mapped_.clear();
  destinations_.clear();
}

void RecentRows::map_columns(const std::vector<std::string>& columns) {
  destinations_.assign(columns.size(), nowhere);
  ignored_columns_ = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].ends_with(lag_suffix)) continue;
    auto found = index_.find(columns[i]);
    if (found == index_.end()) {
      if (names_.size() >= max_columns_) {
        ++ignored_columns_;
        continue;
      }
      found = index_.emplace(columns[i], names_.size()).first;
      names_.push_back(columns[i]);
    }
    destinations_[i] = found->second;
  }
  mapped_ = columns;
}

void RecentRows::push(int64_t row, const std::vector<std::string>& columns, std::span<const double> values) {
  if (mapped_ != columns) map_columns(columns);
  Entry* entry = nullptr;
  if (rows_.size() < capacity_) {
    entry = &rows_.emplace_back();
  } else {
    entry = &rows_[first_];
    first_ = (first_ + 1) % capacity_;
  }
  entry->row = row;
  entry->values.assign(names_.size(), missing());
  const std::size_t given = std::min(values.size(), destinations_.size());
  for (std::size_t i = 0; i < given; ++i) {
    if (destinations_[i] == nowhere) continue;
    if (std::isfinite(values[i]))
      entry->values[destinations_[i]] = values[i];
    else if (std::isinf(values[i]))
      ++infinite_cells_;
  }
}

std::vector<std::size_t> RecentRows::present(std::size_t begin, std::size_t end) const {
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < names_.size(); ++c)
    for (std::size_t r = begin; r < end; ++r)
      if (!std::isnan(at(r, c))) {
        columns.push_back(c);
        break;
      }
  return columns;
}

std::vector<double> RecentRows::matrix(std::size_t begin, std::size_t end,
                                       std::span<const std::size_t> columns) const {
  std::vector<double> values;
  values.reserve((end - begin) * columns.size());
  for (std::size_t r = begin; r < end; ++r)
    for (const std::size_t c : columns) values.push_back(at(r, c));
  return values;
}

}  // namespace drst
