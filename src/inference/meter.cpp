#include "inference/meter.h"

#include <algorithm>

#include "base/text.h"
#include "telemetry/resources.h"

namespace drst {

void emit(MetricStream& stream, const BatchReport& report) {
  std::vector<std::string> names;
  std::vector<double> values;
  const auto add = [&](const std::string& name, double value) {
    names.push_back(name);
    values.push_back(value);
  };
  const auto add_scores = [&](const std::string& prefix, const Metrics& scores) {
    add(prefix + "labels", static_cast<double>(scores.n));
    add(prefix + "acc@0.2", scores.acc02);
    add(prefix + "e_p50", scores.e_p50);
    add(prefix + "e_p80", scores.e_p80);
    add(prefix + "e_p90", scores.e_p90);
    add(prefix + "e_p95", scores.e_p95);
    add(prefix + "e_p99", scores.e_p99);
  };
  const auto add_figures = [&](const std::string& prefix, const BatchReport::Figures& figures) {
    add(prefix + "records", static_cast<double>(figures.records));
    add(prefix + "imputed", static_cast<double>(figures.imputed));
    add(prefix + "wall_s", figures.wall_s);
    add(prefix + "cpu_s", figures.cpu_s);
    add(prefix + "records_per_s", figures.records_per_s);
    add(prefix + "delay_p50_ms", figures.delay_p50_ms);
    add(prefix + "delay_p99_ms", figures.delay_p99_ms);
    add(prefix + "delay_max_ms", figures.delay_max_ms);
    add_scores(prefix + "baseline_", figures.baseline);
    add_scores(prefix + "adaptive_", figures.adaptive);
  };
  add("lag_records", static_cast<double>(report.lag));
  add_figures("", report.batch);
  add_figures("all_", report.all);
  std::vector<MetricField> fields{{"release", report.release}};
  for (std::size_t i = 0; i < names.size(); ++i) fields.emplace_back(names[i], values[i]);
  stream.emit(report.consumer, "batch", fields);
}

std::string in_words(const BatchReport& report) {
  const auto& all = report.all;
  std::string text = report.consumer + ": ";
  if (all.adaptive.n == 0) {
    text += "no accuracy, as no record carried its label";
  } else {
    text += "accuracy@0.2 baseline " + to_fixed(100 * all.baseline.acc02, 1) + " %, adaptive " +
            to_fixed(100 * all.adaptive.acc02, 1) + " % of " + to_text(all.adaptive.n) + " labelled records";
  }
  if (all.records == 0) return text;
  return text + "; delay p50 " + to_fixed(all.delay_p50_ms, 1) + " ms, p99 " + to_fixed(all.delay_p99_ms, 1) +
         " ms, max " + to_fixed(all.delay_max_ms, 1) + " ms; " + to_fixed(all.records_per_s, 0) +
         " records/s while there were any";
}

void Meter::Tally::merge(const Tally& other) {
  baseline.merge(other.baseline);
  adaptive.merge(other.adaptive);
  delays.merge(other.delays);
  records += other.records;
  imputed += other.imputed;
  wall_s += other.wall_s;
  cpu_s += other.cpu_s;
}

void Meter::Tally::clear() {
  baseline.clear();
  adaptive.clear();
  delays.clear();
  records = imputed = 0;
  wall_s = cpu_s = 0;
}

BatchReport::Figures Meter::Tally::figures() const {
  BatchReport::Figures figures;
  figures.records = records;
  figures.imputed = imputed;
  figures.wall_s = wall_s;
  figures.cpu_s = cpu_s;
  figures.records_per_s = wall_s > 0 ? static_cast<double>(records) / wall_s : 0;
  figures.delay_p50_ms = delays.quantile(0.5);
  figures.delay_p99_ms = delays.quantile(0.99);
  figures.delay_max_ms = delays.max();
  figures.baseline = baseline.metrics();
  figures.adaptive = adaptive.metrics();
  return figures;
}

Meter::Meter(double epsilon) : batch_(epsilon), all_(epsilon) {}

void Meter::begin_step() {
  step_start_ = monotonic_seconds();
  if (steps_ % cpu_sampling == 0) step_cpu_ = thread_cpu_seconds();
}

void Meter::end_step(uint64_t records) {
  if (records == 0) return;
  if (steps_ % cpu_sampling == 0)
    batch_.cpu_s += (thread_cpu_seconds() - step_cpu_) * static_cast<double>(cpu_sampling);
  batch_.wall_s += monotonic_seconds() - step_start_;
  ++steps_;
  batch_.records += records;
}

void Meter::add(double baseline, double adaptive, double truth, Duration delay, uint32_t imputed) {
  batch_.baseline.add(baseline, truth);
  batch_.adaptive.add(adaptive, truth);
  batch_.delays.add(static_cast<double>(delay.count()) * 1e-3);
  batch_.imputed += imputed;
}

BatchReport Meter::report(const std::string& consumer, const std::string& release, Time now) {
  BatchReport report;
  report.consumer = consumer;
  report.release = release;
  report.when = now;
  report.batch = batch_.figures();
  all_.merge(batch_);
  batch_.clear();
  report.all = all_.figures();
  return report;
}

Metrics Meter::baseline() const {
  auto scores = all_.baseline;
  scores.merge(batch_.baseline);
  return scores.metrics();
}

Metrics Meter::adaptive() const {
  auto scores = all_.adaptive;
  scores.merge(batch_.adaptive);
  return scores.metrics();
}

}  // namespace drst
