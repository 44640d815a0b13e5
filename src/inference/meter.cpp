#include "inference/meter.h"

#include "telemetry/resources.h"

namespace drst {

void emit(MetricStream& stream, const BatchReport& report) {
  stream.emit(report.consumer, "batch",
              {{"release", report.release},
               {"records", static_cast<double>(report.records)},
               {"all_records", static_cast<double>(report.all_records)},
               {"imputed", static_cast<double>(report.imputed)},
               {"wall_s", report.wall_s},
               {"cpu_s", report.cpu_s},
               {"records_per_s", report.records_per_s},
               {"delay_p50_ms", report.delay_p50_ms},
               {"delay_p99_ms", report.delay_p99_ms},
               {"delay_max_ms", report.delay_max_ms},
               {"baseline_acc@0.2", report.baseline.acc02},
               {"baseline_e_p50", report.baseline.e_p50},
               {"baseline_e_p80", report.baseline.e_p80},
               {"baseline_e_p90", report.baseline.e_p90},
               {"baseline_e_p95", report.baseline.e_p95},
               {"baseline_e_p99", report.baseline.e_p99},
               {"adaptive_acc@0.2", report.adaptive.acc02},
               {"adaptive_e_p50", report.adaptive.e_p50},
               {"adaptive_e_p80", report.adaptive.e_p80},
               {"adaptive_e_p90", report.adaptive.e_p90},
               {"adaptive_e_p95", report.adaptive.e_p95},
               {"adaptive_e_p99", report.adaptive.e_p99},
               {"all_baseline_acc@0.2", report.all_baseline.acc02},
               {"all_adaptive_acc@0.2", report.all_adaptive.acc02}});
}

Meter::Meter(double epsilon)
    : baseline_{RunningScores(epsilon), RunningScores(epsilon)},
      adaptive_{RunningScores(epsilon), RunningScores(epsilon)} {}

void Meter::begin_step() {
  step_start_ = monotonic_seconds();
  if (steps_ % cpu_sampling == 0) step_cpu_ = thread_cpu_seconds();
}

void Meter::end_step(uint64_t records) {
  if (records == 0) return;
  if (steps_ % cpu_sampling == 0)
    cpu_s_ += (thread_cpu_seconds() - step_cpu_) * static_cast<double>(cpu_sampling);
  wall_s_ += monotonic_seconds() - step_start_;
  ++steps_;
  records_ += records;
  all_records_ += records;
}

void Meter::add(double baseline, double adaptive, double truth, Duration delay, uint32_t imputed) {
  baseline_.batch.add(baseline, truth);
  adaptive_.batch.add(adaptive, truth);
  delays_.add(static_cast<double>(delay.count()) * 1e-3);
  imputed_ += imputed;
}

BatchReport Meter::report(const std::string& consumer, const std::string& release, Time now) {
  BatchReport report;
  report.consumer = consumer;
  report.release = release;
  report.when = now;
  report.records = records_;
  report.all_records = all_records_;
  report.imputed = imputed_;
  report.wall_s = wall_s_;
  report.cpu_s = cpu_s_;
  report.records_per_s = wall_s_ > 0 ? static_cast<double>(records_) / wall_s_ : 0;
  report.delay_p50_ms = delays_.quantile(0.5);
  report.delay_p99_ms = delays_.quantile(0.99);
  report.delay_max_ms = delays_.max();
  report.baseline = baseline_.batch.metrics();
  report.adaptive = adaptive_.batch.metrics();
  for (auto* scores : {&baseline_, &adaptive_}) {
    scores->all.merge(scores->batch);
    scores->batch.clear();
  }
  report.all_baseline = baseline_.all.metrics();
  report.all_adaptive = adaptive_.all.metrics();
  delays_.clear();
  records_ = imputed_ = 0;
  wall_s_ = cpu_s_ = 0;
  return report;
}

Metrics Meter::baseline() const {
  auto scores = baseline_.all;
  scores.merge(baseline_.batch);
  return scores.metrics();
}

Metrics Meter::adaptive() const {
  auto scores = adaptive_.all;
  scores.merge(adaptive_.batch);
  return scores.metrics();
}

}  // namespace drst
