// The whole configuration: every room's settings under one roof, filled from file, environment and command
// line in this order. `config/drst.toml` is what `drst config` prints for the defaults; a test keeps the two
// equal.
#pragma once

#include <cstdint>
#include <string>

#include "base/settings.h"
#include "drift/detector.h"
#include "inference/consumer.h"
#include "ingest/datasets.h"
#include "ingest/producer.h"
#include "ingest/simulator_settings.h"
#include "learn/settings.h"
#include "registry/registry.h"
#include "store/settings.h"
#include "stream/settings.h"
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
};
void describe(SettingsVisitor& visitor, RunSettings& settings);

struct Config {
  RunSettings run;
  ModelSettings model;
  ProducerSettings stream;
  InferenceSettings inference;
  DriftSettings drift;
  TuningSettings tuning;
  JudgeSettings judge;
  RegistrySettings registry;
  LogSettings log;
  SimulatorSettings simulator;
  DatasetSettings datasets;
  StoreSettings store;
  TelemetrySettings telemetry;

  /// A view of all sections; must not outlive the Config.
  [[nodiscard]] Settings sections();
};

}  // namespace drst
