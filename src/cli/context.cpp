#include <cstdlib>

#include "base/error.h"
#include "base/log.h"
#include "cli/command.h"

namespace drst::cli {

void Context::add_common(CLI::App& command, unsigned options) {
  command.add_option("--config", config_file, "TOML file of settings (see `drst config`)")->type_name("FILE");
  command.add_option("--set", assignments, "one setting, e.g. --set drift.window=300; may be repeated")
      ->type_name("SECTION.KEY=VALUE");
  add_setting(command, "--seed", "run.seed", "start of all random choices", Kind::integer);
  if ((options & with_data) != 0)
    command.add_option("--data", data, "folder of tables; default $DRST_DATA, then datasets/")
        ->type_name("DIR");
  if ((options & with_store) != 0)
    command.add_option("--store", store_url, "objects: file:DIR")->type_name("URL")->required();
  if ((options & with_log) != 0)
    command.add_option("--log", log_url, "the log: embedded:DIR")->type_name("URL")->required();
  if ((options & with_out) != 0)
    command.add_option("--out", out, "folder for what the command writes")->type_name("DIR");
  if ((options & with_json) != 0) command.add_flag("--json", json, "machine-readable output on stdout");
  command.add_flag("-q,--quiet", quiet, "warnings and errors only");
  command.add_flag("-v,--verbose", verbose, "more messages");
}

void Context::load() {
  if (quiet) log::set_level(log::Level::warning);
  if (verbose) log::set_level(log::Level::debug);
  Settings sections = config.sections();
  if (!config_file.empty()) sections.load_file(config_file);
  sections.load_environment();
  for (const auto& assignment : assignments) sections.set(assignment);
  for (const auto& assignment : option_assignments) sections.set(assignment);
}

CLI::Option* Context::add_setting(CLI::App& command, const std::string& option, const std::string& setting,
                                  const std::string& what, Kind kind) {
  auto* added = command.add_option_function<std::string>(
      option,
      [this, setting](const std::string& value) { option_assignments.push_back(setting + "=" + value); },
      what);
  if (kind == Kind::integer) added->check(CLI::TypeValidator<int64_t>("INT"))->type_name("N");
  if (kind == Kind::number) added->check(CLI::TypeValidator<double>("NUMBER"))->type_name("X");
  return added;
}

std::string Context::data_folder() const {
  if (!data.empty()) return data;
  const char* variable = std::getenv("DRST_DATA");
  return variable != nullptr ? variable : "datasets";
}

std::unique_ptr<ObjectStore> Context::open_the_store() const { return open_store(store_url, config.store); }

std::unique_ptr<Log> Context::open_the_log(const Clock& clock, Durability durability) const {
  return open_log(log_url, clock, durability, config.log);
}

int exit_code(bool finished) {
  if (finished) return 0;
  log::error("interrupted; the same command goes on where this one was");
  return static_cast<int>(ExitCode::interrupted);
}

}  // namespace drst::cli
