// What adaptation is worth, by how many labels arrive: the whole loop of `drst run` (producer, consumer,
// guard, monitor, retrainer, judge) on the virtual clock, on an in-memory log and store, for five label
// budgets.
//
//   DRST_DATA=... build/bin/pipeline_budgets_bench [--seeds N] [--budget none|100|20|late|all]... [--choose]
//                                                  [--family F] [--set section.key=value]...
//
// Stream: combined.csv less its last 500 rows trains offline; those 500, the first 1000 rows of stage2 and
// the first 1000 of dag-1 are predicted, each row before its label. Printed: accuracy@0.2 by stage and over
// all, mean and standard deviation over seeds, of the frozen model, the adaptive prediction, the live model
// alone and the last label that had arrived. `--choose` leaves dag-1 out and takes all of stage2: settings
// are chosen on that, and judged on the rest.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "drift/monitor.h"
#include "inference/consumer.h"
#include "inference/trace.h"
#include "ingest/producer.h"
#include "learn/offline.h"
#include "pipeline/config.h"
#include "pipeline/drive.h"
#include "registry/judgement.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "table/csv.h"
#include "tuning/judge.h"
#include "tuning/retrainer.h"

namespace {

using namespace drst;

struct Budget {
  std::string name;
  int64_t every = 1, delay = 0;
};
const std::vector<Budget> budgets = {
    {"none", 0, 0}, {"100", 100, 0}, {"20", 20, 0}, {"late", 1, 30}, {"all", 1, 0}};

struct Options {
  int64_t seeds = 1;
  bool choose = false;
  std::vector<std::string> budgets;
  Config config;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--choose") {
      options.choose = true;
      continue;
    }
    if (i + 1 == argc) throw InputError(name + " needs a value");
    const std::string value = argv[++i];
    if (name == "--set")
      options.config.sections().set(value);
    else if (name == "--family")
      options.config.model.family = value;
    else if (name == "--seeds")
      options.seeds = parse_int(value).value_or(1);
    else if (name == "--budget")
      options.budgets.push_back(value);
    else
      throw InputError("unknown option " + name);
  }
  return options;
}

/// acc@0.2 by stage, then over all, of each way to predict.
using Figures = std::map<std::string, std::vector<double>>;

struct Judged {
  Figures figures;
  std::string effort;
};

Judged run_loop(const Options& options, const Budget& budget, const std::vector<StageTable>& stages,
                const Table& offline, uint64_t seed) {
  const Config& config = options.config;
  VirtualClock clock;
  MemoryLog log(std::make_shared<MemoryLogDisk>(), clock);
  MemoryStore store;
  Registry registry(store, clock, config.registry);
  run_offline(offline, config.model, store, registry, {seed, "offline"});

  ProducerSettings stream = config.stream;
  stream.lags = true;
  stream.rate = 1;
  stream.partitions = 1;
  stream.label_every = budget.every;
  stream.label_delay = budget.delay;
  log.ensure_topic(stream.topic, 1);
  Producer producer(log, store, clock, stream, "run1", config.model.target, stages);
  ModelSlot slot;
  ConsumerIdentity identity;
  identity.topic = stream.topic;
  identity.run_id = "run1";
  identity.neighbours = config.judge.neighbours;
  InferenceConsumer consumer(log, store, clock, config.inference, identity, slot);
  Guard guard(store, clock, config.inference, config.registry, identity.member, slot);
  MonitorOptions watching;
  watching.topic = stream.topic;
  watching.run_id = "run1";
  watching.seed = seed;
  Monitor monitor(log, store, clock, config.drift, watching);
  RetrainerOptions training;
  training.topic = stream.topic;
  training.run_id = "run1";
  training.target = config.model.target;
  training.family = config.model.family;
  training.seed = seed;
  Retrainer retrainer(log, store, clock, config.tuning, config.registry, training, offline);
  JudgeOptions judging;
  judging.topic = stream.topic;
  judging.run_id = "run1";
  Judge judge(log, store, clock, config.judge, config.registry, judging);
  LoopParts parts;
  parts.producer = &producer;
  parts.consumers = {&consumer};
  parts.guards = {&guard};
  parts.observers = {&monitor, &retrainer, &judge};
  const auto cpu = run_virtual(parts, clock, std::chrono::seconds(1), std::chrono::seconds(600));

  std::vector<double> truth;
  std::vector<std::size_t> stage_of;
  for (std::size_t s = 0; s < stages.size(); ++s) {
    const auto& column = stages[s].table.column(*stages[s].table.find(config.model.target));
    truth.insert(truth.end(), column.begin(), column.end());
    stage_of.insert(stage_of.end(), column.size(), s);
  }
  std::vector<double> arrived(truth.size(), std::numeric_limits<double>::quiet_NaN());
  for (std::size_t r = 0; r < truth.size() && budget.every > 0; ++r) {
    if (static_cast<int64_t>(r) % budget.every != 0) continue;
    const std::size_t from = r + static_cast<std::size_t>(std::max<int64_t>(budget.delay, 1));
    if (from < arrived.size()) arrived[from] = truth[r];
  }
  std::map<std::string, std::vector<Scores>> scores;
  for (const char* who : {"frozen", "adaptive", "live", "last label"})
    scores[who].assign(stages.size() + 1, Scores(config.model.epsilon));
  const auto add = [&](const char* who, double prediction, std::size_t row) {
    scores[who][stage_of[row]].add(prediction, truth[row]);
    scores[who].back().add(prediction, truth[row]);
  };
  double last = std::numeric_limits<double>::quiet_NaN();
  for (const auto& row : read_traces(log, stream.topic, "run1").rows) {
    const auto r = static_cast<std::size_t>(row.row);
    if (!std::isnan(arrived[r])) last = arrived[r];
    add("frozen", static_cast<double>(row.pred_orig), r);
    add("adaptive", static_cast<double>(row.pred_adj), r);
    add("live", static_cast<double>(row.pred_live), r);
    add("last label", last, r);
  }
  Judged judged;
  for (const auto& [who, all] : scores)
    for (const auto& stage : all) judged.figures[who].push_back(stage.metrics().acc02);
  const auto counts = judge.counts();
  double seconds = 0;
  for (const auto& [name, used] : cpu) seconds += used;
  judged.effort = to_text(monitor.counts().alarms) + " alarms, " + to_text(retrainer.counts().refits) +
                  " refits (" + to_text(retrainer.counts().restarts) + " anew), " +
                  to_text(counts.promotions) + " promoted, " + to_text(counts.rollbacks) + " returned, " +
                  to_fixed(seconds, 1) + " s";
  for (const auto& judgement : read_judgements(store, "run1"))
    judged.effort += "\n    row " + to_text(judgement.row) + ": " + judgement.reason;
  return judged;
}

std::string mean_and_deviation(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return to_fixed(mean, 3) + (values.size() > 1 ? " ± " + to_fixed(std::sqrt(squares / (n - 1)), 3) : "");
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

  std::cout << "| labels | who |";
  for (const auto& stage : stages) std::cout << " " << stage.name << " |";
  std::cout << " all | worst against frozen |\n|---|---|";
  for (std::size_t s = 0; s < stages.size(); ++s) std::cout << "---|";
  std::cout << "---|---|\n";
  for (const auto& budget : budgets) {
    if (!options.budgets.empty() &&
        std::find(options.budgets.begin(), options.budgets.end(), budget.name) == options.budgets.end())
      continue;
    std::map<std::string, std::vector<std::vector<double>>> by_seed;  // who, column, seed
    std::map<std::string, double> worst;
    for (int64_t seed = 1; seed <= options.seeds; ++seed) {
      const Judged judged = run_loop(options, budget, stages, offline, static_cast<uint64_t>(seed));
      for (const auto& [who, columns] : judged.figures) {
        by_seed[who].resize(columns.size());
        for (std::size_t c = 0; c < columns.size(); ++c) {
          by_seed[who][c].push_back(columns[c]);
          const double gain = columns[c] - judged.figures.at("frozen")[c];
          if (c + 1 < columns.size())
            worst[who] = by_seed[who][c].size() == 1 && c == 0 ? gain : std::min(worst[who], gain);
        }
      }
      std::cerr << budget.name << ", seed " << seed << ": " << judged.effort << "\n";
    }
    for (const char* who : {"frozen", "adaptive", "live", "last label"}) {
      if (budget.every == 0 && std::string(who) == "last label") continue;
      std::cout << "| " << budget.name << " | " << who << " |";
      for (const auto& column : by_seed[who]) std::cout << " " << mean_and_deviation(column) << " |";
      std::cout << " " << to_fixed(worst[who], 3) << " |\n" << std::flush;
    }
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
