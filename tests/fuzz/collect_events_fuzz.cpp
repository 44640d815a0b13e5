// Names of counters, groups of them and lists of CPUs, whatever the bytes: an answer or an InputError.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "collect/perf_event.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    for (const auto& event : drst::parse_event_group(text))
      if (drst::encode_event(event).empty()) __builtin_trap();
  } catch (const drst::InputError&) {
  }
  try {
    const auto cpus = drst::parse_cpus(text);
    for (std::size_t i = 1; i < cpus.size(); ++i)
      if (cpus[i] <= cpus[i - 1] || cpus.front() < 0) __builtin_trap();
  } catch (const drst::InputError&) {
  }
  return 0;
}
