// A monitor's saved state of any bytes: the monitor refuses it with an InputError, or goes on from it.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "drift/monitor.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "stream/record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace drst;
  static const bool quiet = (log::set_level(log::Level::off), true);
  static_cast<void>(quiet);
  DriftSettings settings;
  settings.window = 8;
  settings.stride = 1;
  settings.recent = {4};
  settings.split_least = 2;
  settings.cool_down = 8;
  settings.vanished_rows = 5;
  settings.max_columns = 16;
  settings.calibration.bootstrap_rounds = 50;
  const VirtualClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  log.ensure_topic("t", 1);
  for (int row = 0; row < 24; ++row) {
    NewRecord record;
    record.value = R"({"features":{"a":)" + std::to_string(row % 7) + R"(,"b":2},"label":3,"id":"r-)" +
                   std::to_string(row) + R"("})";
    log.append("t", 0, {&record, 1});
  }
  MemoryStore store;
  store.put("results/monitor_state.bin", {reinterpret_cast<const char*>(data), size});
  MonitorOptions options;
  options.topic = "t";
  try {
    Monitor monitor(log, store, clock, settings, options);
    for (int i = 0; i < 3; ++i) (void)monitor.step();
  } catch (const InputError&) {
  }
  return 0;
}
