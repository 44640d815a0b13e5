// What JoinedReader keeps of its place in a stream between two lives: plain data, and its text form. Internal
// to this room.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "stream/joined_reader.h"
#include "stream/merge.h"
#include "stream/row_set.h"

namespace drst {

struct JoinedPositions {
  std::string topic;
  std::string run_id;
  bool started = false;          ///< a sample has been seen
  std::vector<int64_t> offsets;  ///< by partition: the next record to hand out
  std::vector<int64_t> label_offsets;
  std::vector<std::string> columns;
  std::optional<StreamKey> last;      ///< greatest key handed out
  RowSet rows, labels;                ///< handed out
  std::deque<int64_t> recent_finite;  ///< finite features of the last records, to know what is far fewer
  JoinedReader::Counts counts;        ///< of what lies before the offsets
};

std::string to_text(const JoinedPositions& positions);
/// InputError if it is not one of `topic`.
JoinedPositions joined_positions(const std::string& text, const std::string& topic);

}  // namespace drst
