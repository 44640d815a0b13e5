// The whole configuration: every room's settings under one roof, filled from file, environment and command
// line in this order. `config/drst.toml` is what `drst config` prints for the defaults; a test keeps the two
// equal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/settings.h"
#include "collect/settings.h"
#include "drift/monitor.h"
#include "inference/consumer.h"
#include "ingest/datasets.h"
#include "ingest/producer.h"
#include "ingest/simulator_settings.h"
#include "learn/settings.h"
#include "measure/settings.h"
#include "registry/registry.h"
#include "store/s3_settings.h"
#include "store/settings.h"
#include "stream/settings.h"
#include "table/settings.h"
#include "telemetry/settings.h"
#include "tuning/judge.h"
#include "tuning/retrainer.h"

namespace drst {

struct RunSettings {
  int64_t seed = 7;
  int64_t consumers = 3;
  std::string clock = "virtual";
  double rate = 200;  ///< rows a second on the wall clock
  int64_t retrain_rows = 1;
  double tick_s = 1;
  double patience_s = 600;
  int64_t longest_nap_ms = 50;
};
void describe(SettingsVisitor& visitor, RunSettings& settings);

struct Config {
  RunSettings run;
  ModelSettings model;
  TableSettings table;
  ProducerSettings stream;
  ReaderSettings reader;
  InferenceSettings inference;
  DriftSettings drift;
  TuningSettings tuning;
  JudgeSettings judge;
  RegistrySettings registry;
  LogSettings log;
  KafkaSettings kafka;
  SimulatorSettings simulator;
  DatasetSettings datasets;
  CollectSettings collect;
  PreprocessSettings preprocess;
  StoreSettings store;
  S3Settings s3;
  TelemetrySettings telemetry;

  /// A view of all sections; must not outlive the Config.
  [[nodiscard]] Settings sections();

  // What components take from other sections than their own: the same in `drst run` and as processes. Run id
  // and member are the caller's. `lane`: of which target (stream/lane.h); "": the first.
  [[nodiscard]] ProducerSettings producer_settings() const;
  [[nodiscard]] ConsumerIdentity consumer_identity(const std::string& lane = {}) const;
  [[nodiscard]] MonitorOptions monitor_options(const std::string& lane = {}) const;
  [[nodiscard]] RetrainerOptions retrainer_options(const std::string& lane = {}) const;
  [[nodiscard]] JudgeOptions judge_options(const std::string& lane = {}) const;
  [[nodiscard]] const std::string& target_of(const std::string& lane) const {
    return lane.empty() ? model.targets.at(0) : lane;
  }
  [[nodiscard]] std::chrono::milliseconds longest_nap() const {
    return std::chrono::milliseconds(run.longest_nap_ms);
  }
};

/// InputError for combinations of settings that no range can express, and that some command would refuse.
void check(const Config& config);

}  // namespace drst
