// What a report reads of a run: its facts and what its processes used; each is read, or refused with an
// InputError.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "report/summary.h"
#include "telemetry/resource_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto facts = drst::parse_run_facts(text, "fuzz");
    if (facts.targets.empty()) __builtin_trap();
  } catch (const drst::InputError&) {
  }
  try {
    const auto record = drst::parse_resource_record(text, "fuzz");
    if (drst::parse_resource_record(drst::to_json(record), "fuzz").samples.size() != record.samples.size())
      __builtin_trap();
  } catch (const drst::InputError&) {
  }
  return 0;
}
