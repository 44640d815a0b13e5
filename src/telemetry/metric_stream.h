// Metrics as they are measured: an append-only JSONL file, one object a line (SPEC 12).
//
//   {"ts": "2026-01-01T00:00:00.000000Z", "component": "infer-0", "metric": "batch", "acc@0.2": 0.91, ...}
//
// Lines are collected in memory and appended together; a line is never split between two writes, and a file
// whose last line a crash cut short is continued on a new line, so a reader loses at most that one. Memory is
// bounded: while the disk refuses writes, new lines are dropped and counted. Nothing here throws after the
// constructor, and nothing waits for the disk to sync: metrics are worth less than the stream they describe.
// Any thread may call; a mutex is held for a copy of one line, so keep it off record paths (report once a
// batch, not once a record). Lines also go to MetricShards (metric_shards.h), where there are any, which
// leave the machine in batches.
#pragma once

#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "telemetry/settings.h"

namespace drst {

/// One named value of a line: a number (NaN and infinities become null) or a text.
struct MetricField {
  MetricField(std::string_view field, double number) : name(field), value(number) {}
  MetricField(std::string_view field, std::string_view words) : name(field), text(words), is_text(true) {}
  MetricField(std::string_view field, const char* words) : MetricField(field, std::string_view(words)) {}
  MetricField(std::string_view field, const std::string& words)
      : MetricField(field, std::string_view(words)) {}

  std::string_view name;
  double value = 0;
  std::string_view text;
  bool is_text = false;
};

class MetricShards;

class MetricStream {
 public:
  /// Appends to `file`, creating it and its folder; no file if it is empty. FailedError if it cannot be
  /// opened. `clock` and `shards` (may be null) must outlive it.
  MetricStream(const std::filesystem::path& file, const Clock& clock, const TelemetrySettings& settings = {},
               MetricShards* shards = nullptr);
  /// Writes what is left.
  ~MetricStream();
  MetricStream(const MetricStream&) = delete;
  MetricStream& operator=(const MetricStream&) = delete;

  void emit(std::string_view component, std::string_view metric, const std::vector<MetricField>& fields);
  /// Writes what is collected. False: the disk refused (it is kept, up to the bound).
  bool flush();
  [[nodiscard]] uint64_t emitted() const;
  [[nodiscard]] uint64_t dropped() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Emits `runtime_ms` (wall) and `cpu_ms` (this thread) of a scope when it ends.
class ScopedTimer {
 public:
  /// `stream` may be null: then nothing is emitted. It and the texts must outlive the timer.
  ScopedTimer(MetricStream* stream, std::string_view component, std::string_view what);
  ~ScopedTimer();
  ScopedTimer(const ScopedTimer&) = delete;
  ScopedTimer& operator=(const ScopedTimer&) = delete;
  [[nodiscard]] double runtime_ms() const;  ///< so far

 private:
  MetricStream* stream_;
  std::string_view component_, what_;
  double wall_start_, cpu_start_;
};

}  // namespace drst
