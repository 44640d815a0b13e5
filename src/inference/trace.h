// Predictions as they were made: the effect of a consumer, durable before its offset is committed.
//
// During a run predictions go to <topic>-trace, same partition numbers as the source: one log record for each batch of a partition, holding its rows.
// A consumer that takes over a partition reads the tail of that partition's trace to learn what has been done already. Readers drop repeats: the
// first entry for a (partition, offset), and for an id, wins. At the end each consumer writes its share as
// results/<consumer>_inference_trace.npz: ts, partition, offset, true, pred_orig, pred_adj, id, row, release (index into releases), releases.
#pragma once

#include <cstdint>
#include <map>
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
  Time ts{};              ///< when it was predicted, by the injected clock
  float truth = 0;        ///< inline label, NaN if none
  float pred_orig = 0;    ///< baseline
  float pred_adj = 0;     ///< adaptive
  std::string release;    ///< model key that made pred_adj
  std::string consumer;
  uint32_t imputed = 0;   ///< inputs that were missing, both models together
};

/// One log record's value for the rows of one batch of one partition; bounded, checked when read.
std::string encode_trace(const std::vector<TraceRow>& rows);
Result<std::vector<TraceRow>> decode_trace(std::string_view bytes);

struct TraceSet {
  std::vector<TraceRow> rows;          ///< predicted ones, repeats dropped, ordered by row (else ts)
  uint64_t repeats = 0;                ///< entries dropped because their offset or id was there before
  uint64_t duplicates = 0;             ///< records that were repeats of an id on the source topic
  uint64_t dead_lettered = 0;
};
/// Reads the whole trace of a run from the log.
TraceSet read_traces(Log& log, const std::string& topic, const std::string& run_id);

/// Writes results/<consumer>_inference_trace.npz for each consumer that appears in the set.
void write_trace_files(ObjectStore& store, const TraceSet& set);
std::vector<TraceRow> read_trace_file(std::string_view npz, const std::string& source);

}  // namespace drst
