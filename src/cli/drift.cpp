// drst drift scan: the drift monitor over plain tables, no log, no store, no model.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "cli/command.h"
#include "drift/account.h"
#include "drift/scan.h"
#include "table/csv.h"

namespace drst::cli {

namespace {

struct Options {
  std::vector<std::string> files;
  std::string history;
  std::string fail_on;
  bool kpis = false;
};

struct ScannedFile {
  std::string name;
  int64_t first_row = 0;
  int64_t rows = 0;
  CsvReport report;
};

struct Place {
  const ScannedFile* file;
  int64_t row;  ///< in it
};
Place place_of(const std::vector<ScannedFile>& files, int64_t row) {
  auto file = files.rbegin();
  while (file + 1 != files.rend() && file->first_row > row) ++file;
  return {&*file, row - file->first_row};
}

std::vector<DriftShare> first_few(std::vector<DriftShare> shares, int64_t most) {
  if (shares.size() > static_cast<std::size_t>(most)) shares.resize(static_cast<std::size_t>(most));
  std::erase_if(shares, [](const auto& share) { return share.divergence <= 0; });
  return shares;
}

nlohmann::ordered_json json_of(const std::vector<DriftShare>& shares, const char* name) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& share : shares)
    list.push_back({{name, share.name}, {"share", share.share}, {"divergence_bits", share.divergence}});
  return list;
}

void print_json(const TableScan& scan, const std::vector<ScannedFile>& files, const DriftSettings& settings) {
  nlohmann::ordered_json json;
  json["rows"] = scan.rows();
  json["window"] = settings.window;
  auto& read = json["files"] = nlohmann::ordered_json::array();
  for (const auto& file : files)
    read.push_back({{"file", file.name},
                    {"first_row", file.first_row},
                    {"rows", file.rows},
                    {"missing_cells", file.report.missing_cells},
                    {"infinite_cells", file.report.infinite_cells}});
  auto& changes = json["changes"] = nlohmann::ordered_json::array();
  for (const auto& alarm : scan.alarms()) {
    const Place at = place_of(files, alarm.row);
    const Place since = place_of(files, alarm.change_row);
    changes.push_back(
        {{"tier", to_text(alarm.tier)},
         {"row", alarm.row},
         {"file", at.file->name},
         {"file_row", at.row},
         {"change_row", alarm.change_row},
         {"change_file", since.file->name},
         {"change_file_row", since.row},
         {"voice", alarm.voice},
         {"signal_bits", alarm.signal},
         {"threshold_bits", alarm.threshold},
         {"threshold_error_bits", alarm.threshold_error},
         {"calibrated_on", alarm.calibrated_on},
         {"vnfs", json_of(first_few(by_vnf(alarm, settings.vnfs), settings.top_features), "vnf")},
         {"features", json_of(first_few(by_feature(alarm), settings.top_features), "feature")},
         {"columns_gone", alarm.gone},
         {"columns_new", alarm.appeared}});
  }
  auto& quiet = json["moved_without_alarm"] = nlohmann::ordered_json::array();
  for (const auto& move : scan.quiet_moves()) {
    const Place at = place_of(files, move.row);
    quiet.push_back({{"feature", move.feature},
                     {"row", move.row},
                     {"file", at.file->name},
                     {"file_row", at.row},
                     {"divergence_bits", move.bits}});
  }
  const DriftInput input = scan.detector().input();
  json["calibrated_on"] = scan.detector().calibrated_on();
  json["columns"] = scan.detector().columns();
  json["constant_columns"] = input.constant;
  json["duplicated_columns"] = input.duplicated;
  std::printf("%s\n", json.dump(1).c_str());
}

std::string words(const std::vector<DriftShare>& shares, std::size_t most) {
  std::string text;
  for (std::size_t i = 0; i < shares.size() && i < most; ++i)
    text += (i == 0 ? "" : ", ") + shares[i].name + " " + to_fixed(100 * shares[i].share, 0) + "%";
  return text;
}

void print_changes(const TableScan& scan, const std::vector<ScannedFile>& files,
                   const DriftSettings& settings) {
  if (scan.alarms().empty()) {
    std::printf("no change found in %s rows\n", to_text(scan.rows()).c_str());
    return;
  }
  std::printf("%-4s %9s %9s  %-10s %6s %10s %6s  %s\n", "tier", "since", "seen", "voice", "bits", "threshold",
              "+-", "file, VNFs and features by their share of the change");
  for (const auto& alarm : scan.alarms()) {
    const Place since = place_of(files, alarm.change_row);
    std::printf("%-4s %9lld %9lld  %-10s %6.3f %10.3f %6.3f  %s row %lld\n", to_text(alarm.tier).c_str(),
                static_cast<long long>(alarm.change_row), static_cast<long long>(alarm.row),
                alarm.voice.c_str(), alarm.signal, alarm.threshold, alarm.threshold_error,
                since.file->name.c_str(), static_cast<long long>(since.row));
    std::printf("%59s  VNFs: %s\n", "", words(by_vnf(alarm, settings.vnfs), 5).c_str());
    std::printf("%59s  features: %s\n", "",
                words(first_few(by_feature(alarm), settings.top_features), 5).c_str());
    if (!alarm.gone.empty() || !alarm.appeared.empty())
      std::printf("%59s  columns: %zu gone, %zu new\n", "", alarm.gone.size(), alarm.appeared.size());
  }
}

/// A mean over many features is deaf to a few of them.
void print_quiet_moves(const TableScan& scan, const std::vector<ScannedFile>& files,
                       const DriftSettings& settings) {
  const auto moves = scan.quiet_moves();
  if (moves.empty()) return;
  std::printf("moved by %s bit or more without an alarm, which goes by the mean over all features:\n",
              to_fixed(quiet_move_bits, 1).c_str());
  const auto most = static_cast<std::size_t>(settings.top_features);
  for (std::size_t i = 0; i < std::min(most, moves.size()); ++i) {
    const Place at = place_of(files, moves[i].row);
    std::printf("  %s: %.2f bit, first seen in row %lld (%s row %lld)\n", moves[i].feature.c_str(),
                moves[i].bits, static_cast<long long>(moves[i].row), at.file->name.c_str(),
                static_cast<long long>(at.row));
  }
  if (moves.size() > most) std::printf("  and %zu more (--json has all)\n", moves.size() - most);
  if (scan.detector().calibrated_on() != "history")
    std::printf(
        "--history FILE, rows of the same columns without change, makes alarms as fine as they can be\n");
}

/// Those that are no KPI and have a number.
std::vector<std::string> watched_columns(const Table& table, const std::vector<std::string>& kpis) {
  std::vector<std::string> names;
  for (std::size_t c = 0; c < table.columns(); ++c) {
    const auto column = table.column(c);
    if (std::find(kpis.begin(), kpis.end(), table.names()[c]) == kpis.end() &&
        std::any_of(column.begin(), column.end(), [](double x) { return x == x; }))
      names.push_back(table.names()[c]);
  }
  return names;
}

/// A history says nothing of a table whose columns it does not have.
void compare_columns(const std::vector<std::string>& watched, const std::string& file,
                     const DriftHistory& history, const std::string& history_file) {
  const auto lacks = lacking(history, watched);
  if (lacks.empty()) return;
  if (lacks.size() == watched.size())
    throw InputError("--history " + history_file + " has none of the columns of " + file + " (it has " +
                     join_first(history.columns, 3) + "; the file has " + join_first(watched, 3) +
                     "); give rows of the same columns, or leave it out");
  log::warning("--history " + history_file + " lacks " + to_text(lacks.size()) + " of " +
               to_text(watched.size()) + " columns of " + file + ": " + join_first(lacks) +
               "; thresholds of baselines with these follow from the baseline alone, and no budget holds");
}

int scan(Context& context, const Options& options) {
  context.load();
  DriftSettings& settings = context.config.drift;
  if (const DriftSettings usual; settings.window != usual.window && settings.recent == usual.recent) {
    // The further windows go with the window, unless they were set, too.
    settings.recent = {3 * settings.window};
    for (const int64_t part : {3, 2})
      if (settings.window % part == 0 && settings.recent.size() == 1)
        settings.recent.push_back(settings.window / part);
  }
  const CsvOptions limits = context.config.table.csv_options();
  if (options.kpis) context.config.model.kpis.clear();
  const std::vector<std::string>& kpis = context.config.model.kpis;
  const auto history = context.open_history(options.history);
  TableScan scan(settings, kpis, static_cast<uint64_t>(context.config.run.seed), history);
  const bool terminal = ::isatty(STDERR_FILENO) != 0 && !context.quiet;
  std::vector<ScannedFile> files;
  for (const auto& name : options.files) {
    ScannedFile file;
    file.name = name;
    file.first_row = scan.rows();
    const Table table = read_csv(name, limits, &file.report);
    file.rows = static_cast<int64_t>(table.rows());
    const auto watched = watched_columns(table, kpis);
    if (table.rows() > 0 && watched.empty())
      throw InputError(name + " has no column with numbers to watch" +
                       (options.kpis ? "" : " (those of model.kpis are not watched without --kpis)"));
    if (history) compare_columns(watched, name, *history, options.history);
    scan.add(table, [&](int64_t rows) {
      if (terminal) std::fprintf(stderr, "\r%s: row %lld", name.c_str(), static_cast<long long>(rows));
      return !stop_requested();
    });
    if (file.report.infinite_cells > 0)
      log::warning(name + ": " + to_text(file.report.infinite_cells) + " infinite cells, taken as missing");
    files.push_back(std::move(file));
    if (stop_requested()) break;
  }
  if (terminal) std::fprintf(stderr, "\r\033[K");
  if (stop_requested()) return static_cast<int>(ExitCode::interrupted);
  if (scan.rows() < settings.window)
    throw InputError(to_text(scan.rows()) + " rows, and a window is " + to_text(settings.window) +
                     ": nothing can be compared. Give more files, or a shorter --window, which drift.recent, "
                     "drift.split_least and drift.vanished_rows must fit");
  const DriftInput input = scan.detector().input();
  if (!input.constant.empty() || !input.duplicated.empty())
    log::info("the last baseline has " + to_text(input.constant.size()) + " constant and " +
              to_text(input.duplicated.size()) + " duplicated columns");
  if (input.ignored_columns > 0)
    log::warning(to_text(input.ignored_columns) + " columns beyond drift.max_columns were not watched");
  if (context.json) {
    print_json(scan, files, settings);
  } else {
    print_changes(scan, files, settings);
    print_quiet_moves(scan, files, settings);
  }
  if (options.fail_on.empty()) return 0;
  for (const auto& alarm : scan.alarms())
    if (to_text(alarm.tier) >= options.fail_on) return static_cast<int>(ExitCode::failed);
  return 0;
}

}  // namespace

void add_drift(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("drift", "find changes in tables");
  command->require_subcommand(1);
  auto* look = command->add_subcommand("scan",
                                       "the drift monitor over CSV files as one stream in the given order: "
                                       "changes found, with tier, row, voice, and "
                                       "the VNFs and features behind each");
  context.add_common(*look, Context::with_json);
  auto options = std::make_shared<Options>();
  look->add_option("files", options->files, "CSV: a header, then numbers")->required()->type_name("FILE");
  look->add_option("--history", options->history,
                   "CSV of the same world without change: alarms then keep drift.budget_hours")
      ->type_name("FILE");
  look->add_option("--fail-on", options->fail_on,
                   "exit with 1 if a change of this tier or a higher one was found")
      ->check(CLI::IsMember({"A", "B", "C"}));
  look->add_flag("--kpis", options->kpis,
                 "watch the columns of model.kpis, too (input_rate, output_rate, latency)");
  using Kind = Context::Kind;
  context.add_setting(*look, "--window", "drift.window", "rows in baseline and window", Kind::integer);
  context.add_setting(*look, "--stride", "drift.stride", "rows from one look to the next", Kind::integer);
  look->callback(
      [&context, options] { context.action = [&context, options] { return scan(context, *options); }; });
}

}  // namespace drst::cli
