#include <algorithm>
#include <cmath>

#include "base/files.h"
#include "base/text.h"
#include "table/csv.h"

namespace drst {

namespace {
void append_name(std::string& out, const std::string& name) {
  const bool plain =
      !name.empty() && name.find_first_of(",\"\r\n") == std::string::npos && trim(name) == name;
  if (plain) {
    out += name;
    return;
  }
  out += '"';
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}
}  // namespace

void append_csv_header(std::string& out, std::span<const std::string> names, bool index_column) {
  bool first = !index_column;  // the index has no name, so its comma comes first
  for (const auto& name : names) {
    if (!first) out += ',';
    append_name(out, name);
    first = false;
  }
  out += '\n';
}

void append_csv_row(std::string& out, std::span<const double> cells, std::optional<std::size_t> index) {
  char buffer[40];
  bool first = true;
  if (index) {
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, *index).ptr);
    first = false;
  }
  // A lone empty cell would be a blank line, which readers skip.
  if (!index && cells.size() == 1 && std::isnan(cells[0])) out += "nan";
  for (const double cell : cells) {
    if (!first) out += ',';
    if (!std::isnan(cell)) out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, cell).ptr);
    first = false;
  }
  out += '\n';
}

std::string to_csv(const Table& table, bool index_column) {
  std::string out;
  append_csv_header(out, table.names(), index_column);
  std::vector<double> cells(table.columns());
  auto next_start = table.experiment_starts().begin();
  std::size_t start = 0;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (next_start != table.experiment_starts().end() && *next_start == row) start = *next_start++;
    for (std::size_t i = 0; i < cells.size(); ++i) cells[i] = table.at(row, i);
    append_csv_row(out, cells, index_column ? std::optional(row - start) : std::nullopt);
  }
  return out;
}

void write_csv(const std::filesystem::path& path, const Table& table, bool index_column) {
  write_file_atomic(path, to_csv(table, index_column));
}

}  // namespace drst
