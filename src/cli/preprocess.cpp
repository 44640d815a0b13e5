// drst preprocess perf|pcm: raw bundles become tables.
#include "measure/preprocess.h"

#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/command.h"
#include "measure/result_json.h"

namespace drst::cli {

namespace {

struct Options {
  std::vector<std::string> inputs;
  std::string subsets;
  bool overwrite = false;
  bool strict = false;
};

void print_json(const PreprocessResult& result) {
  nlohmann::ordered_json json;
  json["experiments"] = result.experiments;
  json["bytes"] = result.bytes;
  json["of_other_kind"] = result.of_other_kind;
  json["without_rows"] = result.without_rows;
  json["tables"] = to_json(result.tables);
  json["dirt"] = to_json(result.dirt);
  std::printf("%s\n", json.dump(1).c_str());
}

void print_tables(const PreprocessResult& result, const std::string& out) {
  if (!result.tables.empty()) std::printf("%9s %8s %12s  %s\n", "rows", "columns", "experiments", "table");
  for (const auto& table : result.tables)
    std::printf("%9zu %8zu %12zu  %s/%s\n", table.rows, table.columns, table.experiments, out.c_str(),
                table.file.c_str());
  const std::string dirt = to_table(result.dirt);
  if (dirt.empty()) {
    std::printf("no dirt\n");
  } else {
    std::printf("%s%s/dirt.json has each by file and line\n", dirt.c_str(), out.c_str());
  }
}

int run(Context& context, const Options& options, BundleKind kind) {
  context.load();
  PreprocessRequest request;
  request.kind = kind;
  request.inputs.assign(options.inputs.begin(), options.inputs.end());
  request.out = context.out;
  request.subsets = options.subsets;
  request.overwrite = options.overwrite;
  request.strict = options.strict;
  request.settings = context.config.preprocess;
  for (const auto& [key, value] : context.config.sections().values())
    if (key.starts_with("preprocess.")) request.told_settings[key.substr(key.find('.') + 1)] = value;
  const bool terminal = ::isatty(STDERR_FILENO) != 0 && !context.quiet;
  if (terminal)
    request.progress = [](std::size_t done, std::size_t total) {
      constexpr std::size_t width = 40;
      const std::size_t filled = total == 0 ? width : width * done / total;
      std::fprintf(stderr, "\r[%s%s] %zu of %zu experiments", std::string(filled, '#').c_str(),
                   std::string(width - filled, ' ').c_str(), done, total);
    };
  PreprocessResult result;
  try {
    result = preprocess(request);
  } catch (...) {
    if (terminal) std::fprintf(stderr, "\r\033[K");
    throw;
  }
  if (terminal) std::fprintf(stderr, "\r\033[K");
  if (result.of_other_kind > 0)
    log::info(to_text(result.of_other_kind) + " bundles of " + (kind == BundleKind::perf ? "PCM" : "perf") +
              " were passed over; they are for drst preprocess " +
              (kind == BundleKind::perf ? "pcm" : "perf"));
  if (!result.without_rows.empty())
    log::warning(to_text(result.without_rows.size()) +
                 " experiments have no rows, as nothing in them is what the " +
                 "settings look for (preprocess.vnfs, events): " + join_first(result.without_rows));
  if (context.json) {
    print_json(result);
  } else {
    print_tables(result, context.out);
  }
  if (result.refused) {
    std::fflush(stdout);
    throw InputError(to_text(result.dirt.dirt()) +
                     " cases of dirt, which --strict refuses; no tables were made. " + context.out +
                     "/dirt.json has each by file and line");
  }
  return 0;
}

void add(CLI::App& above, Context& context, const char* name, const char* what, BundleKind kind) {
  auto* command = above.add_subcommand(name, what);
  context.add_common(*command, Context::with_out | Context::with_json);
  command->get_option("--out")->required();
  auto options = std::make_shared<Options>();
  command
      ->add_option("inputs", options->inputs,
                   "folders with bundles at any depth, or archives of them (.zip, .tar, .tar.xz, .tar.gz,\n"
                   ".tar.bz2, .tar.zst), which are read in place")
      ->type_name("BUNDLE_OR_TREE")
      ->required();
  command
      ->add_option("--subsets", options->subsets,
                   "TOML file of named lists of experiments, each a table more:\n"
                   "[NAME] experiments = [\"SCENARIO/EXPERIMENT\", ...]; *, ? and [] as in a shell")
      ->type_name("FILE");
  command->add_flag("--strict", options->strict,
                    "any dirt is an error (exit 3): no tables, but DIR/dirt.json");
  command->add_flag("--overwrite", options->overwrite, "replace the tables of an earlier run in DIR");
  context.add_setting(*command, "--rate-column", "preprocess.rate_column",
                      "auto, Mbit, MbitWithFraming, PacketRate");
  context.add_setting(*command, "--latency-unit", "preprocess.latency_unit",
                      "of the bundles' latencies: auto, ns, us, ms; tables have us");
  context.add_setting(*command, "--threads", "preprocess.threads", "experiments at once; 0: one a core",
                      Context::Kind::integer);
  command->callback([&context, options, kind] {
    context.action = [&context, options, kind] { return run(context, *options, kind); };
  });
}

}  // namespace

void add_preprocess(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("preprocess", "raw bundles of measurements become tables");
  command->require_subcommand(1);
  add(*command, context, "perf",
      "bundles of perf stat, MoonGen rates and latency: a table an experiment, one a scenario,\n"
      "with provenance, counter quality and a report of all dirt (settings [preprocess])",
      BundleKind::perf);
  add(*command, context, "pcm",
      "bundles of Intel PCM: a table a bundle, and pcm_global.csv of all (settings [preprocess])",
      BundleKind::pcm);
}

}  // namespace drst::cli
