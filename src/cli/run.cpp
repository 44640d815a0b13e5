// drst run: the closed loop in one process.
#include "pipeline/run.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "stream/record.h"

namespace drst::cli {

namespace {

struct Options {
  std::string offline;
  std::vector<std::string> stages;
  bool simulate = false;
  bool overwrite = false;
  bool no_report = false;
};

void print_stages(const Summary& summary) {
  const auto percent = [](const Metrics& m) {
    return m.n == 0 ? std::string("    –") : to_fixed(100 * m.acc02, 1);
  };
  std::printf("%-12s %6s  %9s  %9s  %11s\n", "stage", "rows", "baseline", "adaptive", "last label");
  const auto line = [&](const StageResult& stage) {
    if (stage.rows > 0)
      std::printf("%-12s %6lld  %8s%%  %8s%%  %10s%%\n", stage.name.c_str(),
                  static_cast<long long>(stage.rows), percent(stage.baseline).c_str(),
                  percent(stage.adaptive).c_str(), percent(stage.label_persistence).c_str());
  };
  for (const auto& stage : summary.stages) line(stage);
  line(summary.overall);
}

void print(const Summary& summary) {
  print_stages(summary);
  for (const auto& other : summary.further) {
    std::printf("\n%s\n", other.target.c_str());
    print_stages(other);
  }
  if (!summary.further.empty()) std::printf("\n%s: ", summary.target.c_str());
  const auto retrains = [&](const char* kind, bool published) {
    return std::count_if(summary.retrains.begin(), summary.retrains.end(), [&](const RetrainEvent& event) {
      return event.kind == kind && event.published == published;
    });
  };
  const auto refused = retrains("answer", false);
  std::printf(
      "accuracy@0.2, all rows as predicted at the time; %zu drift events, %td answers published, %td not%s, "
      "%td "
      "refits published, %td rollbacks, %zu releases; %lld dead letters, %lld lost\n",
      summary.drift_events.size(), retrains("answer", true), refused,
      refused > 0 ? " (report.md says why)" : "", retrains("refit", true), retrains("rollback", false),
      summary.releases.size(), static_cast<long long>(summary.dead_lettered),
      static_cast<long long>(summary.lost_of_all()));
}

int run(Context& context, const Options& options) {
  context.load();
  RunRequest request;
  request.out = context.out;
  request.overwrite = options.overwrite;
  request.report = !options.no_report;
  request.config = context.config;
  request.offline_text = options.offline;
  request.stage_texts = options.stages;
  request.data = context.data_folder();
  request.simulated = options.simulate;
  const bool terminal = ::isatty(STDERR_FILENO) != 0 && !context.quiet;
  const auto summary = execute_run(request, [terminal](int64_t done, int64_t total) {
    if (terminal && (done % 50 == 0 || done == total))
      std::fprintf(stderr, "\rrow %lld of %lld%s", static_cast<long long>(done),
                   static_cast<long long>(total), done == total ? "\n" : "");
  });
  if (summary.dead_lettered > 0)
    log::warning(to_text(summary.dead_lettered) + " of " + to_text(summary.produced) +
                 " records could not be used; topic " + dead_letter_topic(request.config.stream.topic) +
                 " has them with the reason");
  if (context.json) {
    std::fputs(to_json(summary).c_str(), stdout);
  } else {
    print(summary);
  }
  return summary.lost_of_all() == 0 ? 0 : static_cast<int>(ExitCode::failed);
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand(
      "run", "the closed loop: train, stream, predict, notice drift, retrain, swap, report");
  context.add_common(*command, Context::with_data | Context::with_out | Context::with_json);
  command->get_option("--out")->required();
  auto options = std::make_shared<Options>();
  command->add_option("--offline", options->offline,
                      "offline table: FILE[:head=N|:tail=N|:rows=A-B] (rows from 0, B excluded)");
  command->add_option(
      "--stage", options->stages,
      "NAME=FILE[:head=N|:tail=N|:rows=A-B], sought in --data, too; repeat; replaces the default list");
  using Kind = Context::Kind;
  context.add_setting(*command, "--label-every", "stream.label_every",
                      "rows with row % N = 0 carry a label; 0: none ever", Kind::integer);
  context.add_setting(*command, "--label-delay", "stream.label_delay",
                      "labels arrive so many rows late; 0: inline", Kind::integer);
  context.add_targets(*command, "a KPI to predict; repeat for several, each with models of its own");
  context.add_setting(*command, "--model", "model.family", "model family, or auto");
  context.add_setting(*command, "--clock", "run.clock", "virtual (repeatable) or wall");
  context.add_setting(*command, "--rate", "run.rate", "rows a second on the wall clock", Kind::number);
  context.add_setting(*command, "--retrain-rows", "run.retrain_rows",
                      "stream rows a retrain takes on the virtual clock", Kind::integer);
  command->add_flag("--simulate", options->simulate, "use a simulated chain instead of tables");
  command->add_flag("--overwrite", options->overwrite, "replace the run that --out holds");
  command->add_flag("--no-report", options->no_report, "summary.json only: no plots and pages");
  command->callback(
      [&context, options] { context.action = [&context, options] { return run(context, *options); }; });
}

}  // namespace drst::cli
