// Rows that have been seen, as intervals: a stream without gaps is one interval however long it is.
//
// Bounded: with more than `most` intervals the lowest gap is closed, so a row in it that comes after all
// counts as seen. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <utility>

namespace drst {

class RowSet {
 public:
  explicit RowSet(std::size_t most = 1024) : most_(most) {}

  /// False: it was there.
  bool insert(int64_t row) {
    auto next = intervals_.upper_bound(row);
    if (next != intervals_.begin()) {
      const auto before = std::prev(next);
      if (row <= before->second) return false;
      if (row == before->second + 1) {
        before->second = row;
        if (next != intervals_.end() && next->first == row + 1) {
          before->second = next->second;
          intervals_.erase(next);
        }
        return true;
      }
    }
    if (next != intervals_.end() && next->first == row + 1) {
      const int64_t last = next->second;
      next = intervals_.erase(next);
      intervals_.emplace_hint(next, row, last);
      return true;
    }
    intervals_.emplace_hint(next, row, row);
    if (intervals_.size() > most_) {
      const auto second = std::next(intervals_.begin());
      intervals_.begin()->second = second->second;
      intervals_.erase(second);
    }
    return true;
  }
  [[nodiscard]] bool contains(int64_t row) const {
    const auto next = intervals_.upper_bound(row);
    return next != intervals_.begin() && row <= std::prev(next)->second;
  }
  /// First row -> last row.
  [[nodiscard]] const std::map<int64_t, int64_t>& intervals() const { return intervals_; }
  void set_intervals(std::map<int64_t, int64_t> intervals) { intervals_ = std::move(intervals); }

 private:
  std::size_t most_;
  std::map<int64_t, int64_t> intervals_;
};

}  // namespace drst
