// Settings of telemetry, section [telemetry].
#pragma once

#include <cstdint>

#include "base/settings.h"

namespace drst {

struct TelemetrySettings {
  int64_t flush_bytes = 64 * 1024;
  int64_t buffer_bytes = 1024 * 1024;
  double sample_interval_s = 0.5;
  double upload_interval_s = 30;
};
void describe(SettingsVisitor& visitor, TelemetrySettings& settings);

}  // namespace drst
