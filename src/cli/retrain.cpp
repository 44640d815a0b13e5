// drst retrain: retrainer and judge, a process of their own.
#include <array>
#include <atomic>

#include "base/log.h"
#include "base/time.h"
#include "cli/command.h"
#include "pipeline/drive.h"
#include "pipeline/run.h"
#include "store/prefix_store.h"
#include "stream/lane.h"
#include "telemetry/recorder.h"
#include "tuning/judge.h"
#include "tuning/retrainer.h"

namespace drst::cli {

namespace {

/// Retrainer and judge are each the only member of a group, and of two processes one must have both: the one
/// whose judge is in. So the retrainer joins after it (a step of a retrainer may take longer than its lease,
/// and a second process would take the place of one that is only busy), and if it meets another's it waits
/// until that is gone, which has lost its judge's place and must end.
struct JudgeFirst final : Component {
  JudgeFirst(Judge& judge_, std::atomic<bool>& joined_) : judge(judge_), joined(joined_) {}
  [[nodiscard]] std::string_view name() const override { return judge.name(); }
  Step step() override {
    const Step state = judge.step();
    if (judge.joined()) joined = true;
    return state;
  }
  Judge& judge;
  std::atomic<bool>& joined;
};
struct RetrainerAfter final : Component {
  RetrainerAfter(Retrainer& retrainer_, const std::atomic<bool>& judge_joined_)
      : retrainer(retrainer_), judge_joined(judge_joined_) {}
  [[nodiscard]] std::string_view name() const override { return retrainer.name(); }
  Step step() override {
    if (!judge_joined) return Step::idle;
    try {
      return retrainer.step();
    } catch (const PlaceTaken& taken) {
      constexpr double patience_s = 60;  // longer than the other's step
      const double now = monotonic_seconds();
      if (refused_since < 0) {
        refused_since = now;
        log::info("retrainer waits until another, which has lost its judge's place, is gone: " +
                  std::string(taken.what()));
      }
      if (now - refused_since > patience_s) throw;
      return Step::idle;
    }
  }
  [[nodiscard]] double helper_cpu_s() const override { return retrainer.helper_cpu_s(); }
  Retrainer& retrainer;
  const std::atomic<bool>& judge_joined;
  double refused_since = -1;
};

}  // namespace

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
      const auto rows = load_range(table, context.config.table);
      const SystemClock clock;
      const auto whole = context.open_the_store();
      PrefixStore store(*whole, lane_prefix(lane));
      const auto log = context.open_the_log(clock);
      auto retraining = context.config.retrainer_options(lane);
      retraining.run_id = options->run_id;
      Recorder recorder(store, clock, context.config.telemetry, "retrainer");
      retraining.metrics = recorder.stream();
      log->ensure_topic(retraining.topic, static_cast<int>(context.config.stream.partitions));
      auto judging = context.config.judge_options(lane);
      judging.run_id = options->run_id;
      return exit_code(run_lives([&] {
        Retrainer retrainer(*log, store, clock, context.config.tuning, context.config.registry, retraining,
                            rows);
        Judge judge(*log, store, clock, context.config.judge, context.config.registry, judging);
        std::atomic<bool> joined{false};
        JudgeFirst first(judge, joined);
        RetrainerAfter second(retrainer, joined);
        const std::array<Component*, 2> both = {&first, &second};
        return run_components(both, *log, context.config.longest_nap());
      }));
    };
  });
}

}  // namespace drst::cli
