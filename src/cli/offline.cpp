// drst offline: trains the baseline and the first adaptive release.
#include "learn/offline.h"

#include <cstdio>

#include "base/error.h"
#include "base/text.h"
#include "cli/command.h"
#include "learn/row_weights.h"
#include "pipeline/run.h"
#include "store/prefix_store.h"
#include "stream/lane.h"
#include "telemetry/recorder.h"

namespace drst::cli {

namespace {

void print(const OfflineResult& result, bool several) {
  if (several) std::printf("target    %s\n", result.baseline.target.c_str());
  std::printf("baseline  %s\nlive      %s\nfamily    %s\n", result.baseline.model_key.c_str(),
              result.first.model_key.c_str(), result.baseline.family.c_str());
  if (!result.reused)
    std::printf("validation on later blocks: accuracy@0.2 %s, median error %s\n",
                to_fixed(result.validation.acc02, 3).c_str(), to_fixed(result.validation.e_p50, 3).c_str());
}

/// By the table of shares beside `range.file`, the same rows.
std::vector<double> weights_of(const Table& table, RowRange range, double power,
                               const TableSettings& limits) {
  const std::string of = range.file.string();
  range.file.replace_extension(".quality.csv");
  try {
    const Table quality = load_range(range, limits);
    if (quality.rows() != table.rows() || quality.experiment_starts() != table.experiment_starts())
      throw InputError(range.file.string() + " does not go with " + of + ": " + to_text(quality.rows()) +
                       " rows in " + to_text(quality.experiment_starts().size()) + " experiments, not " +
                       to_text(table.rows()) + " in " + to_text(table.experiment_starts().size()));
    return quality_weights(quality, power);
  } catch (const InputError& error) {
    throw InputError(std::string("--quality-weight: ") + error.what());
  }
}

}  // namespace

void add_offline(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("offline", "train the frozen baseline and the first adaptive release");
  context.add_common(*command, Context::with_data | Context::with_store | Context::with_json);
  auto table = std::make_shared<std::string>();
  auto quality_power = std::make_shared<double>(0);
  command->add_option("--offline", *table,
                      "training table: FILE[:head=N|:tail=N|:rows=A-B] (rows from 0, B excluded)");
  context.add_targets(*command, "a KPI to predict; repeat for several, each with models of its own");
  context.add_setting(*command, "--model", "model.family", "model family, or auto");
  command
      ->add_option("--quality-weight", *quality_power,
                   "weigh rows by the share of time in which their counters were scheduled, to this\n"
                   "power; the shares are in TABLE.quality.csv, as preprocess and collect leave them")
      ->type_name("X")
      ->check(CLI::Range(0.0, 10.0));
  command->callback([&context, table, quality_power] {
    context.action = [&context, table, quality_power] {
      context.load();
      const auto range = table->empty() ? choose_stream("", {}, context.data_folder(), context.config).offline
                                        : parse_row_range(*table);
      const auto rows = load_range(range, context.config.table);
      const auto& targets = context.config.model.targets;
      check_targets(targets, context.config.model.kpis);
      const SystemClock clock;
      const auto store = context.open_the_store();
      Recorder recorder(*store, clock, context.config.telemetry, "offline");
      OfflineOptions options;
      options.seed = static_cast<uint64_t>(context.config.run.seed);
      options.source = range.file.string();
      if (*quality_power > 0)
        options.row_weights = weights_of(rows, range, *quality_power, context.config.table);
      for (const auto& target : targets) {
        const ScopedTimer timer(recorder.stream(), "offline", "train");
        PrefixStore part(*store, lane_prefix(lane_of(target, targets)));
        Registry registry(part, clock, context.config.registry);
        options.target = target;
        const auto result = run_offline(rows, context.config.model, part, registry, options);
        if (context.json) {
          std::printf("%s\n", to_json(result.baseline).c_str());
        } else {
          print(result, targets.size() > 1);
        }
      }
      return 0;
    };
  });
}

}  // namespace drst::cli
