// drst monitor: the drift monitor as a process of its own.
#include "drift/monitor.h"

#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "pipeline/drive.h"
#include "store/prefix_store.h"
#include "stream/lane.h"
#include "telemetry/recorder.h"

namespace drst::cli {

void add_monitor(CLI::App& app, Context& context) {
  auto run_id = std::make_shared<std::string>();
  auto* command = app.add_subcommand("monitor", "watch a topic for drift and ask for retraining");
  context.add_common(*command, Context::with_store | Context::with_log);
  command->add_option("--run-id", *run_id, "only this run; default: the first one seen");
  context.add_lane(*command);
  auto history = std::make_shared<std::string>();
  command
      ->add_option(
          "--history", *history,
          "CSV of a world without change, such as the offline table: alarms then keep drift.budget_hours")
      ->type_name("FILE");
  command->callback([&context, run_id, history] {
    context.action = [&context, run_id, history] {
      context.load();
      const SystemClock clock;
      const std::string lane = context.lane();
      const auto known = context.open_history(*history);  // before the store and the log are made
      const auto whole = context.open_the_store();
      PrefixStore store(*whole, lane_prefix(lane));
      const auto log = context.open_the_log(clock);
      auto options = context.config.monitor_options(lane);
      options.run_id = *run_id;
      options.history = known;
      log->ensure_topic(options.topic, static_cast<int>(context.config.stream.partitions));
      Recorder recorder(store, clock, context.config.telemetry, "monitor");
      return exit_code(run_lives([&] {
        Monitor monitor(*log, store, clock, context.config.drift, options);
        const bool finished = run_component(monitor, *log, context.config.longest_nap());
        const auto counts = monitor.counts();
        log::info("monitor: " + to_text(counts.records) + " records, " + to_text(counts.alarms) + " alarms");
        return finished;
      }));
    };
  });
}

}  // namespace drst::cli
