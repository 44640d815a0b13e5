// Which rows of which files make a stream: the small language of --offline and --stage, and the default list
// (SPEC 3.1). Pure functions but for reading files; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/settings.h"
#include "table/settings.h"
#include "table/table.h"

namespace drst {

/// FILE[:head=N|:tail=N|:rows=A-B] (rows from 0, B excluded). head and tail take what there is, at most N
/// rows.
struct RowRange {
  std::filesystem::path file;
  enum class Kind { all, head, tail, rows } kind = Kind::all;
  std::size_t a = 0, b = 0;  ///< head, tail: N in a; rows: [a, b)
};
RowRange parse_row_range(const std::string& text);  ///< InputError with the expected form
std::string to_text(const RowRange& range);         ///< what parse_row_range reads back

struct StageSpec {
  std::string name;
  RowRange range;
};
StageSpec parse_stage(const std::string& text);  ///< NAME=FILE[:...]; NAME of [A-Za-z0-9._-]

struct StageTable {
  std::string name;
  Table table;
};
/// InputError if there are no rows, or fewer than rows=A-B asks for, or the file is beyond the limits.
Table load_range(const RowRange& range, const TableSettings& limits = {});

/// The default stream for the files a data folder has: offline `combined.csv` less its last `bridge_rows`,
/// stage0 those, then the first `stage_rows` of each further stage table: stage1, stage2, stage3, dag-1,
/// dag-2. Of several dag tables the first by name.
struct DefaultStreamSettings {
  int64_t bridge_rows = 500;
  int64_t stage_rows = 1000;
};
/// Part of the section [stream].
void describe(SettingsVisitor& visitor, DefaultStreamSettings& settings);
struct DefaultStream {
  RowRange offline;
  std::vector<StageSpec> stages;
};
/// InputError saying which file is missing and where it was looked for (folder itself and its perf/
/// subfolder).
DefaultStream default_stream(const std::filesystem::path& data_folder,
                             const DefaultStreamSettings& settings = {}, const TableSettings& limits = {});

}  // namespace drst
