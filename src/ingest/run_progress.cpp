#include "ingest/run_progress.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "stream/each_record.h"
#include "stream/record.h"

namespace drst {

namespace {

[[noreturn]] void another_run(const std::string& topic, const std::string& run_id, int64_t row,
                              const std::string& why) {
  throw InputError("topic '" + topic + "' holds row " + to_text(row) + " of run '" + run_id + "', " + why +
                   ": that run had other tables or settings; choose another run id, or a new log");
}

void read_partition(Log& log, const std::string& topic, int p, const std::string& run_id, const RowPlan& plan,
                    const WireLimits& limits, RunProgress& progress) {
  const int partitions = static_cast<int>(progress.sentinel.size());
  RecordDecoder decoder(limits);
  int64_t first = -1, last = -1;
  each_record(log, topic, p, [&](const RecordView& record) {
    if (is_sentinel(record)) {
      if (sentinel_run(record) == run_id) progress.sentinel[static_cast<std::size_t>(p)] = 1;
      return;
    }
    if (record.header(run_id_header) != run_id) return;
    const auto sample = decoder.decode(record);
    if (!sample || sample->run_id != run_id) return;
    const int64_t row = sample->row;
    if (row < 0 || row >= plan.rows())
      another_run(topic, run_id, row, "the tables have " + to_text(plan.rows()) + " rows");
    if (plan.partition(row, partitions) != p) another_run(topic, run_id, row, "in partition " + to_text(p));
    if (first < 0) first = row;
    last = std::max(last, row);
    if (row == 0) progress.started = sample->send_ts;
    if (!progress.latest || sample->send_ts > *progress.latest) progress.latest = sample->send_ts;
    progress.set_appended(row, record.offset);  // of repeats the first one counts
  });
  if (first < 0) return;
  const bool trimmed = log.watermarks(topic, p).begin > 0;
  for (int64_t row = 0; row < last; ++row) {
    if (progress.appended[static_cast<std::size_t>(row)] != 0 || plan.partition(row, partitions) != p)
      continue;
    if (row > first) another_run(topic, run_id, last, "but not row " + to_text(row) + " before it");
    if (!trimmed) another_run(topic, run_id, first, "but not row " + to_text(row) + " before it");
    progress.set_appended(row, -1);  // retention has taken it
  }
}

}  // namespace

bool RunProgress::ended() const {
  return std::all_of(sentinel.begin(), sentinel.end(), [](char seen) { return seen != 0; });
}

void RunProgress::set_appended(int64_t row, int64_t offset) {
  const auto r = static_cast<std::size_t>(row);
  if (appended[r] != 0) return;
  appended[r] = 1;
  offsets[r] = offset;
  ++rows_appended;
}

void RunProgress::advance() {
  while (next_row < static_cast<int64_t>(appended.size()) &&
         appended[static_cast<std::size_t>(next_row)] != 0)
    ++next_row;
}

RunProgress read_progress(Log& log, const std::string& topic, const std::string& run_id, const RowPlan& plan,
                          int partitions, const WireLimits& limits) {
  RunProgress progress;
  progress.offsets.assign(static_cast<std::size_t>(plan.rows()), -1);
  progress.appended.assign(static_cast<std::size_t>(plan.rows()), 0);
  progress.sentinel.assign(static_cast<std::size_t>(partitions), 0);
  for (int p = 0; p < partitions; ++p) read_partition(log, topic, p, run_id, plan, limits, progress);
  progress.advance();

  const std::string labels = labels_topic(topic);
  for (int p = 0; p < log.partitions(labels); ++p)
    each_record(log, labels, p, [&](const RecordView& record) {
      const auto label = decode_label(record.value, limits);
      const auto parts = label ? split_id(label->id) : std::nullopt;
      if (parts && parts->run_id == run_id)
        progress.next_label = std::max(progress.next_label, parts->row + 1);
    });
  return progress;
}

}  // namespace drst
