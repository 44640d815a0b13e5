// drst report: summary.json, report.md, report.html and plots from what a run left in its store.
#include "report/report.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "pipeline/run.h"

namespace drst::cli {

void add_report(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("report", "summary, Markdown, HTML and plots of a run");
  context.add_common(*command, Context::with_store | Context::with_log | Context::with_out);
  command->get_option("--log")->required(false);
  command->get_option("--out")->required();
  auto overwrite = std::make_shared<bool>(false);
  auto of_run = std::make_shared<std::string>();
  command->add_option("--run-id", *of_run,
                      "the run to report, which --log must still hold if it is not the newest; default: the "
                      "newest of the store");
  command->add_flag("--overwrite", *overwrite, "replace the report of another run that --out holds");
  command->callback([&context, overwrite, of_run] {
    context.action = [&context, overwrite, of_run] {
      context.load();
      context.need_what_is_read();
      const auto store = context.open_the_store();
      const auto run = read_facts(*store, *of_run);
      if (context.log_url.empty() && run.run_id != read_facts(*store).run_id)
        throw InputError("run " + run.run_id + " is not the newest of " + store->url() +
                         ", so its predictions are in its log only; name that with --log");
      const ReportFolder out(context.out, *store, run.run_id, *overwrite);
      int64_t predictions = 0;
      if (!context.log_url.empty()) {
        // As settings are written: strings in quotes.
        const std::string topic = '"' + context.config.stream.topic + '"';
        if (const auto there = run.settings.find("stream.topic");
            there != run.settings.end() && there->second != topic && there->second.size() > 2)
          throw InputError("run " + run.run_id + " is on topic " + there->second + ", not on " + topic +
                           "; add --set stream.topic=" + there->second.substr(1, there->second.size() - 2));
        // Consumers that died for good left their share in the log only.
        const SystemClock clock;
        const auto log = context.open_the_log(clock);
        predictions = write_traces(*log, *store, context.config.stream.topic, run);
      }
      const auto lost = write_report(*store, context.out, run.run_id, predictions);
      if (lost > 0)
        log::warning(to_text(lost) + " records of run " + run.run_id +
                     " have neither a prediction nor a dead letter: consumers ended too early, or have not "
                     "ended yet; `drst infer` goes on where they were");
      log::info("report: " + context.out + "/report.html");
      return 0;
    };
  });
}

}  // namespace drst::cli
