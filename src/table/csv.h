// CSV as it is found: a header row, then numbers.
//
// Reads published tables and plain numeric CSV: `<not counted>`, `<not supported>`, blanks, nan and the like
// as missing, blanks around numbers, CRLF, a BOM, quoted fields, blank lines, a missing final newline.
// Leading columns without a name (or named "Unnamed: 0" and so on by pandas) are the index: they become no
// column, but where the index falls, or leaps by more than one, an experiment begins. Numbers are read
// correctly rounded and whatever the locale. The file is mapped (so it must not be cut short meanwhile) and
// parsed in one pass; a numeric file of 1 M x 63 goes at more than 200 MB/s on one core. A cell that is
// neither a number nor a known word for "missing" is an InputError with file:line:column name, unless
// `lenient`, where it is counted in the report. Ragged rows likewise. Memory is bounded by the limits; a
// hostile file gives an error, never a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "table/table.h"

namespace drst {

struct CsvOptions {
  char separator = ',';
  bool lenient = false;  ///< count bad cells and ragged rows instead of refusing the file
  std::size_t max_columns = 16'384;
  std::uint64_t max_bytes = std::uint64_t{16} << 30;
  std::uint64_t max_cells = std::uint64_t{1} << 30;  ///< of the kept rows
  std::size_t row_begin = 0;  ///< keep rows [row_begin, row_end) of those there are; others are not looked at
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
  std::string index_column;        ///< name of the index column, or empty
  std::vector<std::string> notes;  ///< "file:line: what", at most 20
};

Table read_csv(const std::filesystem::path& path, const CsvOptions& options = {},
               CsvReport* report = nullptr);
/// As read_csv, from memory; `source` names the text in errors.
Table parse_csv(std::string_view text, const std::string& source, const CsvOptions& options = {},
                CsvReport* report = nullptr);

/// Shortest round-trip numbers, NaN as an empty field, and if asked an index column that restarts at each
/// experiment (without it, experiments are lost). The file is replaced atomically.
void write_csv(const std::filesystem::path& path, const Table& table, bool index_column = true);
std::string to_csv(const Table& table, bool index_column = true);

/// The parts of to_csv, for writers that never hold a whole table: appended to `out`, with the final newline.
void append_csv_header(std::string& out, std::span<const std::string> names, bool index_column);
void append_csv_row(std::string& out, std::span<const double> cells, std::optional<std::size_t> index);

}  // namespace drst
