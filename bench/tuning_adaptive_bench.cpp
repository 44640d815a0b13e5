// What refitting on arrived labels reaches, prequentially, without gate and log: the stream of `drst run`
// (tail of combined.csv 500, stage2 1000, dag-1 1000), the frozen mlp beside its line of refits.
//
//   DRST_DATA=... build/release/bin/tuning_adaptive_bench [--seeds N] [--label-every N]
//                                                         [--label-delay ROWS] [--choose]
//                                                         [--set tuning.key=value | model.key=value]...
//
// `--choose` leaves dag-1 out: settings are chosen on that, and judged on the rest. A row is predicted by a
// model that saw labels of earlier rows only, and of rows whose label had arrived.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <numeric>
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
#include "tuning/refit.h"

namespace {

using namespace drst;

struct Stage {
  std::string name;
  Table table;
};

struct Options {
  int seeds = 2;
  std::size_t label_every = 1;
  std::size_t label_delay = 0;
  bool choose = false;
  ModelSettings model;
  TuningSettings tuning;
};

Options parse(int argc, char** argv) {
  Options options;
  options.model.lags = options.model.log_inputs = options.model.log_target = "on";
  options.model.family = "mlp";
  Settings sections;
  sections.add("model", options.model);
  sections.add("tuning", options.tuning);
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--choose") {
      options.choose = true;
      continue;
    }
    if (i + 1 == argc) throw InputError(name + " needs a value");
    const std::string value = argv[++i];
    const auto number = parse_int(value).value_or(0);
    if (name == "--set")
      sections.set(value);
    else if (name == "--seeds")
      options.seeds = static_cast<int>(number);
    else if (name == "--label-every")
      options.label_every = static_cast<std::size_t>(number);
    else if (name == "--label-delay")
      options.label_delay = static_cast<std::size_t>(number);
    else
      throw InputError("unknown option " + name);
  }
  return options;
}

std::vector<Stage> load(const std::filesystem::path& perf, bool choose, Table& offline) {
  CsvOptions csv;
  csv.lenient = true;
  const Table combined = read_csv(perf / "combined.csv", csv);
  offline = combined.slice(0, combined.rows() - 500);
  std::vector<Stage> stages = {{"tail", combined.slice(combined.rows() - 500, combined.rows())}};
  stages.push_back(
      {"stage2", read_csv(perf / "resource_stimulus_global_A-B-C_modified.csv", csv).slice(0, 1000)});
  if (!choose)
    stages.push_back(
        {"dag-1", read_csv(perf / "dag-1_resource_stimulus_global_A-B-C.csv", csv).slice(0, 1000)});
  return stages;
}

std::vector<std::size_t> range(std::size_t begin, std::size_t end) {
  std::vector<std::size_t> rows(end - begin);
  std::iota(rows.begin(), rows.end(), begin);
  return rows;
}

/// Predictions of the whole stream by the line of refits.
std::vector<float> follow(const Network& frozen, const Dataset& stream, const Dataset& offline,
                          const Options& options, int seed, double& refit_s) {
  Network model = frozen;
  std::vector<float> predictions(stream.rows());
  std::vector<std::size_t> labelled;
  std::size_t at_last_refit = 0;
  Workspace workspace;
  const auto every = static_cast<std::size_t>(options.tuning.refit_every_labels);
  const auto most = static_cast<std::size_t>(options.tuning.memory_rows);
  for (std::size_t r = 0; r < stream.rows(); ++r) {
    forward(model, stream.row(r), 1, std::span(predictions).subspan(r, 1), workspace);
    if (r < options.label_delay || (r - options.label_delay) % options.label_every != 0) continue;
    labelled.push_back(r - options.label_delay);
    if (every == 0 || labelled.size() - at_last_refit < every) continue;
    at_last_refit = labelled.size();
    const double start = monotonic_seconds();
    const std::size_t first = labelled.size() > most ? labelled.size() - most : 0;
    const tuning::Material material{take_rows(stream, std::span(labelled).subspan(first)), offline};
    model =
        tuning::refit(std::move(model), material, options.tuning, static_cast<uint64_t>(seed) * 100'000 + r);
    refit_s += monotonic_seconds() - start;
  }
  return predictions;
}

int run(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const char* folder = std::getenv("DRST_DATA");
  if (folder == nullptr) throw InputError("set DRST_DATA to the folder of real measurements");
  Table offline_table;
  const auto stages = load(std::filesystem::path(folder) / "perf", options.choose, offline_table);
  std::cout << "seed  offline_s  refit_s";
  for (const auto& stage : stages) std::cout << "  " << stage.name << " (frozen)";
  std::cout << "  all (frozen)\n";
  double sum = 0;
  double sum_frozen = 0;
  for (int seed = 1; seed <= options.seeds; ++seed) {
    const double start = monotonic_seconds();
    const TrainedModel trained =
        train_offline(offline_table, options.model, {static_cast<uint64_t>(seed), "offline"});
    const double offline_s = monotonic_seconds() - start;
    const Network& network = *trained.model->network();
    const auto& inputs = network.inputs;
    const Dataset offline = make_dataset(offline_table, inputs, options.model.targets.front());
    Dataset stream = make_dataset(stages.front().table, inputs, options.model.targets.front());
    for (std::size_t s = 1; s < stages.size(); ++s)
      append_rows(stream, make_dataset(stages[s].table, inputs, options.model.targets.front()));
    double refit_s = 0;
    const auto adaptive = follow(network, stream, offline, options, seed, refit_s);
    std::vector<float> frozen(stream.rows());
    Workspace workspace;
    forward(network, stream.x, stream.rows(), frozen, workspace);
    const auto accuracy = [&](const std::vector<float>& predictions, std::size_t begin, std::size_t end) {
      Scores scores(options.model.epsilon);
      for (const std::size_t r : range(begin, end))
        scores.add(static_cast<double>(predictions[r]), static_cast<double>(stream.y[r]));
      return scores.metrics().acc02;
    };
    std::cout << seed << "  " << to_fixed(offline_s, 2) << "  " << to_fixed(refit_s, 2);
    std::size_t begin = 0;
    for (const auto& stage : stages) {
      const std::size_t end = begin + stage.table.rows();
      std::cout << "  " << to_fixed(accuracy(adaptive, begin, end), 3) << " ("
                << to_fixed(accuracy(frozen, begin, end), 3) << ")";
      begin = end;
    }
    const double all = accuracy(adaptive, 0, stream.rows());
    const double all_frozen = accuracy(frozen, 0, stream.rows());
    std::cout << "  " << to_fixed(all, 3) << " (" << to_fixed(all_frozen, 3) << ")\n";
    sum += all;
    sum_frozen += all_frozen;
  }
  std::cout << "mean " << to_fixed(sum / options.seeds, 4) << " (" << to_fixed(sum_frozen / options.seeds, 4)
            << ")\n";
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
