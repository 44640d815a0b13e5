// CSV as it is found: a header row, then numbers.
//
// Reads published tables and plain numeric CSV: index columns (unnamed or "Unnamed: 0", they mark where experiments begin),
// `<not counted>`, `<not supported>` and blanks as missing, CRLF, a BOM, quoted fields, a missing final newline. The file is mapped and
// parsed in one pass; a numeric file of 1 M x 63 goes at more than 200 MB/s on one core. A cell that is neither a number nor a known
// word for "missing" is an InputError with file:line:column name, unless `lenient`, where it is counted in the report. Ragged rows likewise.
// Memory is bounded by the limits; a hostile file gives an error, never a crash.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "table/table.h"

namespace drst {

struct CsvOptions {
  char separator = ',';
  bool lenient = false;                     ///< count bad cells and ragged rows instead of refusing the file
  std::size_t max_columns = 16'384;
  std::uint64_t max_bytes = std::uint64_t{16} << 30;
  std::size_t row_begin = 0;                ///< keep rows [row_begin, row_end)
  std::size_t row_end = ~std::size_t{0};
};

/// What was unusual in a file; counts, and the first places.
struct CsvReport {
  std::uint64_t missing_cells = 0;   ///< blanks, <not counted>, <not supported>, nan
  std::uint64_t bad_cells = 0;       ///< text where a number belongs (lenient only)
  std::uint64_t infinite_cells = 0;  ///< inf, or beyond float64: read as missing, counted
  std::uint64_t ragged_rows = 0;     ///< too few or too many fields (lenient only): padded or cut
  bool had_bom = false;
  bool had_crlf = false;
  std::string index_column;          ///< name of the index column, or empty
  std::vector<std::string> notes;    ///< "file:line: what", at most 20
};

Table read_csv(const std::filesystem::path& path, const CsvOptions& options = {}, CsvReport* report = nullptr);
/// `source` names the text in errors.
Table parse_csv(std::string_view text, const std::string& source, const CsvOptions& options = {}, CsvReport* report = nullptr);

/// Shortest round-trip numbers, NaN as an empty field, an index column that restarts at each experiment if asked.
void write_csv(const std::filesystem::path& path, const Table& table, bool index_column = true);
std::string to_csv(const Table& table, bool index_column = true);

}  // namespace drst
