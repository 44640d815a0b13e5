// The last records as the retrainer will get them: every feature, lags included, and the label, inline or
// late. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "drift/state_bytes.h"
#include "registry/handover.h"

namespace drst {

class SnapshotWindow {
 public:
  /// `rows` records; `early` labels at most wait for their record.
  SnapshotWindow(std::size_t rows, std::size_t early) : rows_(rows), most_early_(early) {}

  void push(const std::string& id, int64_t row, std::span<const double> values, std::optional<double> label);
  /// A late label. One of a record that has left is not ours to keep (the retrainer has its own memory); one
  /// whose record has not come yet (a monitor that catches up reads labels ahead of samples) waits for it.
  /// memory.
  void label(const std::string& id, double label);
  /// `columns`: names of the values, at least as many as any record has.
  [[nodiscard]] DriftWindow take(const std::vector<std::string>& columns) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

  void save(StateWriter& out) const;
  void restore(StateReader& in);

 private:
  struct Entry {
    std::string id;
    int64_t row = 0;
    float label = 0;
    std::vector<float> values;
  };

  std::size_t rows_;
  std::deque<Entry> entries_;
  std::size_t most_early_;
  std::map<std::pair<int64_t, std::string>, float> early_;  // by row, id
};

}  // namespace drst
