// Metrics objects and pointers: whatever stands in the bucket is read or refused, and what is read writes
// back to itself.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "registry/registry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto pointer = drst::parse_pointer(text, "fuzz"))
    if (drst::parse_pointer(drst::to_text(*pointer), "fuzz") != *pointer) std::abort();
  try {
    const auto info = drst::parse_release_info(text, "fuzz");
    const auto again = drst::parse_release_info(drst::to_json(info), "fuzz");
    if (again.inputs != info.inputs || again.size != info.size || again.model_key != info.model_key)
      std::abort();
  } catch (const drst::InputError&) {
  }
  return 0;
}
