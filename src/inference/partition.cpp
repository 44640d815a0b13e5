#include "inference/partition.h"

#include <algorithm>

#include "base/text.h"
#include "stream/record.h"

namespace drst {

namespace {
constexpr const char* partition_header = "drst-partition";
constexpr const char* offset_header = "drst-offset";
constexpr int64_t chunk_records = 1024;  // of a tail, read from its end backwards

/// Calls `visit(record)` for the records of a partition, in chunks from the end backwards, until it returns
/// false for a whole chunk's first record or all are read. Within a chunk the order is that of the log.
template <class Visit>
void read_tail(Log& log, const std::string& topic, int partition, const Visit& visit) {
  Batch batch;
  const Watermarks marks = log.watermarks(topic, partition);
  for (int64_t end = marks.end; end > marks.begin;) {
    const int64_t begin = std::max(marks.begin, end - chunk_records);
    bool further = true;
    for (int64_t at = begin; at < end;) {
      log.read(topic, partition, at, batch,
               {.max_records = static_cast<std::size_t>(end - at), .max_bytes = std::size_t{8} << 20});
      if (batch.empty()) break;
      for (const auto& record : batch.records()) {
        at = record.offset + 1;
        if (record.offset >= end) break;
        further = visit(record) && further;
      }
    }
    if (!further) return;
    end = begin;
  }
}
}  // namespace

OwnedPartition::OwnedPartition(Log& log, const PartitionTopics& topics, const std::string& group, int number,
                               int64_t dedupe_window)
    : number_(number), next_(log.committed(group, topics.source, number).value_or(0)), seen_(dedupe_window) {
  read_trace(log, topics.trace, dedupe_window);
  read_dead_letters(log, topics.dead);
}

void OwnedPartition::read_trace(Log& log, const std::string& topic, int64_t window) {
  int64_t rows = 0;
  int64_t lowest = next_;  // a former owner may have written much that it could not commit any more
  const int64_t committed = next_;
  read_tail(log, topic, number_, [&](const RecordView& record) {
    const auto decoded = read_trace_record(topic, record);
    if (!decoded) return true;
    if (rows == 0) last_run_ = record.header(run_id_header).value_or("");  // the newest comes first
    for (const auto& row : *decoded) {
      const auto parts = split_id(row.id);
      seen_.add(row.id, parts ? parts->row : -1);
      next_ = std::max(next_, row.offset + 1);
      lowest = std::min(lowest, row.offset);
    }
    rows += static_cast<int64_t>(decoded->size());
    return rows < window || lowest >= committed;
  });
}

void OwnedPartition::read_dead_letters(Log& log, const std::string& topic) {
  read_tail(log, topic, number_, [&](const RecordView& record) {
    const auto offset = parse_int(record.header(offset_header).value_or(""));
    if (!offset) return true;  // not one of ours
    if (*offset >= next_) dead_.push_back(*offset);
    return *offset >= next_;
  });
  std::sort(dead_.begin(), dead_.end());
}

void OwnedPartition::add_row(const TraceRow& row, std::string_view run) {
  if (writer_.rows() > 0 && run_ != run) close_record();
  if (writer_.rows() == 0) run_ = run;
  writer_.add(row);
}

void OwnedPartition::close_record() {
  if (trace_used_ == trace_.size()) {
    trace_.emplace_back();
    trace_.back().headers.push_back({std::string(run_id_header), {}});
  }
  NewRecord& record = trace_[trace_used_++];
  writer_.finish(record.value);
  record.headers.front().value = run_;
  writer_.clear();
}

void OwnedPartition::add_dead_letter(const RecordView& record, std::string_view reason, Time now) {
  if (std::binary_search(dead_.begin(), dead_.end(), record.offset)) return;
  NewRecord letter;
  letter.key = to_text(number_) + "-" + to_text(record.offset);  // readers drop what a zombie wrote twice
  letter.value = record.value;
  for (const auto& [name, value] : record.headers)
    letter.headers.push_back({std::string(name), std::string(value)});
  letter.headers.push_back({std::string(reason_header), std::string(reason)});
  letter.headers.push_back({partition_header, to_text(number_)});
  letter.headers.push_back({offset_header, to_text(record.offset)});
  letter.timestamp = now;
  letters_.push_back(std::move(letter));
}

std::span<const NewRecord> OwnedPartition::trace(Time now) {
  if (writer_.rows() > 0) close_record();
  for (std::size_t i = 0; i < trace_used_; ++i) trace_[i].timestamp = now;
  return std::span(trace_).first(trace_used_);
}

void OwnedPartition::written() {
  letters_.clear();
  trace_used_ = 0;
}

}  // namespace drst
