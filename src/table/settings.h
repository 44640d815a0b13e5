// Limits of what is read into tables and arrays. They keep a hostile or mistaken file from taking the
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
  int64_t max_array_mib = 4'096;

  /// Options of read_csv with these limits.
  [[nodiscard]] CsvOptions csv_options() const;
  /// `max_bytes` of parse_npy and parse_npz.
  [[nodiscard]] std::uint64_t max_array_bytes() const {
    return static_cast<std::uint64_t>(max_array_mib) << 20;
  }
};

void describe(SettingsVisitor& visitor, TableSettings& settings);

}  // namespace drst
