// drst produce: tables onto the log, as a process of its own.
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "pipeline/drive.h"
#include "pipeline/run.h"
#include "report/summary.h"

namespace drst::cli {

namespace {

struct Options {
  std::string offline;
  std::vector<std::string> stages;
  std::string run_id;
  std::string target = "output_rate";
  int64_t label_every = -1;
  int64_t label_delay = -1;
  double rate = -1;
  bool lags = true;
};

int produce(Context& context, const Options& options) {
  context.load();
  RunRequest request;
  auto& stream = context.config.stream;
  if (options.label_every >= 0) stream.label_every = options.label_every;
  if (options.label_delay >= 0) stream.label_delay = options.label_delay;
  if (options.rate >= 0) stream.rate = options.rate;
  stream.lags = options.lags;
  request.config = context.config;
  choose_stream(request, options.offline, options.stages, context.data);

  const SystemClock clock;
  const auto store = context.open_the_store();
  const auto log = context.open_the_log(clock);
  std::vector<StageTable> stages;
  std::string stream_text = options.target;
  for (const auto& stage : request.stages) {
    stages.push_back({stage.name, load_range(stage.range)});
    stream_text += "|" + stage.name + "=" + stage.range.file.string() + ":" + to_text(stages.back().table.rows());
  }
  // The same command is the same run, so that a restarted producer goes on where it was.
  const std::string run_id = !options.run_id.empty()
                                 ? options.run_id
                                 : "run" + to_text(request.config.run.seed) + sha256_hex(stream_text).substr(0, 8);
  RunFacts facts;
  facts.run_id = run_id;
  facts.seed = static_cast<uint64_t>(request.config.run.seed);
  facts.target = options.target;
  facts.clock = "wall";
  facts.label_every = stream.label_every;
  facts.label_delay = stream.label_delay;
  facts.epsilon = request.config.inference.epsilon;
  facts.settings = context.config.sections().values();
  facts.code_version = DRST_VERSION;
  Producer producer(*log, *store, clock, stream, run_id, options.target, std::move(stages));
  facts.produced = producer.rows_total();
  store->put("results/run.json", to_json(facts));
  log::info("producing run " + run_id + ": " + to_text(producer.rows_total()) + " rows to topic " + stream.topic);
  run_component(producer, *log);
  log::info("produced " + to_text(producer.rows_produced()) + " of " + to_text(producer.rows_total()) + " rows");
  return 0;
}

}  // namespace

void add_produce(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("produce", "put tables onto the log, with ids, lags, labels and sentinels");
  context.add_common(*command, Context::with_data | Context::with_store | Context::with_log);
  auto options = std::make_shared<Options>();
  command->add_option("--offline", options->offline, "FILE[:head=N|:tail=N|:rows=A-B]; ignored here, for equal command lines");
  command->add_option("--stage", options->stages, "NAME=FILE[:head=N|:tail=N|:rows=A-B]; repeat; replaces the default list");
  command->add_option("--run-id", options->run_id, "name of the run; by default one that the same command gives again");
  command->add_option("--target", options->target, "the KPI that is the label");
  command->add_option("--label-every", options->label_every, "rows with row % N = 0 carry a label; 0: none ever");
  command->add_option("--label-delay", options->label_delay, "labels arrive so many rows late; 0: inline");
  command->add_option("--rate", options->rate, "rows a second; 0: as fast as possible");
  command->add_flag("--lags,!--no-lags", options->lags, "previous sample's counters as <column>@-1 (default on)");
  command->callback([&context, options] { context.action = [&context, options] { return produce(context, *options); }; });
}

}  // namespace drst::cli
