// How tables are read ([table]): limits, which keep a hostile or mistaken file from taking the machine's
// memory, and what in a published table is no measurement.
#pragma once

#include <cstdint>
#include <string>

#include "base/settings.h"
#include "table/csv.h"

namespace drst {

struct TableSettings {
  int64_t max_columns = 16'384;
  int64_t max_file_mib = 16'384;
  int64_t max_cells = int64_t{1} << 30;
  std::string time_out_column = "latency";
  double time_out = 15'000;

  /// Options of read_csv with these limits.
  [[nodiscard]] CsvOptions csv_options() const;
};

void describe(SettingsVisitor& visitor, TableSettings& settings);

}  // namespace drst
