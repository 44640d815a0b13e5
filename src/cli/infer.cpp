// drst infer: one consumer of the group with its guard, as a process of its own.
#include <array>

#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "inference/consumer.h"
#include "inference/trace.h"
#include "pipeline/drive.h"
#include "store/prefix_store.h"
#include "stream/checks.h"
#include "stream/lane.h"
#include "telemetry/recorder.h"

namespace drst::cli {

void add_infer(CLI::App& app, Context& context) {
  struct Options {
    std::string member = "infer-0";
    std::string run_id;
  };
  auto* command =
      app.add_subcommand("infer", "predict the records of a topic; run as many as there are partitions");
  context.add_common(*command, Context::with_store | Context::with_log);
  auto options = std::make_shared<Options>();
  command->add_option("--member", options->member, "name in the group; a restart under the same name goes on")
      ->capture_default_str();
  command->add_option("--run-id", options->run_id,
                      "whose sentinels end it; default: the run of the first record");
  context.add_lane(*command);
  command->callback([&context, options] {
    context.action = [&context, options] {
      context.load();
      check_log_name("member", options->member);
      const SystemClock clock;
      const std::string lane = context.lane();
      const auto whole = context.open_the_store();
      PrefixStore store(*whole, lane_prefix(lane));
      const auto log = context.open_the_log(clock);
      ConsumerIdentity identity = context.config.consumer_identity(lane);
      identity.member = options->member;
      identity.run_id = options->run_id;
      log->ensure_topic(identity.topic, static_cast<int>(context.config.stream.partitions));
      Recorder recorder(store, clock, context.config.telemetry, options->member);
      InferenceConsumer::Counts counts;
      int lives = 0;
      return exit_code(run_lives([&] {
        ModelSlot slot;
        InferenceConsumer consumer(*log, store, clock, context.config.inference, identity, slot);
        ++lives;
        Guard guard(store, clock, context.config.inference, context.config.registry, options->member, slot);
        const std::array<Component*, 1> companions = {&guard};
        BatchReport last;
        consumer.on_report([&](const BatchReport& report) {
          last = report;
          if (auto* stream = recorder.stream()) emit(*stream, report);
        });
        bool finished = false;
        try {
          finished = run_component(consumer, *log, context.config.longest_nap(), companions);
        } catch (const LeaseLost&) {  // what it did stands, and the next life goes on behind it
          counts += consumer.counts();
          throw;
        }
        counts += consumer.counts();
        log::info(options->member + ": " + to_text(counts.records) + " records, " +
                  to_text(counts.predicted) + " predicted, " + to_text(counts.dead_lettered) +
                  " dead letters, " + to_text(counts.duplicates) + " repeats, " + to_text(counts.swaps) +
                  " swaps" + (lives > 1 ? ", in " + to_text(lives) + " lives" : ""));
        if (last.all.records > 0)
          log::info(in_words(last) + (lives > 1 ? " (since it joined the group last)" : ""));
        return finished;
      }));
    };
  });
}

}  // namespace drst::cli
