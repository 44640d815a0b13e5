// Settings of consumer and guard, section [inference].
#pragma once

#include <cstdint>

#include "base/settings.h"
#include "learn/model_limits.h"

namespace drst {

struct InferenceSettings {
  int64_t batch = 2048;                 ///< most records a step
  double max_missing_fraction = 0.5;    ///< of the current-sample inputs; beyond: dead letter
  double first_record_timeout_s = 600;  ///< models and first record; 0: never, as below
  double idle_timeout_s = 30;
  double lease_s = 10;
  double poll_interval_s = 1;  ///< guard: how often the pointer is read (by the injected clock)
  double judge_silence_s = 60;
  int64_t dedupe_window = 65'536;  ///< rows a partition and run in which a repeated id is recognised
  int64_t report_records = 1000;   ///< records a BatchReport covers
  OnnxSettings onnx;               ///< section [onnx]; the retrainer takes it, too
};
void describe(SettingsVisitor& visitor, InferenceSettings& settings);

}  // namespace drst
