// The command line: one file a subcommand. A file adds its options to the parser and, when chosen, sets
// `context.action`; main.cpp shows all commands at a glance, runs the action, and turns an Error into its
// message and exit code. Data goes to stdout, messages to stderr (base/log.h).
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "drift/history.h"
#include "pipeline/config.h"
#include "store/store.h"
#include "stream/log.h"

namespace drst::cli {

struct Context {
  enum class Kind { text, integer, number };
  std::string config_file;
  std::vector<std::string> assignments;  ///< of --set
  /// Of options that stand for a setting: option, assignment; they win.
  std::vector<std::pair<std::string, std::string>> option_assignments;
  std::string data;
  std::string store_url;
  std::string log_url;
  std::string out;
  std::string target;  ///< of add_lane; empty: the first
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  Config config;
  std::function<int()> action;
  StoreUse store_use = StoreUse::work;

  /// Which of the common options a command takes.
  enum Options : unsigned {
    none = 0,
    with_data = 1,
    with_store = 2,
    with_log = 4,
    with_out = 8,
    with_json = 16
  };
  void add_common(CLI::App& command, unsigned options);
  /// An option that stands for one setting ("stream.label_every"); it overrides file, environment and --set.
  CLI::Option* add_setting(CLI::App& command, const std::string& option, const std::string& setting,
                           const std::string& what, Kind kind = Kind::text);
  /// --target, which may be repeated: stands for model.targets.
  void add_targets(CLI::App& command, const std::string& what);
  /// --target: which of model.targets this part serves; see lane().
  void add_lane(CLI::App& command);
  /// Defaults, then file, environment, --set, options; call first in every action.
  void load();
  /// --data, else $DRST_DATA, else datasets/.
  [[nodiscard]] std::string data_folder() const;
  /// The lane (stream/lane.h) of --target. InputError if that is none of model.targets, or those cannot be.
  [[nodiscard]] std::string lane() const;
  [[nodiscard]] std::unique_ptr<ObjectStore> open_the_store() const;
  /// InputError where --store, or the --log that was given, is not there: for commands that read what others
  /// made, and so must not make it for a mistyped name.
  void need_what_is_read();
  /// --history: a table of a world without change. Null without a name; InputError if it is too short.
  [[nodiscard]] std::shared_ptr<const DriftHistory> open_history(const std::string& file) const;
  [[nodiscard]] std::unique_ptr<Log> open_the_log(const Clock& clock,
                                                  Durability durability = Durability::full) const;
};

/// What the command of a component ends with: 0, or 130 and a message if a stop came before it was done.
int exit_code(bool finished);

void add_run(CLI::App& app, Context& context);
void add_simulate(CLI::App& app, Context& context);
void add_collect(CLI::App& app, Context& context);
void add_preprocess(CLI::App& app, Context& context);
void add_datasets(CLI::App& app, Context& context);
void add_offline(CLI::App& app, Context& context);
void add_produce(CLI::App& app, Context& context);
void add_infer(CLI::App& app, Context& context);
void add_monitor(CLI::App& app, Context& context);
void add_retrain(CLI::App& app, Context& context);
void add_models(CLI::App& app, Context& context);
void add_store(CLI::App& app, Context& context);
void add_report(CLI::App& app, Context& context);
void add_drift(CLI::App& app, Context& context);
void add_config(CLI::App& app, Context& context);

}  // namespace drst::cli
