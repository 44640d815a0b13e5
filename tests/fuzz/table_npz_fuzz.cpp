// Any bytes are arrays or an InputError, within the memory that was allowed.
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "table/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto arrays = drst::parse_npz(bytes, "fuzz", 1 << 22);
    if (!arrays.empty()) (void)drst::to_npz(arrays);
  } catch (const drst::InputError&) {
  }
  return 0;
}
