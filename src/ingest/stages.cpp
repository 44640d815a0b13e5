#include "ingest/stages.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "table/csv.h"
#include "table/utf8.h"

namespace drst {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void bad_range(const std::string& text) {
  throw InputError(
      "'" + text +
      "' is no row range; write FILE, FILE:head=N, FILE:tail=N or FILE:rows=A-B (rows from 0, B excluded)");
}

std::optional<std::size_t> count(std::string_view text) {
  const auto number = parse_int(text);
  if (!number || *number < 0 || text.front() == '-') return std::nullopt;
  return static_cast<std::size_t>(*number);
}

/// Neither JSON nor a model file can carry other names.
void check_names(const Table& table, const fs::path& file) {
  for (const auto& name : table.names()) {
    if (detail::from_utf8(name)) continue;
    std::string printable;
    for (const char c : name) printable += c >= 0x20 && c < 0x7f ? c : '?';
    throw InputError(file.string() + ": the name of column '" + printable +
                     "' is not UTF-8; rename the column, or convert the file (iconv -f LATIN1 -t UTF-8)");
  }
}

/// The first of `names` in `folder`.
std::optional<fs::path> find_file(const fs::path& folder, const std::vector<std::string>& names) {
  for (const auto& name : names)
    if (fs::is_regular_file(folder / name)) return folder / name;
  return std::nullopt;
}

/// <prefix>*.csv: the first by name.
std::optional<fs::path> find_topology(const fs::path& folder, const std::string& prefix) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() == ".csv" &&
        entry.path().filename().string().starts_with(prefix))
      found.push_back(entry.path());
  if (found.empty()) return std::nullopt;
  std::sort(found.begin(), found.end());
  if (found.size() > 1)
    log::info("of " + to_text(found.size()) + " tables " + (folder / (prefix + "*.csv")).string() +
              " the stream takes " + found.front().filename().string() + "; choose with --stage NAME=FILE");
  return found.front();
}

}  // namespace

void describe(SettingsVisitor& visitor, DefaultStreamSettings& settings) {
  visitor.visit("bridge_rows", settings.bridge_rows,
                {"rows",
                 "of the offline table, its last, that begin the default stream instead of training: what "
                 "has not changed yet",
                 1, 1e9});
  visitor.visit(
      "stage_rows", settings.stage_rows,
      {"rows", "of each further table, its first, in the default stream; some 20 experiments", 1, 1e9});
}

RowRange parse_row_range(const std::string& text) {
  RowRange range;
  const auto colon = text.rfind(':');
  const std::string_view tail =
      colon == std::string::npos ? std::string_view() : std::string_view(text).substr(colon + 1);
  const auto equals = tail.find('=');
  if (equals == std::string_view::npos) {  // a colon alone may belong to the file's name
    range.file = text;
  } else {
    range.file = text.substr(0, colon);
    const auto kind = tail.substr(0, equals);
    const auto value = tail.substr(equals + 1);
    if (kind == "head" || kind == "tail") {
      const auto rows = value.empty() ? std::nullopt : count(value);
      if (!rows || *rows == 0) bad_range(text);
      range.kind = kind == "head" ? RowRange::Kind::head : RowRange::Kind::tail;
      range.a = *rows;
    } else if (kind == "rows") {
      const auto dash = value.find('-');
      if (dash == std::string_view::npos || dash == 0 || dash + 1 == value.size()) bad_range(text);
      const auto first = count(value.substr(0, dash));
      const auto end = count(value.substr(dash + 1));
      if (!first || !end || *first >= *end) bad_range(text);
      range.kind = RowRange::Kind::rows;
      range.a = *first;
      range.b = *end;
    } else {
      bad_range(text);
    }
  }
  if (range.file.empty()) bad_range(text);
  return range;
}

std::string to_text(const RowRange& range) {
  switch (range.kind) {
    case RowRange::Kind::head:
      return range.file.string() + ":head=" + to_text(range.a);
    case RowRange::Kind::tail:
      return range.file.string() + ":tail=" + to_text(range.a);
    case RowRange::Kind::rows:
      return range.file.string() + ":rows=" + to_text(range.a) + "-" + to_text(range.b);
    case RowRange::Kind::all:
      break;
  }
  return range.file.string();
}

StageSpec parse_stage(const std::string& text) {
  const auto equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const bool good = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
  if (equals == std::string::npos || name.empty() || !good)
    throw InputError(
        "'" + text +
        "' is no stage; write NAME=FILE[:head=N|:tail=N|:rows=A-B], NAME of letters, digits, '.', '_', '-'");
  return {name, parse_row_range(text.substr(equals + 1))};
}

namespace {
void drop_time_outs(Table& table, const fs::path& file, const TableSettings& settings) {
  const auto column = table.find(settings.time_out_column);
  if (!column) return;
  std::size_t dropped = 0;
  for (double& value : table.column(*column)) {
    if (value != settings.time_out) continue;
    value = std::numeric_limits<double>::quiet_NaN();
    ++dropped;
  }
  if (dropped > 0)
    log::info(file.string() + ": " + to_text(dropped) + " of " + to_text(table.rows()) + " values of '" +
              settings.time_out_column + "' are the probe's time-out (table.time_out) and count as missing");
}
}  // namespace

Table load_range(const RowRange& range, const TableSettings& limits) {
  CsvOptions options = limits.csv_options();
  if (range.kind == RowRange::Kind::head) options.row_end = range.a;
  if (range.kind == RowRange::Kind::rows) {
    options.row_begin = range.a;
    options.row_end = range.b;
  }
  Table table = read_csv(range.file, options);
  check_names(table, range.file);
  if (range.kind == RowRange::Kind::tail && table.rows() > range.a)
    table = table.slice(table.rows() - range.a, table.rows());
  if (range.kind == RowRange::Kind::rows && table.rows() < range.b - range.a)
    throw InputError(range.file.string() + ": rows " + to_text(range.a) + " to " + to_text(range.b) +
                     " are asked for, but only " + to_text(table.rows()) + " of them exist");
  if (table.rows() == 0) throw InputError(range.file.string() + " has no rows");
  drop_time_outs(table, range.file, limits);
  return table;
}

DefaultStream default_stream(const fs::path& data_folder, const DefaultStreamSettings& settings,
                             const TableSettings& limits) {
  const auto bridge_rows = static_cast<std::size_t>(settings.bridge_rows);
  const auto stage_rows = static_cast<std::size_t>(settings.stage_rows);
  const std::string offline_name = "combined.csv";
  if (!fs::is_directory(data_folder))
    throw InputError(
        "no data folder " + data_folder.string() +
        "; name one with --data, fill it by `drst datasets fetch`, or make data by `drst simulate`");
  fs::path folder = data_folder;
  if (!fs::is_regular_file(folder / offline_name)) folder /= "perf";
  if (!fs::is_regular_file(folder / offline_name))
    throw InputError(
        "no " + offline_name + " in " + data_folder.string() + " or " + folder.string() +
        "; name the folder of the stage tables with --data, or fill it by `drst datasets fetch`");
  const fs::path combined = folder / offline_name;
  const std::size_t rows = read_csv(combined, limits.csv_options()).rows();
  if (rows <= bridge_rows)
    throw InputError(combined.string() + " has " + to_text(rows) + " rows; more than " +
                     to_text(bridge_rows) + " are needed (the last " + to_text(bridge_rows) +
                     " begin the stream, the others train); choose with --offline and --stage, or set "
                     "stream.bridge_rows");

  DefaultStream stream;
  stream.offline = {combined, RowRange::Kind::rows, 0, rows - bridge_rows};
  stream.stages.push_back({"stage0", {combined, RowRange::Kind::tail, bridge_rows, 0}});
  const auto add = [&](const std::string& name, const std::optional<fs::path>& file) {
    if (file) stream.stages.push_back({name, {*file, RowRange::Kind::head, stage_rows, 0}});
  };
  add("stage1", find_file(folder, {"stage1_random_rates.csv", "random_rates.csv"}));
  add("stage2", find_file(folder, {"stage2_resource_stimulus_global_A-B-C_modified.csv",
                                   "resource_stimulus_global_A-B-C_modified.csv"}));
  add("stage3", find_file(folder, {"stage3_intervention_global.csv", "intervention_global.csv"}));
  add("dag-1", find_topology(folder, "dag-1_"));
  add("dag-2", find_topology(folder, "dag-2_"));
  return stream;
}

}  // namespace drst
