// The producer (SPEC 4): tables in, a run's records, late labels and sentinels out, as a component.
//
// Stages in order make one stream of rows from 0. Row r goes to partition r % P (round-robin) or hash(key) %
// P; send_ts is the clock's now. Features are the columns that are no KPI; `<column>@-1` is taken within an
// experiment of a stage only. A row is labelled where row % N == 0 and the table has a number: inline without
// delay; else null inline and a label record that is appended after the row and before row + delay (so it is
// visible before that one is predicted, and not much earlier).
//
// With a rate R, row r is due at the first row's send_ts + r/R, and a step appends exactly what is due;
// without one, `batch` rows a step. After the last row (with a rate, one interval later): remaining labels,
// truth, one sentinel a partition, done. Of several targets the first is the record's "label", the others
// are its "labels" (stream/record.h); all are measured by the same probe, so N and the delay are theirs, too.
//
// The log is the only memory: a restarted producer reads what its run has appended, to each partition and to
// the labels topic, and appends what is missing, in order, nothing twice. An append of several records may
// leave a prefix, and partitions may end at different rows; both are only "missing". A record is durable
// before truth names its offset, and truth before the first sentinel: results/truth.npz (id, row, partition,
// offset, label of every row, label_<name> of each further target, stage index, stage_names) is for reports
// only. A step that throws leaves a
// producer that reads the log again in its next step. One thread.
//
// A run has one producer: it is the only member of a group of the run's name, so that a second one gets a
// PlaceTaken; one that loses its place gets a LeaseLost, and goes on with what the log lacks if it is stepped
// again and nobody else is there. An InputError has one with other tables or settings than the run was begun
// with, which results/plans/<run>.txt tells. results/truth.npz is the newest run's; each run has its own
// results/truth/<run>.npz beside it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/component.h"
#include "base/settings.h"
#include "base/time.h"
#include "ingest/stages.h"
#include "store/store.h"
#include "stream/log.h"
#include "stream/record.h"
#include "table/table.h"

namespace drst {

struct ProducerSettings {
  int64_t partitions = 3;
  std::string topic = "latencyTopic";
  std::string partitioner = "round-robin";  ///< or "key"
  bool lags = false;                        ///< `<column>@-1` on the wire
  bool stage_on_wire = true;
  int64_t label_every = 1;  ///< 0: never
  int64_t label_delay = 0;  ///< rows
  double rate = 0;          ///< rows a second; 0: as fast as possible
  int64_t batch = 2048;     ///< rows a step when rate is 0, and most rows of one append
  /// Without rate and delay: appends that may be on their way while the next is made. More than 0 only where
  /// nobody else appends by the same Log: an append of another thread that fails may leave a hole in ours.
  int64_t appends_ahead = 0;
  double catch_up_s = 60;  ///< a restart that is later than this does not hurry after its schedule
  DefaultStreamSettings rows;
  WireLimits wire;  ///< section [wire]; readers of the topic take it, too
  /// Columns that are no features; model.kpis, as training has it.
  std::vector<std::string> kpis = ChainSchema().kpis;
};
void describe(SettingsVisitor& visitor, ProducerSettings& settings);

/// InputError where a Producer would have one for these stages.
void check_stages(const std::vector<StageTable>& stages, const std::vector<std::string>& targets,
                  const std::vector<std::string>& kpis);

/// Labels of all rows, for scoring afterwards; no component that decides reads it.
inline constexpr const char* truth_key = "results/truth.npz";  ///< of the newest run
std::string truth_key_of(const std::string& run_id);           ///< of this one
std::string plan_key_of(const std::string& run_id);            ///< what it was begun with, as lines of text

class Producer final : public Component {
 public:
  /// InputError: no rows, a stage without the column of a target, or a run id that is no name. Log, store and
  /// clock must outlive the producer.
  Producer(Log& log, ObjectStore& store, const Clock& clock, ProducerSettings settings, std::string run_id,
           const std::vector<std::string>& targets, std::vector<StageTable> stages,
           std::string chain_key = "chain-0");
  ~Producer() override;
  [[nodiscard]] std::string_view name() const override { return "producer"; }
  Step step() override;
  [[nodiscard]] int64_t rows_total() const;
  [[nodiscard]] int64_t rows_produced() const;  ///< durable, as far as this object knows

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
