// What frozen trees reach: fitted on combined.csv less its last 500 rows, judged on rows they never saw.
//
//   DRST_DATA=... build/bin/learn_trees_bench [--seeds N]
//
// Accuracy@0.2 on the tail of combined.csv (500), stage2 (1000), dag-1 (1000) and over all; means over seeds,
// in brackets least and greatest over all. Nothing is chosen by the dag-1 column.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "learn/dataset.h"
#include "learn/scaler.h"
#include "learn/settings.h"
#include "table/csv.h"
#include "trees/boosted.h"
#include "trees/extra_trees.h"

namespace {

using namespace drst;

struct Judge {
  std::string name;
  Table table;
};

struct Variant {
  std::string name;
  bool lags = true;
  bool log_target = true;
  double weight_power = 1;  // weights 1 / y^power
  std::function<TreeEnsemble(const TrainTable&, uint64_t)> fit;
};

double accuracy(const TreeEnsemble& ensemble, const Table& table, const std::string& target) {
  const Dataset data = make_dataset(table, ensemble.inputs, target);
  std::vector<float> out(data.rows());
  TreeScratch scratch;
  predict(ensemble, data.x, data.rows(), out, scratch);
  double hits = 0;
  for (std::size_t r = 0; r < out.size(); ++r)
    hits += std::abs(out[r] - data.y[r]) <= 0.2F * std::abs(data.y[r]) ? 1 : 0;
  return hits / static_cast<double>(out.size());
}

TreeEnsemble train(const Variant& variant, const Table& offline, const ModelSettings& settings,
                   uint64_t seed) {
  const Dataset data =
      make_dataset(offline, candidate_inputs(offline, settings.kpis, settings.targets.front(), variant.lags),
                   settings.targets.front());
  const double floor = target_floor(data.y, 0.01);
  std::vector<float> y;
  std::vector<float> weight;
  for (const float v : data.y) {
    const double positive = std::max(static_cast<double>(v), floor);
    y.push_back(variant.log_target ? static_cast<float>(std::log(positive)) : v);
    weight.push_back(static_cast<float>(std::pow(positive, -variant.weight_power)));
  }
  auto ensemble = variant.fit({data.inputs, stand_ins(data.inputs), {}, data.x, y, weight}, seed);
  ensemble.exponential = variant.log_target;
  return ensemble;
}

void print(const Variant& variant, const Table& offline, const std::vector<Judge>& judges, int seeds) {
  const ModelSettings settings;
  std::vector<double> means(judges.size() + 1, 0);
  double least = 1;
  double most = 0;
  double seconds = 0;
  std::size_t nodes = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    const double start = monotonic_seconds();
    const TreeEnsemble ensemble = train(variant, offline, settings, static_cast<uint64_t>(seed));
    seconds += monotonic_seconds() - start;
    nodes = ensemble.nodes.size();
    double hits = 0;
    double rows = 0;
    for (std::size_t j = 0; j < judges.size(); ++j) {
      const double acc = accuracy(ensemble, judges[j].table, settings.targets.front());
      const auto n = static_cast<double>(judges[j].table.rows());
      means[j] += acc / seeds;
      hits += acc * n;
      rows += n;
    }
    means.back() += hits / rows / seeds;
    least = std::min(least, hits / rows);
    most = std::max(most, hits / rows);
  }
  std::cout << "| " << variant.name << " |";
  for (const double mean : means) std::cout << " " << to_fixed(mean, 3) << " |";
  std::cout << " " << to_fixed(least, 3) << " to " << to_fixed(most, 3) << " | "
            << to_fixed(seconds / seeds, 2) << " | " << nodes << " |\n";
}

std::vector<Variant> variants() {
  const auto extra = [](const std::function<void(ExtraTreesOptions&)>& change) {
    return [change](const TrainTable& table, uint64_t seed) {
      ExtraTreesOptions options;
      options.seed = seed;
      options.threads = std::thread::hardware_concurrency();
      change(options);
      return fit_extra_trees(table, options);
    };
  };
  const auto boosted = [](const std::function<void(BoostedOptions&)>& change) {
    return [change](const TrainTable& table, uint64_t seed) {
      BoostedOptions options;
      options.seed = seed;
      change(options);
      return fit_boosted(table, options);
    };
  };
  const auto same = [](auto&) {};
  return {
      {"extra trees, ln(y) and 1/y", true, true, 1, extra(same)},
      {"extra trees, ln(y)", true, true, 0, extra(same)},
      {"extra trees, 1/y", true, false, 1, extra(same)},
      {"extra trees, 1/y^2", true, false, 2, extra(same)},
      {"extra trees, y", true, false, 0, extra(same)},
      {"extra trees, no lags", false, true, 1, extra(same)},
      {"extra trees, raw cuts", true, true, 1, extra([](auto& o) { o.log_splits = false; })},
      {"extra trees, leaves of 1", true, true, 1, extra([](auto& o) {
         o.least_leaf = 1;
         o.most_nodes = 1'000'000;
       })},
      {"extra trees, all inputs tried", true, true, 1, extra([](auto& o) { o.feature_share = 1; })},
      {"extra trees, 20 % tried", true, true, 1, extra([](auto& o) { o.feature_share = 0.2; })},
      {"boosted, ln(y) and 1/y", true, true, 1, boosted(same)},
      {"boosted, ln(y) and 1/y, pseudo-Huber", true, true, 1,
       boosted([](auto& o) { o.loss = BoostedLoss::pseudo_huber; })},
      {"boosted, 1/y", true, false, 1, boosted(same)},
      {"boosted, 64 bins", true, true, 1, boosted([](auto& o) { o.bins = 64; })},
      {"boosted, ln(y)", true, true, 0, boosted(same)},
      {"boosted, depth 4", true, true, 1, boosted([](auto& o) { o.depth = 4; })},
      {"boosted, 1000 rounds", true, true, 1, boosted([](auto& o) { o.rounds = 1000; })},
  };
}

int run(int argc, char** argv) {
  int seeds = 3;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--seeds" && i + 1 < argc) {
      seeds = static_cast<int>(parse_int(argv[++i]).value_or(3));
    } else {
      std::cerr << "usage: learn_trees_bench [--seeds N]\n";
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
  std::vector<Judge> judges = {{"tail", combined.slice(combined.rows() - 500, combined.rows())}};
  judges.push_back(
      {"stage2", read_csv(perf / "resource_stimulus_global_A-B-C_modified.csv", csv).slice(0, 1000)});
  judges.push_back(
      {"dag-1", read_csv(perf / "dag-1_resource_stimulus_global_A-B-C.csv", csv).slice(0, 1000)});
  std::cout << "| trees |";
  for (const auto& judge : judges) std::cout << " " << judge.name << " |";
  std::cout << " all | over seeds | training, s | nodes |\n|---|---|---|---|---|---|---|---|\n";
  for (const auto& variant : variants()) print(variant, offline, judges, seeds);
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
