// The figures of SPEC 7 for one consumer, by batch of records and over all: accuracy, error quantiles,
// throughput, wall and CPU time, end-to-end delay. For people and dashboards: no decision reads them. Bounded
// memory. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "inference/sketch.h"
#include "learn/metrics.h"
#include "telemetry/metric_stream.h"

namespace drst {

/// What telemetry gets once in InferenceSettings::report_records records, and at the end.
struct BatchReport {
  struct Figures {
    uint64_t records = 0;
    uint64_t imputed = 0;
    double wall_s = 0;         ///< spent in steps that had records
    double cpu_s = 0;          ///< of this thread in the same steps (estimated from each 16th)
    double records_per_s = 0;  ///< records / wall_s: what the consumer can do, not what arrived
    /// From send_ts to the prediction, by the injected clock.
    double delay_p50_ms = 0, delay_p99_ms = 0, delay_max_ms = 0;
    Metrics baseline, adaptive;  ///< over records with an inline label
  };
  std::string consumer;
  std::string release;  ///< that serves now
  Time when{};
  int64_t lag = 0;  ///< records of its partitions that it has not predicted yet, sentinels included
  Figures batch;    ///< since the report before
  Figures all;      ///< since the start
};

/// One line of the metric stream, metric "batch"; figures since the start have the prefix "all_".
void emit(MetricStream& stream, const BatchReport& report);
/// What was reached since the start, for people.
std::string in_words(const BatchReport& report);

class Meter {
 public:
  explicit Meter(double epsilon);

  void begin_step();
  /// `records`: handled in the step; none: its time is not counted.
  void end_step(uint64_t records);
  void add(double baseline, double adaptive, double truth, Duration delay, uint32_t imputed);

  [[nodiscard]] uint64_t since_report() const { return batch_.records; }
  /// The figures since the last call, and over all.
  BatchReport report(const std::string& consumer, const std::string& release, Time now);
  [[nodiscard]] Metrics baseline() const;
  [[nodiscard]] Metrics adaptive() const;

 private:
  static constexpr uint64_t cpu_sampling = 16;  // reading a thread's CPU clock is a system call

  /// Of a batch, or of all.
  struct Tally {
    explicit Tally(double epsilon) : baseline(epsilon), adaptive(epsilon) {}
    void merge(const Tally& other);
    void clear();
    [[nodiscard]] BatchReport::Figures figures() const;

    RunningScores baseline, adaptive;
    QuantileSketch delays;
    uint64_t records = 0, imputed = 0;
    double wall_s = 0, cpu_s = 0;
  };
  Tally batch_, all_;  // all_: without the batch
  uint64_t steps_ = 0;
  double step_start_ = 0, step_cpu_ = 0;
};

}  // namespace drst
