// What the frozen model reaches: offline training on combined.csv less its last 500 rows, judged on rows that
// it never saw.
//
//   DRST_DATA=... build/release/bin/learn_accuracy_bench [--seeds N] [--blocks] [--set model.key=value]...
//
// Default: accuracy@0.2 on the tail of combined.csv (500), stage2 (1000), dag-1 (1000) and over all, one line
// a seed, then the means. Settings are never chosen by the dag-1 column. `--blocks`: instead, four-fold
// blocked cross-validation inside the offline table.
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/settings.h"
#include "base/text.h"
#include "base/time.h"
#include "learn/dataset.h"
#include "learn/families.h"
#include "learn/offline.h"
#include "table/csv.h"

namespace {

using namespace drst;

struct Judge {
  std::string name;
  Table table;
};

std::string cell(double value) { return "  " + to_fixed(value, 3); }

void frozen(const Table& offline, const std::vector<Judge>& judges, const ModelSettings& settings,
            int seeds) {
  std::cout << "seed  family  train_s  valid";
  for (const auto& judge : judges) std::cout << "  " << judge.name;
  std::cout << "  all\n";
  std::vector<double> sums(judges.size() + 1, 0);
  for (int seed = 1; seed <= seeds; ++seed) {
    const double start = monotonic_seconds();
    OfflineOptions options;
    options.seed = static_cast<uint64_t>(seed);
    const TrainedModel trained = train_offline(offline, settings, options);
    const double wall = monotonic_seconds() - start;
    std::cout << seed << "  " << trained.family << cell(wall) << cell(trained.validation.acc02);
    double hits = 0;
    double rows = 0;
    for (std::size_t i = 0; i < judges.size(); ++i) {
      const Metrics metrics = evaluate(
          *trained.model, make_dataset(judges[i].table, trained.model->inputs(), settings.targets.front()),
          settings.epsilon);
      hits += metrics.acc02 * static_cast<double>(metrics.n);
      rows += static_cast<double>(metrics.n);
      sums[i] += metrics.acc02;
      std::cout << cell(metrics.acc02);
    }
    sums.back() += hits / rows;
    std::cout << cell(hits / rows) << "  lags " << trained.settings.at("lags") << ", log_inputs "
              << trained.settings.at("log_inputs") << ", log_target " << trained.settings.at("log_target")
              << ", inputs " << trained.settings.at("inputs");
    for (const auto& [name, value] : trained.settings)
      if (name.starts_with("loss.")) std::cout << ", " << name << " " << value;
    std::cout << "\n";
  }
  std::cout << "mean";
  for (const double sum : sums) std::cout << cell(sum / seeds);
  std::cout << "\n";
}

void blocks(const Table& offline, const ModelSettings& settings, int seeds) {
  const Dataset data = make_dataset(
      offline, candidate_inputs(offline, settings.kpis, settings.targets.front(), settings.lags != "off"),
      settings.targets.front());
  double sum = 0;
  double bounded = 0;
  int n = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    for (const Split& split :
         split_blocks(data.starts, data.rows(), 4, static_cast<std::size_t>(settings.gap_rows))) {
      const TrainedModel trained =
          train_family(settings.family, data, split, settings, static_cast<uint64_t>(seed));
      sum += trained.validation.acc02;
      bounded += trained.validation.bounded;
      ++n;
    }
  }
  std::cout << "blocked acc@0.2 " << to_fixed(sum / n, 4) << ", bounded error " << to_fixed(bounded / n, 4)
            << "\n";
}

int run(int argc, char** argv) {
  int seeds = 3;
  bool by_blocks = false;
  ModelSettings settings;
  Settings sections;
  sections.add("model", settings);
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--blocks") {
      by_blocks = true;
    } else if (argument == "--seeds" && i + 1 < argc) {
      seeds = static_cast<int>(parse_int(argv[++i]).value_or(3));
    } else if (argument == "--set" && i + 1 < argc) {
      sections.set(argv[++i]);
    } else {
      std::cerr << "usage: learn_accuracy_bench [--seeds N] [--blocks] [--set model.key=value]...\n";
      return 2;
    }
  }
  const char* folder = std::getenv("DRST_DATA");
  if (folder == nullptr) {
    std::cerr << "set DRST_DATA to the folder of real measurements\n";
    return 3;
  }
  const std::filesystem::path perf = std::filesystem::path(folder) / "perf";
  CsvOptions csv;
  csv.lenient = true;
  const Table combined = read_csv(perf / "combined.csv", csv);
  const Table offline = combined.slice(0, combined.rows() - 500);
  if (by_blocks) {
    blocks(offline, settings, seeds);
    return 0;
  }
  std::vector<Judge> judges = {{"tail", combined.slice(combined.rows() - 500, combined.rows())}};
  judges.push_back(
      {"stage2", read_csv(perf / "resource_stimulus_global_A-B-C_modified.csv", csv).slice(0, 1000)});
  judges.push_back(
      {"dag-1", read_csv(perf / "dag-1_resource_stimulus_global_A-B-C.csv", csv).slice(0, 1000)});
  frozen(offline, judges, settings, seeds);
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
