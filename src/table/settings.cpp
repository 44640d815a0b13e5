#include "table/settings.h"

namespace drst {

CsvOptions TableSettings::csv_options() const {
  CsvOptions options;
  options.max_columns = static_cast<std::size_t>(max_columns);
  options.max_bytes = static_cast<std::uint64_t>(max_file_mib) << 20;
  options.max_cells = static_cast<std::uint64_t>(max_cells);
  return options;
}

void describe(SettingsVisitor& visitor, TableSettings& s) {
  visitor.visit("max_columns", s.max_columns,
                {"columns", "of a CSV at most; a perf table has 63, a widened PCM table about 2000", 1, 1e6});
  visitor.visit(
      "max_file_mib", s.max_file_mib,
      {"MiB", "largest CSV that is read; a year of seconds of one chain is about 20 GB, so a month fits", 1,
       1e6});
  visitor.visit(
      "max_cells", s.max_cells,
      {"cells", "of one table at most, 8 bytes each: the default is 8 GiB, 17 million rows of 63", 1, 1e12});
  visitor.visit("time_out_column", s.time_out_column,
                {"", "the column that a probe measures which gives up after a while; empty: none"});
  visitor.visit("time_out", s.time_out,
                {"the column's unit",
                 "a value of exactly this says that the probe gave up: it counts as missing. The published "
                 "probes do after 15 ms, and their tables have microseconds",
                 0, 1e12});
}

}  // namespace drst
