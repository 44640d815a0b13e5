// drst collect: a live chain, one row an interval, onto the log or into a table.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "collect/collector.h"
#include "collect/csv_sink.h"
#include "collect/host_context.h"
#include "collect/log_sink.h"
#include "collect/perf_counters.h"
#include "stream/checks.h"
#include "stream/lane.h"

namespace drst::cli {

namespace {

struct Options {
  std::string chain_file;
  std::string csv;
  std::string run_id;
  std::int64_t rows = 0;
  double seconds = 0;
  bool dry_run = false;
  bool append = false;
  bool overwrite = false;
};

nlohmann::ordered_json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

void print_json(const std::vector<SourceReport>& reports) {
  nlohmann::ordered_json json;
  for (const auto& report : reports) {
    nlohmann::ordered_json source;
    source["source"] = report.name;
    source["present"] = report.state.present;
    if (!report.state.words.empty()) source["words"] = report.state.words;
    source["age_s"] = number_or_null(report.age_s);
    for (std::size_t column = 0; column < report.columns.size(); ++column)
      source["columns"][report.columns[column]] = {{"value", number_or_null(report.values[column])},
                                                   {"share", number_or_null(report.shares[column])}};
    json["sources"].push_back(std::move(source));
  }
  json["host"] = nlohmann::ordered_json::parse(host_context_json());
  json["counting_rights"] = counting_rights();
  std::printf("%s\n", json.dump(1).c_str());
}

std::string cell(double value, bool share) {
  if (!std::isfinite(value)) return "-";
  return share ? to_fixed(value, 2)
               : to_fixed(value, std::abs(value) >= 1000 || value == std::round(value) ? 0 : 3);
}

void print_table(const std::vector<SourceReport>& reports) {
  for (const auto& report : reports) {
    std::printf("%s: %s%s%s\n", report.name.c_str(), report.state.present ? "there" : "missing",
                report.state.words.empty() ? "" : ": ", report.state.words.c_str());
    for (std::size_t column = 0; column < report.columns.size(); ++column)
      std::printf("  %20s %6s  %s\n", cell(report.values[column], false).c_str(),
                  cell(report.shares[column], true).c_str(), report.columns[column].c_str());
  }
  std::printf("values of one interval, and the share of it in which each was counted (- where unknown)\n%s\n",
              counting_rights().c_str());
}

std::string provenance(const Context& context, const Options& options, const ChainFile& chain,
                       const std::string& run_id) {
  nlohmann::ordered_json json;
  json["made_by"] = std::string("drst collect ") + DRST_VERSION;
  json["chain"] = chain.chain;
  if (!run_id.empty()) json["run_id"] = run_id;
  json["chain_file"] = options.chain_file;
  json["started"] = to_iso8601(SystemClock().now());
  json["interval_s"] = context.config.collect.interval_s;  // CsvSink compares it
  for (const auto& source : chain.sources) {
    nlohmann::ordered_json described;
    described["type"] = source.type;
    if (!source.vnf.empty()) described["vnf"] = source.vnf;
    if (!source.events.empty()) described["events"] = source.events;
    for (const auto& [key, text] :
         {std::pair("process", source.process), std::pair("pid_file", source.pid_file),
          std::pair("cgroup", source.cgroup), std::pair("cpus", source.cpus), std::pair("file", source.file),
          std::pair("interface", source.interface)})
      if (!text.empty()) described[key] = text;
    if (!source.command.empty()) described["command"] = source.command.front();  // arguments may hold secrets
    if (!source.rename.empty()) described["rename"] = source.rename;
    json["sources"].push_back(std::move(described));
  }
  json["host"] = nlohmann::ordered_json::parse(host_context_json());
  return json.dump(1) + "\n";
}

int dry_run(Context& context, const ChainFile& chain) {
  const SystemClock clock;
  Collector collector(open_sources(chain, context.config.collect), context.config.collect, clock);
  if (!probe(collector)) return exit_code(false);
  const auto reports = collector.report();
  if (context.json) {
    print_json(reports);
  } else {
    print_table(reports);
  }
  for (const auto& report : reports)
    if (report.state.present) return 0;
  std::fflush(stdout);
  throw FailedError("no source gives anything; the lines above say why");
}

std::string in_words(const SourceLag& found) {
  return found.kpi + " follows " + found.column + " by " + to_fixed(found.lag.rows, 1) +
         " rows (correlation of changes " + to_fixed(found.lag.correlation, 2) + ")";
}

void tell(const Collector& collector, std::int64_t dropped) {
  const CollectCounts& counts = collector.counts();
  for (const auto& found : collector.lags()) log::info(in_words(found));
  log::info("collected " + to_text(counts.rows) + " rows, " + to_text(counts.missing_cells) +
            " missing cells, " + to_text(counts.missed_ticks) + " missed ticks, " +
            to_text(counts.late_answers) + " late answers, " + to_text(dropped) +
            " dropped rows; a tick was at most " + to_fixed(counts.worst_late_s * 1e3, 1) + " ms late");
}

void check_options(const Context& context, const Options& options) {
  if (context.json && !options.dry_run) throw Error(ExitCode::usage, "--json goes with --dry-run");
  if (options.dry_run) return;
  if (options.csv.empty() == context.log_url.empty())
    throw Error(ExitCode::usage,
                "where to: give --csv FILE or --log URL, one of the two; --dry-run needs neither");
  if (!options.csv.empty() && (!options.run_id.empty() || !context.store_url.empty()))
    throw Error(ExitCode::usage, "--run-id and --store go with --log");
  if (options.csv.empty() && (options.append || options.overwrite))
    throw Error(ExitCode::usage, "--append and --overwrite go with --csv; a run is gone on with by --run-id");
}

/// InputError where the table would be one of the files that it is made by.
void check_csv(const Options& options, const ChainFile& chain) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  const auto same = [&](const fs::path& other) {
    return fs::equivalent(options.csv, other, unknown) ||
           fs::absolute(options.csv, unknown).lexically_normal() ==
               fs::absolute(other, unknown).lexically_normal();
  };
  if (same(options.chain_file)) throw InputError("--csv " + options.csv + " is the chain file; name another");
  for (const auto& source : chain.sources)
    if (!source.file.empty() && same(source.file))
      throw InputError("--csv " + options.csv + " is what a source follows (" + source.where +
                       "); name another");
}

/// What a collection that was ended before its limit ends with.
int interrupted(const Options& options, const std::string& run_id) {
  log::error(options.csv.empty() ? "interrupted; --run-id " + run_id + " goes on with the run"
                                 : "interrupted; --append goes on with the table");
  return static_cast<int>(ExitCode::interrupted);
}

int collect(Context& context, const Options& options) {
  check_options(context, options);
  context.load();
  const CollectSettings& settings = context.config.collect;
  const ChainFile chain = read_chain(options.chain_file);
  if (options.dry_run) return dry_run(context, chain);
  if (!options.csv.empty()) check_csv(options, chain);
  const SystemClock clock;
  Collector collector(open_sources(chain, settings), settings, clock, context.config.model.kpis);
  std::unique_ptr<Log> log;
  std::unique_ptr<RowSink> sink;
  std::string run_id;
  if (options.csv.empty()) {
    const auto& targets = context.config.model.targets;
    check_targets(targets, context.config.model.kpis);
    run_id = options.run_id.empty() ? chain.chain + "-" + to_compact(clock.now()) : options.run_id;
    log = context.open_the_log(clock);
    auto producer = context.config.producer_settings();
    producer.lags = settings.lags;
    sink = std::make_unique<LogSink>(*log, clock, producer, run_id, targets, chain.chain);
    if (!context.store_url.empty())
      context.open_the_store()->put("results/collect/" + run_id + ".json",
                                    provenance(context, options, chain, run_id));
    log::info("collecting run " + run_id + " to topic " + producer.topic);
  } else {
    CsvSinkOptions csv;
    csv.file = options.csv;
    csv.kpis = context.config.model.kpis;
    csv.sync_s = settings.sync_s;
    csv.interval_s = settings.interval_s;
    csv.append = options.append;
    csv.overwrite = options.overwrite;
    csv.provenance = provenance(context, options, chain, {});
    sink = std::make_unique<CsvSink>(std::move(csv));
    log::info("collecting into " + options.csv);
  }
  QueuedSink queue(*sink, static_cast<std::size_t>(settings.queue_rows));
  const bool ended = collector.run(queue, {options.rows, options.seconds});
  try {
    queue.finish(ended);
  } catch (...) {
    tell(collector, queue.dropped());
    throw;
  }
  tell(collector, queue.dropped());
  if (!ended && options.rows == 0 && options.seconds <= 0) return 0;  // a stop is the only end it could have
  return ended ? 0 : interrupted(options, run_id);
}

}  // namespace

void add_collect(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("collect", "measure a live chain: a row a second, onto the log or into a table");
  context.add_common(*command, Context::with_json);
  auto options = std::make_shared<Options>();
  command->add_option("chain", options->chain_file, "TOML file of the chain's sources (docs/collect.md)")
      ->type_name("CHAIN_FILE")
      ->required();
  command->add_option("--log", context.log_url, "onto a log: embedded:DIR, or kafka://host:port[,host:port]")
      ->type_name("URL");
  command
      ->add_option("--csv", options->csv,
                   "into a table, with FILE.quality.csv and FILE.provenance.json beside it")
      ->type_name("FILE");
  command
      ->add_option("--store", context.store_url, "with --log: where to note the host and the chain's sources")
      ->type_name("URL");
  command->add_option("--run-id", options->run_id,
                      "of a log: the run's name, under which a restarted collector goes on; default: the\n"
                      "chain's name and the time");
  const CLI::Validator positive(
      [](const std::string& text) {
        const auto number = parse_double(text);
        return number && *number > 0 ? std::string() : "'" + text + "' is not above 0";
      },
      "");
  command
      ->add_option("--rows", options->rows, "end after so many rows, and end the run; default: at a signal")
      ->type_name("N")
      ->check(positive);
  command->add_option("--seconds", options->seconds, "the same in seconds")->type_name("X")->check(positive);
  command->add_flag("--dry-run", options->dry_run, "show what each source gives in one interval, and end");
  auto* append = command->add_flag("--append", options->append, "go on with the table that --csv names");
  command->add_flag("--overwrite", options->overwrite, "replace it")->excludes(append);
  context.add_targets(*command, "a KPI that is a label; repeat for several: the first is `label`");
  context.add_setting(*command, "--interval", "collect.interval_s", "seconds between two rows",
                      Context::Kind::number);
  command->callback(
      [&context, options] { context.action = [&context, options] { return collect(context, *options); }; });
}

}  // namespace drst::cli
