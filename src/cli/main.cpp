#include <cstdio>
#include <exception>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "cli/command.h"

int main(int argc, char** argv) {
  using namespace drst;
  CLI::App app{
      "DRST infers throughput and latency of network-function chains from hardware counters, notices drift,\n"
      "retrains, and hot-swaps the model under the running stream. Start with: drst run --data DIR --out "
      "DIR"};
  app.name("drst");
  app.set_version_flag("--version", std::string("drst ") + DRST_VERSION);
  app.require_subcommand(1);
  cli::Context context;
  // The loop, whole
  cli::add_run(app, context);
  cli::add_report(app, context);
  // The loop, each part as a process of its own
  cli::add_offline(app, context);
  cli::add_monitor(app, context);
  cli::add_retrain(app, context);
  cli::add_infer(app, context);
  cli::add_produce(app, context);
  // Around it
  cli::add_models(app, context);
  cli::add_store(app, context);
  cli::add_drift(app, context);
  cli::add_simulate(app, context);
  cli::add_collect(app, context);
  cli::add_preprocess(app, context);
  cli::add_datasets(app, context);
  cli::add_config(app, context);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  try {
    catch_stop_signals();
    const int code = context.action();
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      log::error("what belongs on stdout could not be written");
      return static_cast<int>(ExitCode::failed);
    }
    return code;
  } catch (const Error& error) {
    log::error(error.what());
    return static_cast<int>(error.exit_code());
  } catch (const std::bad_alloc&) {
    log::error("out of memory");
  } catch (const std::exception& error) {
    log::error(std::string("unexpected: ") + error.what());
  }
  return static_cast<int>(ExitCode::failed);
}
