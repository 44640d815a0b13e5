// Any bytes are an array or an InputError; an array that was read is written and read back the same.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "table/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const std::string written = drst::to_npy(drst::parse_npy(bytes, "fuzz", 1 << 20));
    if (drst::to_npy(drst::parse_npy(written, "fuzz again")) != written) std::abort();
  } catch (const drst::InputError&) {
  }
  return 0;
}
