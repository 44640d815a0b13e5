// The retrainer's memory of labelled rows, bounded. Internal to this room.
//
// A sample waits here, with what was predicted for it when it came, until its label arrives (perhaps at once,
// perhaps never); then it is a labelled row. Columns are the stream's, which only grow: a row older than a
// column lacks it (NaN). One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "learn/dataset.h"

namespace drst::tuning {

struct Predictions {
  float baseline = 0, live = 0, challenger = 0;
};

struct LabelledRow {
  int64_t row = 0;
  std::vector<float> values;  ///< by stream column
  float label = 0;
  Predictions predicted;
};

class Memory {
 public:
  Memory(std::size_t labelled, std::size_t waiting) : most_labelled_(labelled), most_waiting_(waiting) {}

  void set_columns(const std::vector<std::string>& columns) { columns_ = columns; }
  /// A sample came. True if its label had come before it, so that it is a labelled row now.
  bool add_sample(const std::string& id, int64_t row, std::vector<float> values,
                  const Predictions& predicted);
  /// A label came. True: its sample is a labelled row now. False: the sample has not come yet, was forgotten,
  /// or has its label already.
  bool add_label(const std::string& id, float label);

  [[nodiscard]] const std::deque<LabelledRow>& rows() const {
    return rows_;
  }  ///< in the order in which labels arrived
  [[nodiscard]] const std::vector<std::string>& columns() const { return columns_; }
  [[nodiscard]] uint64_t labels_seen() const { return labels_seen_; }
  [[nodiscard]] uint64_t orphans() const {
    return orphans_;
  }  ///< labels that met no sample and were forgotten

  /// Rows [begin, end) of rows() with these inputs; a jump in the row numbers begins an experiment.
  [[nodiscard]] Dataset dataset(const std::vector<std::string>& inputs, std::size_t begin,
                                std::size_t end) const;

 private:
  void keep(LabelledRow row);

  std::size_t most_labelled_, most_waiting_;
  std::vector<std::string> columns_;
  std::deque<LabelledRow> rows_;
  std::unordered_map<std::string, LabelledRow> waiting_;
  std::deque<std::string> waiting_order_;
  std::unordered_map<std::string, float> early_;  ///< labels that came before their sample
  std::deque<std::string> early_order_;
  uint64_t labels_seen_ = 0, orphans_ = 0;
};

}  // namespace drst::tuning
