// What a consumer knows of one partition it owns, and the effects of the batch at hand on it. One thread.
//
// Nothing here needs to outlive the process: open() rebuilds it from the partition's trace, which is the
// durable effect. Effects are written in the order dead letters, trace, commit; a crash between any two of
// them is repaired by the next owner: offsets below the trace's high-water mark are done, and dead letters
// already there are not written again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inference/seen.h"
#include "inference/trace.h"
#include "stream/log.h"

namespace drst {

struct PartitionTopics {
  std::string source, trace, dead;
};

class OwnedPartition {
 public:
  /// Reads the tails of trace and dead letters: so many rows as `dedupe_window` (at least all that may be
  /// uncommitted).
  OwnedPartition(Log& log, const PartitionTopics& topics, const std::string& group, int number,
                 int64_t dedupe_window);

  [[nodiscard]] int number() const { return number_; }
  /// First offset that is not done.
  [[nodiscard]] int64_t next() const { return next_; }
  /// Run of the newest rows on the trace when this was opened; empty: none.
  [[nodiscard]] const std::string& last_run() const { return last_run_; }
  /// True if this id (row -1: none) was not there before in this partition.
  bool first_time(std::string_view id, int64_t row) { return seen_.add(id, row); }

  // The batch at hand.
  void add_row(const TraceRow& row, std::string_view run);
  /// Nothing if the letter is on the topic already.
  void add_dead_letter(const RecordView& record, std::string_view reason, Time now);
  /// The record at this offset has its effects in add_row; later ones follow.
  void done_with(int64_t offset) { next_ = offset + 1; }
  /// What to append: dead letters, and when they are there the trace. Where there is a trace, next() may be
  /// committed behind it.
  [[nodiscard]] std::span<const NewRecord> letters() const { return letters_; }
  std::span<const NewRecord> trace(Time now);
  /// It is all there.
  void written();

  // The end of the stream.
  bool ended = false;       ///< its run's sentinel was seen: nothing behind it is read
  std::string pending_end;  ///< run of a sentinel seen while the consumer knew no run yet
  bool has_pending_end = false;
  bool skip_batch = false;  ///< the reading position was moved: what this batch holds is not what comes next

 private:
  void read_trace(Log& log, const std::string& topic, int64_t window);
  void read_dead_letters(Log& log, const std::string& topic);
  void close_record();

  int number_;
  int64_t next_ = 0;
  std::string last_run_;
  SeenIds seen_;
  std::vector<int64_t> dead_;  // sorted: offsets from next_ on whose letters are there
  TraceWriter writer_;
  std::string run_;  // of the rows in writer_
  std::vector<NewRecord> trace_;
  std::size_t trace_used_ = 0;
  std::vector<NewRecord> letters_;
};

}  // namespace drst
