#include "telemetry/settings.h"

namespace drst {

void describe(SettingsVisitor& visitor, TelemetrySettings& settings) {
  visitor.visit(
      "flush_bytes", settings.flush_bytes,
      {"bytes", "Metric lines are written to the file together once they are so many bytes.", 1, 1 << 30});
  visitor.visit("buffer_bytes", settings.buffer_bytes,
                {"bytes",
                 "Most memory that the metric lines of a stream may take while the disk, or the store, "
                 "refuses them; lines "
                 "beyond it are dropped and counted, because measuring must never stop what is measured.",
                 1024, 1 << 30});
  visitor.visit("sample_interval_s", settings.sample_interval_s,
                {"s",
                 "How often CPU and memory are read from /proc and metric lines written out; a reading costs "
                 "about a millisecond.",
                 0.01, 3600});
  visitor.visit(
      "upload_interval_s", settings.upload_interval_s,
      {"s",
       "Metric lines go to the store as CSV objects once in so long, and at the end: few requests, and "
       "little to lose with a machine.",
       0.1, 86'400});
}

}  // namespace drst
