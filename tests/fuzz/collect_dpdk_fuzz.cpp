// What a telemetry server may say, whatever the bytes: finite numbers by name, or a reason.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collect/dpdk_client.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto answer = drst::parse_dpdk_answer(bytes, "/ethdev/stats,0");
  if (!answer && answer.error().reason.empty()) __builtin_trap();
  if (answer)
    for (const auto& [name, value] : *answer)
      if (!std::isfinite(value)) __builtin_trap();
  (void)drst::parse_dpdk_greeting(bytes);
  return 0;
}
