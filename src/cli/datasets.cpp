// drst datasets fetch: the published tables, checked.
#include "ingest/datasets.h"

#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"

namespace drst::cli {

void add_datasets(CLI::App& app, Context& context) {
  auto* datasets = app.add_subcommand("datasets", "published tables");
  datasets->require_subcommand(1);
  auto* fetch =
      datasets->add_subcommand("fetch",
                               "get them from the public source; sizes and Git blob ids are checked, and "
                               "a cut transfer goes on where it stopped");
  context.add_common(*fetch, Context::with_out);
  auto overwrite = std::make_shared<bool>(false);
  fetch->add_flag("--overwrite", *overwrite, "replace files that are there but differ");
  fetch->callback([&context, overwrite] {
    context.action = [&context, overwrite] {
      context.load();
      const std::string folder = context.out.empty() ? "datasets" : context.out;
      const bool terminal = ::isatty(STDERR_FILENO) != 0 && !context.quiet;
      for (const auto& file : fetch_datasets(published_datasets(), folder, context.config.datasets,
                                             *overwrite ? Overwrite::yes : Overwrite::no,
                                             terminal ? terminal_progress() : FetchObserver{}))
        log::info(file.path.string() + ": " + to_text(file.bytes) + " bytes" +
                  (file.was_there ? ", was there" : ""));
      return 0;
    };
  });
}

}  // namespace drst::cli
