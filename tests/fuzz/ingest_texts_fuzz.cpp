// Stages, row ranges and the simulator's words as a user types them: understood, or refused with an
// InputError.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "ingest/simulator.h"
#include "ingest/stages.h"

namespace {

template <class Read>
void attempt(const Read& read) {
  try {
    read();
  } catch (const drst::InputError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  attempt([&] {
    const auto range = drst::parse_row_range(text);
    if (drst::to_text(drst::parse_row_range(drst::to_text(range))) != drst::to_text(range)) __builtin_trap();
  });
  attempt([&] {
    if (drst::parse_stage(text).name.empty()) __builtin_trap();
  });
  attempt([&] { (void)drst::parse_scenario(text); });
  attempt([&] { (void)drst::parse_topology(text); });
  attempt([&] { (void)drst::parse_change(text); });
  return 0;
}
