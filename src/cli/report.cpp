// drst report: summary.json, report.md, report.html and plots from what a run left in its store.
#include "report/report.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "pipeline/foreign_run.h"
#include "pipeline/run.h"
#include "pipeline/run_traces.h"
#include "stream/lane.h"

namespace drst::cli {

namespace {

/// A run of which only the log tells.
ForeignRun adopt(const Context& context, Log& log, ObjectStore& store, const std::string& run_id) {
  RunFacts facts;
  facts.run_id = run_id;
  facts.targets = context.config.model.targets;
  facts.epsilon = context.config.model.epsilon;
  facts.code_version = DRST_VERSION;
  check_targets(facts.targets, context.config.model.kpis);
  return adopt_foreign_run(log, store, context.config.stream.topic, std::move(facts),
                           context.config.stream.wire);
}

}  // namespace

void add_report(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("report", "summary, Markdown, HTML and plots of a run");
  context.add_common(*command, Context::with_store | Context::with_log | Context::with_out);
  command->get_option("--log")->required(false);
  command->get_option("--out")->required();
  auto overwrite = std::make_shared<bool>(false);
  auto of_run = std::make_shared<std::string>();
  command->add_option("--run-id", *of_run,
                      "the run to report, which --log must still hold if it is not the newest; default: the "
                      "newest of the store. One that `drst produce` has not made is told from --log alone");
  command->add_flag("--overwrite", *overwrite, "replace the report of another run that --out holds");
  command->callback([&context, overwrite, of_run] {
    context.action = [&context, overwrite, of_run] {
      context.load();
      context.need_what_is_read();
      const auto store = context.open_the_store();
      const SystemClock clock;
      const auto log = context.log_url.empty() ? nullptr : context.open_the_log(clock);
      const std::string& topic = context.config.stream.topic;
      LogFacts of_log;
      RunFacts run;
      if (auto known = find_facts(*store, *of_run); known && !(known->foreign && log)) {
        run = std::move(*known);
      } else if (log) {
        auto foreign = adopt(context, *log, *store, *of_run);
        run = std::move(foreign.facts);
        of_log.notes = std::move(foreign.notes);
      } else {
        run = read_facts(*store, *of_run);  // which says what the store holds
      }
      if (!log && run.run_id != read_facts(*store).run_id)
        throw InputError("run " + run.run_id + " is not the newest of " + store->url() +
                         ", so its predictions are in its log only; name that with --log");
      const ReportFolder out(context.out, *store, run.run_id, *overwrite);
      if (log) {
        // As settings are written: strings in quotes.
        const std::string quoted = '"' + topic + '"';
        if (const auto there = run.settings.find("stream.topic");
            there != run.settings.end() && there->second != quoted && there->second.size() > 2)
          throw InputError("run " + run.run_id + " is on topic " + there->second + ", not on " + quoted +
                           "; add --set stream.topic=" + there->second.substr(1, there->second.size() - 2));
        // Consumers that died for good left their share in the log only.
        auto traces = write_traces(*log, *store, topic, run);
        of_log.predictions = traces.predictions;
        of_log.retention = std::move(traces.retention);
      }
      const auto summary = write_report(*store, context.out, run.run_id, of_log);
      for (const auto& note : all_notes(summary)) log::warning(note);
      if (summary.lost_of_all() > 0 && of_log.retention.empty())
        log::warning(
            "consumers ended too early, or have not ended yet; `drst infer` goes on where they were");
      log::info("report: " + context.out + "/report.html");
      return 0;
    };
  });
}

}  // namespace drst::cli
