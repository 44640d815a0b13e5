// The stream a producer has to make, as a pure function of tables and settings: which row goes where with
// which label. Internal.
//
// Nothing here depends on time or on what has been appended already, so a restarted producer has the same
// plan. Const use from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ingest/producer.h"
#include "ingest/stages.h"

namespace drst {

class RowPlan {
 public:
  /// InputError: no rows, or a stage without the column of a target.
  RowPlan(std::vector<StageTable> stages, std::vector<std::string> targets, const ProducerSettings& settings,
          const std::string& chain_key);

  [[nodiscard]] int64_t rows() const { return rows_; }
  [[nodiscard]] int partition(int64_t row, int partitions) const;
  [[nodiscard]] std::size_t stage(int64_t row) const;
  [[nodiscard]] const std::string& stage_name(std::size_t stage) const { return stages_[stage].name; }
  [[nodiscard]] std::size_t stages() const { return stages_.size(); }
  [[nodiscard]] const std::vector<std::string>& targets() const { return targets_; }
  /// The table's value of a target, whether or not the stream may show it; NaN if it has none that is usable.
  [[nodiscard]] double truth(int64_t row, std::size_t target = 0) const;
  /// The label that the stream shows, inline or late.
  [[nodiscard]] std::optional<double> label(int64_t row, std::size_t target = 0) const;
  /// Values of targets that are infinite, or would be to whoever learns from them; rows are streamed without.
  [[nodiscard]] uint64_t unusable_labels() const { return unusable_labels_; }
  /// True if the stream shows a label of any target.
  [[nodiscard]] bool labelled(int64_t row) const;

  /// Names on the wire in a stage, and the values of a row in that order (NaN: not there).
  [[nodiscard]] const std::vector<std::string>& columns(std::size_t stage) const {
    return stages_[stage].columns;
  }
  void values(int64_t row, std::vector<double>& values) const;
  /// SHA-256 of a stage's names, numbers and experiment boundaries: equal for the same table only.
  [[nodiscard]] std::string digest(std::size_t stage) const;

 private:
  struct Stage {
    std::string name;
    Table table;
    int64_t first_row = 0;
    std::vector<std::size_t> targets;   // columns of the table
    std::vector<std::size_t> features;  // columns of the table
    std::vector<std::string> columns;
  };
  [[nodiscard]] const Stage& stage_of(int64_t row) const { return stages_[stage(row)]; }

  std::vector<std::string> targets_;
  std::vector<Stage> stages_;
  int64_t rows_ = 0;
  uint64_t unusable_labels_ = 0;
  bool lags_;
  bool by_key_;
  int64_t label_every_;
  uint64_t key_hash_;
};

}  // namespace drst
