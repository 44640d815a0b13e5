// Any bytes are a table or an InputError, strictly and leniently; what was read can be written and read
// again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "table/csv.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  drst::CsvOptions options;
  options.lenient = (data[0] & 1) != 0;
  options.row_begin = data[0] >> 6;
  options.max_cells = 1 << 20;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    drst::CsvReport report;
    const drst::Table table = drst::parse_csv(text, "fuzz", options, &report);
    const drst::Table again = drst::parse_csv(drst::to_csv(table), "fuzz again");
    if (again.rows() != table.rows() || again.names() != table.names()) std::abort();
  } catch (const drst::InputError&) {
  }
  return 0;
}
