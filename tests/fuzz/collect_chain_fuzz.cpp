// Chain files, whatever the bytes: sources of known types, each with what it needs, or an InputError; and
// what a selector of metrics takes.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "collect/chain.h"
#include "collect/columns.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto file = drst::parse_chain(bytes, "fuzz");
    if (file.sources.empty() || file.chain.empty()) __builtin_trap();
    for (const auto& source : file.sources) {
      if (source.type.empty() || source.where.empty()) __builtin_trap();
      if (!source.command.empty() && !source.file.empty()) __builtin_trap();
      for (const auto& [from, to] : source.rename)
        if (drst::row_name(source, from) != to) __builtin_trap();
    }
  } catch (const drst::InputError&) {
  }
  return 0;
}
