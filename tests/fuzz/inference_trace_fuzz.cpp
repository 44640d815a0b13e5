// Trace records: any bytes are read or refused, and what is read writes back to the same rows.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "inference/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto rows = drst::decode_trace({reinterpret_cast<const char*>(data), size});
  if (!rows) return 0;
  const auto again = drst::decode_trace(drst::encode_trace(*rows));
  if (!again || again->size() != rows->size()) std::abort();
  for (size_t i = 0; i < rows->size(); ++i)
    if ((*again)[i].id != (*rows)[i].id || (*again)[i].offset != (*rows)[i].offset ||
        (*again)[i].release != (*rows)[i].release || (*again)[i].status != (*rows)[i].status)
      std::abort();
  return 0;
}
