// drst retrain: retrainer and judge, a process of their own.
#include <array>

#include "base/log.h"
#include "cli/command.h"
#include "pipeline/drive.h"
#include "pipeline/run.h"
#include "store/prefix_store.h"
#include "stream/lane.h"
#include "telemetry/recorder.h"
#include "tuning/judge.h"
#include "tuning/retrainer.h"

namespace drst::cli {

void add_retrain(CLI::App& app, Context& context) {
  struct Options {
    std::string offline;
    std::string run_id;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "retrain",
      "retrain on the labels that come, and judge which model serves: the evidence is kept. Ends once the "
      "monitor is done with the run; without a monitor, tuning.idle_timeout_s after the last record");
  context.add_common(*command, Context::with_data | Context::with_store | Context::with_log);
  command->add_option("--offline", options->offline, "offline table: FILE[:head=N|:tail=N|:rows=A-B]");
  command->add_option("--run-id", options->run_id, "only this run; default: the first one seen");
  context.add_lane(*command);
  context.add_setting(*command, "--model", "model.family", "auto or a family");
  command->callback([&context, options] {
    context.action = [&context, options] {
      context.load();
      const std::string lane = context.lane();
      const auto table = options->offline.empty()
                             ? choose_stream("", {}, context.data_folder(), context.config).offline
                             : parse_row_range(options->offline);
      auto rows = load_range(table, context.config.table);
      const SystemClock clock;
      const auto whole = context.open_the_store();
      PrefixStore store(*whole, lane_prefix(lane));
      const auto log = context.open_the_log(clock);
      auto retraining = context.config.retrainer_options(lane);
      retraining.run_id = options->run_id;
      Recorder recorder(store, clock, context.config.telemetry, "retrainer");
      retraining.metrics = recorder.stream();
      log->ensure_topic(retraining.topic, static_cast<int>(context.config.stream.partitions));
      Retrainer retrainer(*log, store, clock, context.config.tuning, context.config.registry, retraining,
                          std::move(rows));
      auto judging = context.config.judge_options(lane);
      judging.run_id = options->run_id;
      Judge judge(*log, store, clock, context.config.judge, context.config.registry, judging);
      const std::array<Component*, 2> both = {&retrainer, &judge};
      return exit_code(run_components(both, *log, context.config.longest_nap()));
    };
  });
}

}  // namespace drst::cli
