// drst report: summary.json, report.md, report.html and plots from what a run left in its store.
#include "report/report.h"

#include "base/error.h"
#include "base/log.h"
#include "cli/command.h"
#include "pipeline/run.h"

namespace drst::cli {

void add_report(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("report", "summary, Markdown, HTML and plots of a run");
  context.add_common(*command, Context::with_store | Context::with_log | Context::with_out);
  command->get_option("--log")->required(false);
  command->get_option("--out")->required();
  auto overwrite = std::make_shared<bool>(false);
  command->add_flag("--overwrite", *overwrite, "replace the report of another run that --out holds");
  command->callback([&context, overwrite] {
    context.action = [&context, overwrite] {
      context.load();
      const auto store = context.open_the_store();
      const auto facts = store->get("results/run.json");
      if (!facts) throw InputError(store->url() + " holds no run: results/run.json is missing");
      const std::string run_id = parse_run_facts(*facts, "results/run.json").run_id;
      const ReportFolder out(context.out, *store, run_id, *overwrite);
      if (!context.log_url.empty()) {
        // Consumers that died for good left their share in the log only.
        const SystemClock clock;
        const auto log = context.open_the_log(clock);
        write_trace_files(*store, read_traces(*log, context.config.stream.topic, run_id));
      }
      write_report(*store, context.out);
      log::info("report: " + context.out + "/report.html");
      return 0;
    };
  });
}

}  // namespace drst::cli
