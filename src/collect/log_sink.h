// Collected rows as records of a run (SPEC 4): what `drst produce` makes of tables, made of a live chain.
//
// Columns that are KPIs are labels where a probe measured them, all others are features; `<column>@-1` is the
// row before, where nothing is missing between the two. Rows are numbered one after the other, so that
// readers who merge by row miss none, and go to partitions in turn (or by key). A collector that is started
// again under the run's name goes on after the run's last row in the log. A run has one collector or producer
// (PlaceTaken else).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "collect/row_sink.h"
#include "ingest/producer.h"
#include "ingest/run_place.h"
#include "stream/log.h"
#include "stream/record.h"

namespace drst {

class LogSink final : public RowSink {
 public:
  /// `settings`: topic, partitions, partitioner, lags, kpis, wire; InputError if the run has ended in the
  /// log.
  LogSink(Log& log, const Clock& clock, ProducerSettings settings, std::string run_id,
          std::vector<std::string> targets, std::string chain);
  void begin(const std::vector<std::string>& columns) override;
  void put(const CollectedRow& row) override;
  /// One sentinel a partition if the run has come to its end.
  void finish(bool ended) override;

  /// Rows of the run that are in the log.
  [[nodiscard]] std::int64_t rows() const { return next_row_; }

 private:
  void keep_place();
  void go_on();

  Log& log_;
  const Clock& clock_;
  ProducerSettings settings_;
  std::string run_id_;
  std::vector<std::string> targets_;
  std::string chain_;
  RunPlace place_;
  int partitions_ = 0;
  bool ready_ = false;
  std::int64_t next_row_ = 0;
  std::int64_t tried_tick_ = -1;  // its append failed: the row may be in the log
  std::vector<std::size_t> features_;
  std::vector<std::ptrdiff_t> labels_;  // by target; -1: no column
  std::vector<double> values_, before_;
  std::unique_ptr<RecordEncoder> encoder_;
};

}  // namespace drst
