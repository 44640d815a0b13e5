// The producer (SPEC 4): tables in, a run's records, late labels and sentinels out, as a component.
//
// Stages in order make one stream of rows from 0. Row r goes to partition r % P (round-robin) or hash(key) % P; send_ts is the clock's now. `<column>@-1` is
// taken within an experiment of a stage only. Labels: inline where row % N == 0 and no delay; else null inline and a label record that is appended before
// row + delay (so it is visible before that row is predicted). Truth for scoring goes to results/truth.npz (id, row, partition, offset, label, stage index and names) and is read by reports only.
// A restarted producer finds the last durable row of each partition (and the labels topic) in the log and goes on; nothing is appended twice.
// After the last row: remaining labels, then one sentinel a partition.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/component.h"
#include "base/settings.h"
#include "base/time.h"
#include "store/store.h"
#include "stream/log.h"
#include "table/table.h"

namespace drst {

/// FILE[:head=N|:tail=N|:rows=A-B] (rows from 0, B excluded).
struct RowRange {
  std::filesystem::path file;
  enum class Kind { all, head, tail, rows } kind = Kind::all;
  std::size_t a = 0, b = 0;
};
RowRange parse_row_range(const std::string& text);            ///< InputError with the expected form
struct StageSpec {
  std::string name;
  RowRange range;
};
StageSpec parse_stage(const std::string& text);               ///< NAME=FILE[:...]
Table load_range(const RowRange& range);                      ///< InputError if empty or out of bounds

/// The default stream for the files a data folder has (SPEC 3.1, DESIGN "Names others rely on").
struct DefaultStream {
  RowRange offline;
  std::vector<StageSpec> stages;
};
/// InputError saying which file is missing and where it was looked for (folder itself and its perf/ subfolder).
DefaultStream default_stream(const std::filesystem::path& data_folder);

struct ProducerSettings {
  int64_t partitions = 3;
  std::string topic = "latencyTopic";
  std::string partitioner = "round-robin";  ///< or "key"
  bool lags = false;                        ///< `<column>@-1` on the wire
  bool stage_on_wire = true;
  int64_t label_every = 1;                  ///< 0: never
  int64_t label_delay = 0;                  ///< rows
  double rate = 0;                          ///< rows a second; 0: as fast as possible
  int64_t batch = 64;                       ///< rows a step when rate is 0
  // ...
};
void describe(SettingsVisitor& visitor, ProducerSettings& settings);

struct StageTable {
  std::string name;
  Table table;
};

class Producer final : public Component {
 public:
  Producer(Log& log, ObjectStore& store, const Clock& clock, ProducerSettings settings, std::string run_id, std::string target,
           std::vector<StageTable> stages, std::string chain_key = "chain-0");
  ~Producer() override;
  [[nodiscard]] std::string_view name() const override { return "producer"; }
  Step step() override;
  [[nodiscard]] int64_t rows_total() const;
  [[nodiscard]] int64_t rows_produced() const;   ///< durable

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
