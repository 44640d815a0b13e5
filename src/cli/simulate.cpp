// drst simulate: a chain's seconds as CSV, any number of them.
#include <filesystem>
#include <iostream>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "cli/command.h"
#include "ingest/simulator_raw.h"
#include "ingest/simulator_writer.h"

namespace drst::cli {

namespace {

struct Options {
  std::string scenario = "baseline";
  std::string topology = "linear";
  int64_t rows = 1790;
  int64_t experiment_rows = 0;
  std::vector<std::string> changes;
  bool folder = false;
  bool raw = false;
  double dirt = 0;
  bool overwrite = false;
};

int simulate(Context& context, const Options& options) {
  context.load();
  const auto seed = static_cast<uint64_t>(context.config.run.seed);
  if (options.folder) {
    simulate_data_folder(context.out, seed, context.config.simulator);
    log::info("simulated tables: " + context.out);
    return 0;
  }
  SimulationSpec spec;
  spec.scenario = parse_scenario(options.scenario);
  spec.topology = parse_topology(options.topology);
  spec.seed = seed;
  spec.rows = options.rows;
  spec.experiment_rows = options.experiment_rows;
  spec.settings = context.config.simulator;
  for (const auto& change : options.changes) spec.changes.push_back(parse_change(change));
  if (options.raw) {
    const auto rows = simulate_raw_folder(context.out, {spec, options.dirt});
    log::info("raw bundles: " + context.out + ", " + to_text(rows) +
              " rows; simulated.csv has the table, simulated-dirt.csv what was spoilt");
    return 0;
  }
  if (!context.out.empty() && spec.rows > 0) {
    if (!options.overwrite && std::filesystem::exists(context.out))
      throw InputError("--out " + context.out +
                       " is there already; choose another file, or --overwrite to replace it");
    const auto rows = simulate_csv_file(context.out, spec);
    log::info(context.out + ": " + to_text(rows) + " rows");
    return 0;
  }
  if (!context.out.empty())
    throw Error(ExitCode::usage, "--rows 0 (endless) goes to stdout only; leave --out away");
  Simulator simulator(spec);
  write_simulated_csv(std::cout, simulator, [](int64_t) { return !stop_requested(); });
  throw_if_stopped();
  return 0;
}

}  // namespace

void add_simulate(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("simulate", "a simulated service chain as CSV of the published shape");
  context.add_common(*command, Context::with_out);
  auto options = std::make_shared<Options>();
  const CLI::Validator not_negative(
      [](const std::string& text) {
        const auto rows = parse_int(text);
        return rows && *rows >= 0 ? std::string() : "'" + text + "' is no number of rows: 0, 1, 2 ...";
      },
      "");
  command
      ->add_option("--scenario", options->scenario, "baseline, random-rates, resource-stimulus, intervention")
      ->capture_default_str();
  command->add_option("--topology", options->topology, "linear, dag-1, dag-2 (a VNF replaced)")
      ->capture_default_str();
  command->add_option("--rows", options->rows, "seconds; 0: endless, to stdout")
      ->capture_default_str()
      ->check(not_negative);
  command->add_option("--experiment-rows", options->experiment_rows, "rows of an experiment; 0: as published")
      ->check(not_negative);
  command->add_option("--change", options->changes,
                      "WHAT[/VNF]@ROW[-ROW]*FACTOR, WHAT one of cost, traffic, noise; may be repeated");
  command->add_flag("--folder", options->folder, "a whole folder of tables, like the published one")
      ->needs("--out");
  auto* raw = command
                  ->add_flag("--raw", options->raw,
                             "raw bundles as perf, MoonGen and a probe leave them, for drst preprocess")
                  ->needs("--out")
                  ->excludes("--folder");
  command
      ->add_option("--dirt", options->dirt,
                   "with --raw: how likely each file has each kind of dirt, by --seed; 0 to 1")
      ->check(CLI::Range(0.0, 1.0))
      ->needs(raw);
  command->add_flag("--overwrite", options->overwrite, "replace the file that --out names");
  command->callback(
      [&context, options] { context.action = [&context, options] { return simulate(context, *options); }; });
}

}  // namespace drst::cli
