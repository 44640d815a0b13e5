// drst produce: tables onto the log, as a process of its own.
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "pipeline/drive.h"
#include "pipeline/run.h"
#include "report/summary.h"
#include "stream/lane.h"
#include "telemetry/recorder.h"

namespace drst::cli {

namespace {

struct Options {
  std::string offline;
  std::vector<std::string> stages;
  std::string run_id;
};

int produce(Context& context, const Options& options) {
  context.load();
  auto stream = context.config.producer_settings();
  stream.appends_ahead = 2;
  const auto& targets = context.config.model.targets;
  check_targets(targets, context.config.model.kpis);
  auto choice = choose_stream(options.offline, options.stages,
                              options.stages.empty() ? context.data_folder() : std::string(), context.config);
  for (auto& stage : choice.stages) seek_in(context.data_folder(), stage.range);
  seek_in(context.data_folder(), choice.offline);
  if (!options.offline.empty())
    (void)load_range(choice.offline, context.config.table);  // a wrong one is told here, as by `run`
  std::vector<StageTable> stages;
  std::string stream_text = join(targets, "+");
  for (const auto& stage : choice.stages) {
    stages.push_back({stage.name, load_range(stage.range, context.config.table)});
    stream_text +=
        "|" + stage.name + "=" + stage.range.file.string() + ":" + to_text(stages.back().table.rows());
  }
  check_stages(stages, targets, stream.kpis);
  const SystemClock clock;
  const auto store = context.open_the_store();
  const auto log = context.open_the_log(clock);
  Recorder recorder(*store, clock, context.config.telemetry, "producer");
  // The same command is the same run, so that a restarted producer goes on where it was.
  const std::string run_id = !options.run_id.empty() ? options.run_id
                                                     : "run" + to_text(context.config.run.seed) +
                                                           sha256_hex(stream_text).substr(0, 8);
  RunFacts facts;
  facts.run_id = run_id;
  facts.seed = static_cast<uint64_t>(context.config.run.seed);
  facts.targets = targets;
  facts.family = context.config.model.family;
  facts.clock = "wall";
  facts.label_every = stream.label_every;
  facts.label_delay = stream.label_delay;
  facts.epsilon = context.config.model.epsilon;
  facts.settings = context.config.sections().values();
  facts.code_version = DRST_VERSION;
  Producer producer(*log, *store, clock, stream, run_id, targets, std::move(stages));
  facts.produced = producer.rows_total();
  log::info("producing run " + run_id + ": " + to_text(producer.rows_total()) + " rows to topic " +
            stream.topic);
  // Its first step refuses what would spoil a run that is there; only then the run is this one's to describe.
  producer.step();
  put_facts(*store, facts);
  const bool finished =
      run_lives([&] { return run_component(producer, *log, context.config.longest_nap()); });
  log::info("produced " + to_text(producer.rows_produced()) + " of " + to_text(producer.rows_total()) +
            " rows");
  return exit_code(finished);
}

}  // namespace

void add_produce(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("produce", "put tables onto the log, with ids, lags, labels and sentinels");
  context.add_common(*command, Context::with_data | Context::with_store | Context::with_log);
  auto options = std::make_shared<Options>();
  command->add_option(
      "--offline", options->offline,
      "the table that models are trained on, as for `drst run`; the stream holds --stage only");
  command->add_option(
      "--stage", options->stages,
      "NAME=FILE[:head=N|:tail=N|:rows=A-B], sought in --data, too; repeat; replaces the default list");
  command->add_option("--run-id", options->run_id,
                      "name of the run; by default one that the same command gives again");
  using Kind = Context::Kind;
  context.add_targets(*command, "a KPI that is a label; repeat for several: the first is `label`");
  context.add_setting(*command, "--model", "model.family",
                      "model family, as for `drst run`; noted with the run, the stream is the same");
  context.add_setting(*command, "--label-every", "stream.label_every",
                      "rows with row % N = 0 carry a label; 0: none ever", Kind::integer);
  context.add_setting(*command, "--label-delay", "stream.label_delay",
                      "labels arrive so many rows late; 0: inline", Kind::integer);
  context.add_setting(*command, "--rate", "stream.rate", "rows a second; 0: as fast as possible",
                      Kind::number);
  context.add_setting(*command, "--lags", "stream.lags",
                      "true or false: previous sample's counters as <column>@-1");
  command->callback(
      [&context, options] { context.action = [&context, options] { return produce(context, *options); }; });
}

}  // namespace drst::cli
