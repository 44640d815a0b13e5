// A saved detector state of any bytes is refused with an InputError or gives a detector that works.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/error.h"
#include "drift/detector.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  drst::DriftSettings settings;
  settings.window = 20;
  settings.stride = 1;
  settings.recent = {10};
  settings.split_least = 2;
  settings.cool_down = 20;
  settings.vanished_rows = 5;
  settings.max_columns = 16;
  settings.calibration.bootstrap_rounds = 50;
  drst::DriftDetector detector(settings, 1);
  try {
    detector.restore(std::string(reinterpret_cast<const char*>(data), size));
  } catch (const drst::InputError&) {
    return 0;
  }
  const std::vector<std::string> columns = {"a", "b"};
  for (int64_t row = 0; row < 50; ++row) {
    const std::vector<double> values = {static_cast<double>(row), static_cast<double>(row % 7)};
    if (detector.push(row, columns, values)) detector.acknowledge();
  }
  return 0;
}
