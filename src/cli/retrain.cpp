// drst retrain: the retrainer as a process of its own.
#include "base/log.h"
#include "cli/command.h"
#include "pipeline/drive.h"
#include "pipeline/run.h"
#include "tuning/retrainer.h"

namespace drst::cli {

void add_retrain(CLI::App& app, Context& context) {
  struct Options {
    std::string offline;
    RetrainerOptions retrainer;
  };
  auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("retrain", "answer drift with a better model, or the reason why not");
  context.add_common(*command, Context::with_data | Context::with_store | Context::with_log);
  command->add_option("--offline", options->offline, "offline table: FILE[:head=N|:tail=N|:rows=A-B]");
  command->add_option("--run-id", options->retrainer.run_id, "only this run; default: the first one seen");
  command->add_option("--target", options->retrainer.target, "the KPI to predict")->capture_default_str();
  command->add_option("--model", options->retrainer.family, "auto or a family")->capture_default_str();
  command->callback([&context, options] {
    context.action = [&context, options] {
      context.load();
      RunRequest request;
      request.config = context.config;
      choose_stream(request, options->offline, {}, context.data);
      const SystemClock clock;
      const auto store = context.open_the_store();
      const auto log = context.open_the_log(clock);
      options->retrainer.topic = context.config.stream.topic;
      options->retrainer.seed = static_cast<uint64_t>(context.config.run.seed);
      options->retrainer.epsilon = context.config.inference.epsilon;
      log->ensure_topic(options->retrainer.topic, static_cast<int>(context.config.stream.partitions));
      Retrainer retrainer(*log, *store, clock, context.config.tuning, context.config.registry, options->retrainer,
                          load_range(request.offline));
      run_component(retrainer, *log);
      return 0;
    };
  });
}

}  // namespace drst::cli
