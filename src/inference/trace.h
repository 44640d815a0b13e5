// Predictions as they were made: the effect of a consumer, durable before its offset is committed.
//
// During a run predictions go to <topic>-trace, same partition numbers as the source: one log record for the
// rows of one run in one batch of a partition, header run_id naming that run. A consumer that takes over a
// partition reads the tail of that partition's trace to learn what has been done already. Readers drop
// repeats: the first entry for a (partition, offset), and for an id, wins. At the end each consumer's share
// is written as results/<consumer>_inference_trace.npz: ts (int64, microseconds since 1970), partition
// (int32), offset (int64), true, pred_orig, pred_adj (float32), id (text), row (int64), release (int32, index
// into releases), releases (text); pred_live (float32), mixture (int32, index into mixtures), mixtures
// (text), voices (float32, rows x 8, NaN: none), memory_offset (int64).
// Records without a prediction (dead letters, repeats of an id) are results/unpredicted.npz: status (int32,
// as TraceRow::Status), partition, offset, row, id, consumer (text).
//
// The bytes of a log record (little-endian): "DRT2", rows (u32), names (u16), each name as length (u16) and
// bytes; then each row: status (u8), release, consumer and mixture (u16, indices into names), partition
// (i32), offset, row, ts, memory_offset (i64), truth, pred_orig, pred_adj, pred_live (f32), imputed (u32),
// voices as count (u8) and f32, id as length (u16) and bytes. Functions may be called from any thread, a
// TraceWriter belongs to one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "store/store.h"
#include "stream/log.h"

namespace drst {

struct TraceRow {
  enum class Status : uint8_t { predicted, duplicate, dead_lettered } status = Status::predicted;
  int32_t partition = 0;
  int64_t offset = 0;
  int64_t row = -1;
  std::string id;
  Time ts{};            ///< when it was predicted, by the injected clock
  float truth = 0;      ///< inline label, NaN if none
  float pred_orig = 0;  ///< baseline
  float pred_adj = 0;   ///< adaptive: the experts' mixture
  float pred_live = 0;  ///< of the live model, one of them
  std::string release;  ///< model key that made pred_live
  /// What the mixture went by (Mixer::text, voices, memory_offset); empty: there was no judge, and pred_adj
  /// is pred_live.
  std::string mixture;
  static constexpr std::size_t most_voices = 8;
  std::array<float, most_voices> voices{};
  uint8_t voices_used = 0;
  int64_t memory_offset = -1;
  std::string consumer;
  uint32_t imputed = 0;  ///< inputs that were missing, both models together

  void set_voices(std::span<const float> from) {
    voices_used = static_cast<uint8_t>(std::min(from.size(), most_voices));
    std::copy_n(from.begin(), voices_used, voices.begin());
  }
};

/// Builds one log record's value row by row; keeps its memory, so nothing is allocated after warm-up.
class TraceWriter {
 public:
  /// Bounds of what a record can hold; a consumer's batch is far below.
  static constexpr std::size_t max_rows = std::size_t{1} << 24;
  static constexpr std::size_t max_text = 0xffff;

  /// Forgets what was added.
  void clear();
  [[nodiscard]] std::size_t rows() const { return rows_; }
  /// `release` and `consumer` are stored once a record; they rarely differ from one row to the next. Longer
  /// texts than max_text are cut, more than max_rows rows or 65 535 different names are a FailedError.
  void add(const TraceRow& row);
  /// Replaces `value` by the finished bytes.
  void finish(std::string& value) const;

 private:
  uint16_t name_index(const std::string& name);

  std::vector<std::string> names_;
  std::size_t names_used_ = 0;
  std::string bytes_;
  std::size_t rows_ = 0;
};

/// One log record's value for the rows of one batch of one partition; bounded, checked when read.
std::string encode_trace(const std::vector<TraceRow>& rows);
Result<std::vector<TraceRow>> decode_trace(std::string_view bytes);

/// The rows of a record of the trace topic `topic`. Nothing, and a warning, if somebody else wrote it.
std::optional<std::vector<TraceRow>> read_trace_record(const std::string& topic, const RecordView& record);

struct TraceSet {
  std::vector<TraceRow> rows;  ///< predicted ones, repeats dropped, ordered by row (else ts)
  uint64_t repeats = 0;        ///< entries dropped because their offset or id was there before
  uint64_t duplicates = 0;     ///< records that were repeats of an id on the source topic
  uint64_t dead_lettered = 0;
  std::vector<TraceRow> unpredicted;  ///< those two kinds, by partition and offset
};
/// Reads the whole trace of a run from the log (empty `run_id`: of all runs). A log record that cannot be
/// decoded is a FailedError that names partition and offset.
TraceSet read_traces(Log& log, const std::string& topic, const std::string& run_id);

/// Writes results/<consumer>_inference_trace.npz for each consumer that appears in the set, and
/// results/unpredicted.npz.
void write_trace_files(ObjectStore& store, const TraceSet& set);
/// "results/infer-0_inference_trace.npz"
std::string trace_file_key(const std::string& consumer);
/// InputError if a member is missing, of another type or length, or an index is out of range. `source` names
/// the file; the consumer is taken from it.
std::vector<TraceRow> read_trace_file(std::string_view npz, const std::string& source);
inline constexpr const char* unpredicted_key = "results/unpredicted.npz";
/// The same of results/unpredicted.npz: status, partition, offset, row, id and consumer of each.
std::vector<TraceRow> read_unpredicted_file(std::string_view npz, const std::string& source);

}  // namespace drst
