#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "stream/lane.h"
#include "table/csv.h"

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
    command
        .add_option("--store", store_url,
                    "objects: file:DIR or s3://bucket[/prefix]; of S3, credentials\n"
                    "come from AWS_* variables or ~/.aws/credentials, the rest from\n"
                    "the settings [s3]")
        ->type_name("URL")
        ->required();
  if ((options & with_log) != 0)
    command.add_option("--log", log_url, "the log: embedded:DIR, or kafka://host:port[,host:port]")
        ->type_name("URL")
        ->required();
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
  for (const auto& [option, assignment] : option_assignments) {
    try {
      sections.set(assignment);
    } catch (const InputError& error) {  // it names --set, which nobody typed
      std::string words = error.what();
      const std::string as_set = "--set " + assignment.substr(0, assignment.find('='));
      if (words.starts_with(as_set)) words.replace(0, as_set.size(), option);
      throw Error(ExitCode::usage, words);
    }
  }
}

CLI::Option* Context::add_setting(CLI::App& command, const std::string& option, const std::string& setting,
                                  const std::string& what, Kind kind) {
  auto* added = command.add_option_function<std::string>(
      option,
      [this, option, setting](const std::string& value) {
        option_assignments.emplace_back(option, setting + "=" + value);
      },
      what);
  if (kind == Kind::integer) added->check(CLI::TypeValidator<int64_t>("INT"))->type_name("N");
  if (kind == Kind::number) added->check(CLI::TypeValidator<double>("NUMBER"))->type_name("X");
  return added;
}

void Context::add_targets(CLI::App& command, const std::string& what) {
  command
      .add_option_function<std::vector<std::string>>(
          "--target",
          [this](const std::vector<std::string>& targets) {
            std::string list;
            for (const auto& kpi : targets) {
              list += list.empty() ? "\"" : ", \"";
              for (const char c : kpi)
                list += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
              list += '"';
            }
            option_assignments.emplace_back("--target", "model.targets=[" + list + "]");
          },
          what)
      ->type_name("KPI")
      ->allow_extra_args(false);
}

void Context::add_lane(CLI::App& command) {
  command.add_option("--target", target, "which of model.targets; default: the first")->type_name("KPI");
}

std::string Context::lane() const {
  check_targets(config.model.targets, config.model.kpis);
  return target.empty() ? std::string() : lane_of(target, config.model.targets);
}

std::string Context::data_folder() const {
  if (!data.empty()) return data;
  const char* variable = std::getenv("DRST_DATA");
  return variable != nullptr ? variable : "datasets";
}

std::unique_ptr<ObjectStore> Context::open_the_store() const {
  return open_store(store_url, config.store, config.s3, store_use);
}

void Context::need_what_is_read() {
  store_use = StoreUse::existing;
  namespace fs = std::filesystem;
  const auto folder = [](std::string url, std::string_view scheme) {
    if (url.starts_with(scheme)) url.erase(0, scheme.size());
    return fs::path(url);
  };
  std::error_code unknown;  // another scheme, or a folder that may not be seen: opening it will tell
  if (store_url.starts_with("file:") || store_url.find(':') == std::string::npos)
    if (const auto path = folder(store_url, "file:");
        fs::status(path, unknown).type() == fs::file_type::not_found)
      throw InputError("there is no store " + path.string() + "; check --store");
  if (log_url.starts_with("embedded:") || (!log_url.empty() && log_url.find(':') == std::string::npos))
    if (const auto path = folder(log_url, "embedded:");
        fs::status(path / "data.mdb", unknown).type() == fs::file_type::not_found)
      throw InputError("there is no log in " + path.string() + "; check --log");
}

std::unique_ptr<Log> Context::open_the_log(const Clock& clock, Durability durability) const {
  return open_log(log_url, clock, durability, config.log, config.kafka);
}

std::shared_ptr<const DriftHistory> Context::open_history(const std::string& file) const {
  if (file.empty()) return nullptr;
  auto history = std::make_shared<DriftHistory>(
      history_of(read_csv(file, config.table.csv_options()), config.model.kpis));
  if (history->rows() < 2 * static_cast<std::size_t>(config.drift.window))
    throw InputError(file + " has " + to_text(history->rows()) + " rows with numbers; a history needs " +
                     to_text(2 * config.drift.window) + ", two windows");
  return history;
}

int exit_code(bool finished) {
  if (finished) return 0;
  log::error("interrupted; the same command goes on where this one was");
  return static_cast<int>(ExitCode::interrupted);
}

}  // namespace drst::cli
