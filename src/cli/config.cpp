// drst config: every setting with unit, default and reason; --values: what is in force now.
#include <cstdio>

#include "cli/command.h"
#include "ingest/simulator_writer.h"

namespace drst::cli {

void add_config(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("config", "print all settings in force, as TOML with unit and reason");
  context.add_common(*command, Context::none);
  static bool plain = false;
  command->add_flag("--plain", plain, "values only, no comments");
  command->callback([&context] {
    context.action = [&context] {
      context.load();
      check(context.config);  // here, and not hours later in the command that minds
      check(context.config.simulator);
      std::fputs(context.config.sections().to_toml(!plain).c_str(), stdout);
      return 0;
    };
  });
}

}  // namespace drst::cli
