// What a process records of itself while it works (SPEC 12). Start here for telemetry.
//
//   results/metrics/<stream>.jsonl          appended, where the store is a folder of this machine
//   results/metrics/<stream>/<metric>-*.csv the same lines as tables, put into the store in batches
//   results/resources/<member>.json         CPU and memory of the process and its descendants, at the end
//
// A thread of its own reads /proc each `sample_interval_s`, emits what it finds as metric "resources" of the
// member's stream, writes lines out and uploads shards, so that whoever emits waits for no disk and no store.
// It measures real time only, and nothing that decides may read what it writes. What cannot be recorded costs
// a warning, never the work. Files: recorder (this), metric_stream, metric_shards, resources,
// resource_record. Streams are handed out and `finish` is called by the thread that made it.
#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "store/store.h"
#include "telemetry/metric_stream.h"
#include "telemetry/settings.h"

namespace drst {

class Recorder {
 public:
  /// `member`: this process in its group ("infer-0"). Begins at once. Store and clock (which stamps lines)
  /// must outlive it.
  Recorder(ObjectStore& store, const Clock& clock, const TelemetrySettings& settings, std::string member);
  /// Finishes.
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  /// The stream of that name, made on first use; null if it cannot be had. Lives as long as this object.
  MetricStream* stream(const std::string& name);
  /// The same in another store, or part of one, which must outlive this object.
  MetricStream* stream(const std::string& name, ObjectStore& store);
  /// The member's own.
  MetricStream* stream();
  /// Writes and uploads all that is collected, and what the process used. Once; nothing is recorded
  /// afterwards.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
