// Limits of what is read into tables ([table]). They keep a hostile or mistaken file from taking the
// machine's memory.
#pragma once

#include <cstdint>

#include "base/settings.h"
#include "table/csv.h"

namespace drst {

struct TableSettings {
  int64_t max_columns = 16'384;
  int64_t max_file_mib = 16'384;
  int64_t max_cells = int64_t{1} << 30;

  /// Options of read_csv with these limits.
  [[nodiscard]] CsvOptions csv_options() const;
};

void describe(SettingsVisitor& visitor, TableSettings& settings);

}  // namespace drst
