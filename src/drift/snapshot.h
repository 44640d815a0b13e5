// The last records as the retrainer will get them: every feature, lags included, and the label, inline or
// late. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "drift/state_bytes.h"
#include "registry/handover.h"

namespace drst {

class SnapshotWindow {
 public:
  explicit SnapshotWindow(std::size_t rows) : rows_(rows) {}

  void push(const std::string& id, int64_t row, std::span<const double> values, std::optional<double> label);
  /// A label of a record that is no longer (or not yet) here is not ours to keep: the retrainer has its own
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
};

}  // namespace drst
