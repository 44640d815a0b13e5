// What a run has appended so far, as the log tells. Internal to the producer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "ingest/row_plan.h"
#include "stream/log.h"
#include "stream/record.h"

namespace drst {

struct RunProgress {
  std::vector<int64_t> offsets;  ///< by row: where it is; -1: not (any more) in the log
  std::vector<char> appended;    ///< by row
  int64_t rows_appended = 0;
  int64_t next_row = 0;         ///< the first that is missing
  int64_t next_label = 0;       ///< labels of rows below have been appended to the labels topic
  std::vector<char> sentinel;   ///< by partition
  std::optional<Time> started;  ///< send_ts of row 0
  std::optional<Time> latest;   ///< greatest send_ts

  [[nodiscard]] bool ended() const;
  void set_appended(int64_t row, int64_t offset);
  void advance();  ///< moves next_row over what is there
};

/// Reads topic and labels topic from their beginning. InputError if the topic holds rows of this run that
/// the plan would not have put there: other tables or settings under the same run id.
RunProgress read_progress(Log& log, const std::string& topic, const std::string& run_id, const RowPlan& plan,
                          int partitions, const WireLimits& limits);

}  // namespace drst
