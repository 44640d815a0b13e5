// The saved place of a joined reader: refused with an InputError, or a place from which the reader goes on.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/error.h"
#include "stream/joined_positions.h"
#include "stream/memory_log.h"
#include "stream/record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace drst;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const auto positions = joined_positions(text, "t");
    if (joined_positions(to_text(positions), "t").offsets != positions.offsets) __builtin_trap();
    const VirtualClock clock;
    MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
    log.ensure_topic("t", 2);
    log.ensure_topic(labels_topic("t"), 1);
    JoinedReaderOptions options;
    options.topic = "t";
    options.group = "g";
    options.member = "m";
    options.run_id = "r";
    JoinedReader reader(log, clock, options);
    reader.restore(text);
    for (int row = 0; row < 4; ++row) {
      NewRecord record;
      record.value = R"({"features":{"a":1,"b":2},"label":3,"id":"r-)" + std::to_string(row) + R"("})";
      log.append("t", row % 2, {&record, 1});
      record.value = R"({"id":"r-)" + std::to_string(row) + R"(","label":3})";
      log.append(labels_topic("t"), 0, {&record, 1});
    }
    for (int i = 0; i < 20; ++i) (void)reader.next();
    (void)reader.positions();
  } catch (const InputError&) {
  }
  return 0;
}
