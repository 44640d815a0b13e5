// Archives and the names in them: whatever the bytes, names that stay inside, bytes within the limits, or an
// InputError.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/files.h"
#include "measure/archive.h"
#include "measure/bundles.h"

namespace {

void check_name(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.back() == '/' || name.find("//") != std::string_view::npos)
    __builtin_trap();
  for (std::size_t at = 0; at < name.size();) {
    const auto end = std::min(name.find('/', at), name.size());
    const auto part = name.substr(at, end - at);
    if (part == ".." || part == ".") __builtin_trap();
    at = end + 1;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto name = drst::safe_entry_name(bytes)) check_name(*name);
  (void)drst::kind_of_file(bytes, {"firewall"});
  const auto half = bytes.substr(size / 2);
  if (drst::natural_less(bytes, half) && drst::natural_less(half, bytes)) __builtin_trap();

  static const drst::TemporaryFolder folder("drst-fuzz");
  const auto path = folder.path() / (std::to_string(::getpid()) + ".tar.gz");
  drst::write_file_atomic(path, bytes, drst::Sync::no);
  constexpr std::uint64_t most_bytes = 1 << 16;
  try {
    drst::ArchiveReader reader(path, {100, most_bytes, 1 << 20});
    drst::FileDirt dirt;
    while (const auto name = reader.next(dirt)) {
      check_name(*name);
      if (const auto read = reader.read(dirt); read && read->size() > most_bytes) __builtin_trap();
    }
  } catch (const drst::InputError&) {
  }
  return 0;
}
