// What adaptation is worth, by how many labels arrive: the whole loop for five label budgets
// (bench/budgets.h).
//
//   DRST_DATA=... build/bin/pipeline_budgets_bench [--seeds N] [--budget none|100|20|late|all]...
//                                                  [--family F]... [--last-label] [--choose]
//                                                  [--set section.key=value]...
//
// Stream: combined.csv less its last 500 rows trains offline; those 500, the first 1000 rows of stage2 and
// the first 1000 of dag-1 are predicted, each row before its label. Printed: accuracy@0.2 by stage and over
// all, mean and standard deviation over seeds, of the frozen model, the adaptive prediction, the live model
// alone and the last label that had arrived; with `--last-label` also of the adaptive prediction where the
// last label is one of the experts. `--choose` leaves dag-1 out and takes all of stage2.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <numeric>
#include <optional>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/parallel.h"
#include "budgets.h"
#include "table/csv.h"

namespace {

using namespace drst;
using namespace drst::budgets;

constexpr const char* with_last_label = "adaptive, last label an expert";

struct Options {
  int64_t seeds = 1;
  bool choose = false, last_label = false;
  std::vector<std::string> budgets, families;
  Config config;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--choose" || name == "--last-label") {
      (name == "--choose" ? options.choose : options.last_label) = true;
      continue;
    }
    if (i + 1 == argc) throw InputError(name + " needs a value");
    const std::string value = argv[++i];
    if (name == "--set")
      options.config.sections().set(value);
    else if (name == "--family")
      options.families.push_back(value);
    else if (name == "--seeds")
      options.seeds = parse_int(value).value_or(1);
    else if (name == "--budget")
      options.budgets.push_back(value);
    else
      throw InputError("unknown option " + name);
  }
  if (options.families.empty()) options.families.push_back(options.config.model.family);
  return options;
}

std::string mean_and_deviation(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return to_fixed(mean, 3) + (values.size() > 1 ? " ± " + to_fixed(std::sqrt(squares / (n - 1)), 3) : "");
}

/// One loop: a seed at a budget, with the last label among the experts or not.
struct Work {
  std::size_t seed, budget;
  bool last_label;
  Judged judged;
};

void print(const std::string& family, const std::vector<Budget>& budgets, const std::vector<Work>& works) {
  for (std::size_t b = 0; b < budgets.size(); ++b) {
    for (const char* who : {"frozen", "adaptive", with_last_label, "live", "last label"}) {
      const bool other = who == with_last_label;
      if (budgets[b].every == 0 && (other || std::string(who) == "last label")) continue;
      std::vector<std::vector<double>> columns;
      double worst = std::numeric_limits<double>::infinity();
      for (const auto& work : works) {
        if (work.budget != b || work.last_label != other) continue;
        const auto& own = work.judged.figures.at(other ? "adaptive" : who);
        const auto& frozen = work.judged.figures.at("frozen");
        columns.resize(own.size());
        for (std::size_t c = 0; c < own.size(); ++c) {
          columns[c].push_back(own[c]);
          if (c + 1 < own.size()) worst = std::min(worst, own[c] - frozen[c]);
        }
      }
      if (columns.empty()) continue;
      std::cout << "| " << family << " | " << budgets[b].name << " | " << who << " |";
      for (const auto& column : columns) std::cout << " " << mean_and_deviation(column) << " |";
      std::cout << " " << to_fixed(worst, 3) << " |\n" << std::flush;
    }
  }
}

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const char* folder = std::getenv("DRST_DATA");
  if (folder == nullptr) throw InputError("set DRST_DATA to the folder of real measurements");
  log::set_level(log::Level::error);
  const auto perf = std::filesystem::path(folder) / "perf";
  CsvOptions csv;
  csv.lenient = true;
  const Table combined = read_csv(perf / "combined.csv", csv);
  const Table offline = combined.slice(0, combined.rows() - 500);
  const Table stage2 = read_csv(perf / "resource_stimulus_global_A-B-C_modified.csv", csv);
  std::vector<StageTable> stages = {{"stage0", combined.slice(combined.rows() - 500, combined.rows())},
                                    {"stage2", stage2.slice(0, 1000)}};
  if (options.choose)
    stages.push_back({"stage2 rest", stage2.slice(1000, stage2.rows())});
  else
    stages.push_back(
        {"dag-1", read_csv(perf / "dag-1_resource_stimulus_global_A-B-C.csv", csv).slice(0, 1000)});
  std::vector<Budget> budgets;
  for (const auto& budget : all_budgets)
    if (options.budgets.empty() ||
        std::find(options.budgets.begin(), options.budgets.end(), budget.name) != options.budgets.end())
      budgets.push_back(budget);

  std::cout << "| family | labels | who |";
  for (const auto& stage : stages) std::cout << " " << stage.name << " |";
  std::cout << " all | worst against frozen |\n|---|---|---|";
  for (std::size_t s = 0; s < stages.size(); ++s) std::cout << "---|";
  std::cout << "---|---|\n";
  for (const auto& family : options.families) {
    Config config = options.config;
    config.model.family = family;
    std::vector<Trained> trained;
    for (int64_t seed = 1; seed <= options.seeds; ++seed)
      trained.push_back(train(config, offline, static_cast<uint64_t>(seed)));
    std::vector<Work> works;
    for (std::size_t b = 0; b < budgets.size(); ++b)
      for (std::size_t seed = 0; seed < trained.size(); ++seed) {
        works.push_back({seed, b, false, {}});
        if (options.last_label && budgets[b].every > 0) works.push_back({seed, b, true, {}});
      }
    in_parallel(works.size(), std::thread::hardware_concurrency(), [&](std::size_t i) {
      Work& work = works[i];
      Config own = config;
      own.judge.last_label = work.last_label;
      work.judged = run_loop(own, budgets[work.budget], stages, offline, trained[work.seed], 1 + work.seed);
    });
    for (const auto& work : works)
      std::cerr << family << ", " << budgets[work.budget].name << ", seed " << work.seed + 1
                << (work.last_label ? ", last label an expert" : "") << ": " << work.judged.effort << "\n";
    print(family, budgets, works);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const drst::Error& error) {
    std::cerr << error.what() << "\n";
    return static_cast<int>(error.exit_code());
  }
}
