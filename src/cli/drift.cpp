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
  const DriftInput input = scan.detector().input();
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

void print_table(const TableScan& scan, const std::vector<ScannedFile>& files,
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
  const std::vector<std::string> kpis = options.kpis ? std::vector<std::string>{} : context.config.model.kpis;
  std::shared_ptr<const DriftHistory> history;
  if (!options.history.empty()) {
    history = std::make_shared<DriftHistory>(history_of(read_csv(options.history, limits), kpis));
    if (history->rows() < 2 * static_cast<std::size_t>(settings.window))
      throw InputError(options.history + " has " + to_text(history->rows()) +
                       " rows with numbers; a history needs " + to_text(2 * settings.window) +
                       ", two windows");
  }
  TableScan scan(settings, kpis, static_cast<uint64_t>(context.config.run.seed), history);
  const bool terminal = ::isatty(STDERR_FILENO) != 0 && !context.quiet;
  std::vector<ScannedFile> files;
  for (const auto& name : options.files) {
    ScannedFile file;
    file.name = name;
    file.first_row = scan.rows();
    const Table table = read_csv(name, limits, &file.report);
    file.rows = static_cast<int64_t>(table.rows());
    bool any = false;
    for (std::size_t c = 0; c < table.columns(); ++c) {
      const auto column = table.column(c);
      any = any || (std::find(kpis.begin(), kpis.end(), table.names()[c]) == kpis.end() &&
                    std::any_of(column.begin(), column.end(), [](double x) { return x == x; }));
    }
    if (table.rows() > 0 && !any)
      throw InputError(name + " has no column with numbers to watch" +
                       (options.kpis ? "" : " (those of model.kpis are not watched without --kpis)"));
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
    throw InputError(
        to_text(scan.rows()) + " rows, and a window is " + to_text(settings.window) +
        ": nothing can be compared. Give more files, or a shorter --window (and drift.recent to fit)");
  const DriftInput input = scan.detector().input();
  if (!input.constant.empty() || !input.duplicated.empty())
    log::info("the last baseline has " + to_text(input.constant.size()) + " constant and " +
              to_text(input.duplicated.size()) + " duplicated columns");
  if (input.ignored_columns > 0)
    log::warning(to_text(input.ignored_columns) + " columns beyond drift.max_columns were not watched");
  if (context.json)
    print_json(scan, files, settings);
  else
    print_table(scan, files, settings);
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
