// drst retrain: retrainer and judge, a process of their own.
#include <array>

#include "base/log.h"
#include "cli/command.h"
#include "pipeline/drive.h"
#include "pipeline/run.h"
#include "telemetry/recorder.h"
#include "tuning/judge.h"
#include "tuning/retrainer.h"

namespace drst::cli {

void add_retrain(CLI::App& app, Context& context) {
  struct Options {
    std::string offline;
    RetrainerOptions retrainer;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "retrain", "retrain on the labels that come, and judge which model serves: the evidence is kept");
  context.add_common(*command, Context::with_data | Context::with_store | Context::with_log);
  command->add_option("--offline", options->offline, "offline table: FILE[:head=N|:tail=N|:rows=A-B]");
  command->add_option("--run-id", options->retrainer.run_id, "only this run; default: the first one seen");
  context.add_setting(*command, "--target", "model.target", "the KPI to predict");
  context.add_setting(*command, "--model", "model.family", "auto or a family");
  command->callback([&context, options] {
    context.action = [&context, options] {
      context.load();
      const auto table = options->offline.empty() ? choose_stream("", {}, context.data_folder()).offline
                                                  : parse_row_range(options->offline);
      auto rows = load_range(table);
      const SystemClock clock;
      const auto store = context.open_the_store();
      const auto log = context.open_the_log(clock);
      options->retrainer.target = context.config.model.target;
      options->retrainer.family = context.config.model.family;
      options->retrainer.topic = context.config.stream.topic;
      options->retrainer.limits = context.config.stream.wire;
      options->retrainer.seed = static_cast<uint64_t>(context.config.run.seed);
      options->retrainer.epsilon = context.config.inference.epsilon;
      Recorder recorder(*store, clock, context.config.telemetry, "retrainer");
      options->retrainer.metrics = recorder.stream();
      log->ensure_topic(options->retrainer.topic, static_cast<int>(context.config.stream.partitions));
      Retrainer retrainer(*log, *store, clock, context.config.tuning, context.config.registry,
                          options->retrainer, std::move(rows));
      JudgeOptions judging;
      judging.topic = options->retrainer.topic;
      judging.run_id = options->retrainer.run_id;
      judging.epsilon = options->retrainer.epsilon;
      judging.limits = options->retrainer.limits;
      judging.first_record_timeout_s = context.config.tuning.first_record_timeout_s;
      judging.idle_timeout_s = context.config.tuning.idle_timeout_s;
      Judge judge(*log, *store, clock, context.config.judge, context.config.registry, judging);
      const std::array<Component*, 2> both = {&retrainer, &judge};
      return exit_code(run_components(both, *log));
    };
  });
}

}  // namespace drst::cli
