// Metric lines as tables: what leaves the machine of the metric stream (SPEC 12), in batches.
//
//   results/metrics/<stream>/<metric>-000001.csv        ts,component,records,acc@0.2,...
//
// Lines of one kind of metric are collected and put into the store together as one CSV object (RFC 4180),
// immutable, numbered on from what is there. Columns are the fields in the order in which they first came; a
// line without a field leaves its cell empty, as does a number that is none. Memory is bounded: while the
// store refuses, what was collected is kept, and further lines are dropped and counted. `add` may be called
// from any thread and only copies; `upload` waits for the store, so one thread that may wait calls it.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "store/store.h"
#include "telemetry/settings.h"

namespace drst {

struct MetricField;

class MetricShards {
 public:
  /// `stream`: the part of the keys. The store must outlive it.
  MetricShards(ObjectStore& store, std::string stream, const TelemetrySettings& settings);

  void add(Time when, std::string_view component, std::string_view metric,
           const std::vector<MetricField>& fields);
  /// Puts all that is collected, one object a metric. False: the store refused, which is said once; it is
  /// kept.
  bool upload();
  /// Half the memory is taken: better upload now.
  [[nodiscard]] bool half_full() const;
  [[nodiscard]] uint64_t dropped() const;

 private:
  struct Table {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;  // finished cells; shorter where columns came later
  };
  struct Shard {
    std::string metric, text;
  };
  [[nodiscard]] std::string next_key(const std::string& metric);

  ObjectStore& store_;
  std::string folder_;
  std::size_t most_bytes_;

  mutable std::mutex mutex_;  // guards the four below
  std::map<std::string, Table> tables_;
  std::size_t bytes_ = 0;          // of the tables' cells
  std::size_t pending_bytes_ = 0;  // of the shards that the store has not taken
  uint64_t dropped_ = 0;

  // Of the uploading thread.
  std::vector<Shard> pending_;
  std::map<std::string, uint64_t> numbers_;  // of the last shard of a metric
  bool refused_ = false;
};

}  // namespace drst
