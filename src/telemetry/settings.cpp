#include "telemetry/settings.h"

namespace drst {

void describe(SettingsVisitor& visitor, TelemetrySettings& settings) {
  visitor.visit(
      "flush_bytes", settings.flush_bytes,
      {"bytes", "Metric lines are written to the file together once they are so many bytes.", 1, 1 << 30});
  visitor.visit(
      "buffer_bytes", settings.buffer_bytes,
      {"bytes",
       "Most memory that unwritten metric lines may take while the disk refuses them; lines beyond it are "
       "dropped and counted, because measuring must never stop what is measured.",
       1024, 1 << 30});
  visitor.visit("sample_interval_s", settings.sample_interval_s,
                {"s", "How often CPU and memory of each component are read from /proc.", 0.01, 3600});
}

}  // namespace drst
