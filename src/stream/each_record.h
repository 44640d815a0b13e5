// All records of a partition, for who reads without a group.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "stream/log.h"

namespace drst {

/// Calls `use(record)` for what the partition holds now from offset `from` on, in order. Ends early where it
/// is trimmed meanwhile.
template <class Use>
void each_record(Log& log, const std::string& topic, int partition, const Use& use, int64_t from = 0) {
  const Watermarks marks = log.watermarks(topic, partition);
  Batch batch;
  for (int64_t at = std::max(marks.begin, from); at < marks.end; at = batch.records().back().offset + 1) {
    log.read(topic, partition, at, batch, {.max_records = 1024, .max_bytes = std::size_t{8} << 20});
    if (batch.empty()) return;
    for (const RecordView& record : batch.records()) use(record);
  }
}

}  // namespace drst
