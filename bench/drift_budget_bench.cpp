// Are false alarms as rare as the budget says? Worlds that do not change, for a long time, many baselines.
//
//   drift_budget_bench [--hours H]... [--baselines N] [--times T] [--history ROWS] [--world NAME]
//                      [--set drift.key=value]
//
// Each baseline is the head of a world of its own, calibrated on another history of that world (ROWS of it,
// before the stream begins); the detector then watches T budgets, each alarm acknowledged at once. Printed:
// mean time between alarms over all (watched hours by alarms), how often each voice raised them, and the
// spread of the rate over baselines. Worlds: two scenarios of the simulator, an autoregressive one without
// experiments.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/text.h"
#include "drift/detector.h"
#include "ingest/simulator.h"

namespace drst {
namespace {

/// A world's records without end: fills `values`; true where an experiment begins.
struct World {
  std::vector<std::string> columns;
  std::function<bool(std::vector<double>&)> next;
};

World simulated(Scenario scenario, uint64_t seed) {
  SimulationSpec spec;
  spec.scenario = scenario;
  spec.seed = seed;
  auto simulator = std::make_shared<Simulator>(spec);
  auto second = std::make_shared<SimulatedSecond>();
  World world;
  const std::size_t kpis = ChainSchema{}.kpis.size();
  world.columns.assign(simulator->columns().begin() + static_cast<std::ptrdiff_t>(kpis),
                       simulator->columns().end());
  world.next = [simulator, second, kpis](std::vector<double>& values) {
    simulator->next(*second);
    values.assign(second->values.begin() + static_cast<std::ptrdiff_t>(kpis), second->values.end());
    return second->row_in_experiment == 0;
  };
  return world;
}

/// Twenty counters that follow two hidden ones, correlation 0.9 from record to record.
World autoregressive(uint64_t seed) {
  World world;
  for (int i = 0; i < 20; ++i) world.columns.push_back("v" + to_text(i % 5) + "_e" + to_text(i / 5));
  auto random = std::make_shared<Random>(seed);
  auto hidden = std::make_shared<std::vector<double>>(2, 0.0);
  world.next = [random, hidden](std::vector<double>& values) {
    for (double& x : *hidden) x = 0.9 * x + std::sqrt(1 - 0.81) * random->normal();
    values.clear();
    for (int i = 0; i < 20; ++i)
      values.push_back((*hidden)[static_cast<std::size_t>(i % 2)] + random->normal());
    return false;
  };
  return world;
}

struct Outcome {
  double rows = 0;
  std::size_t alarms = 0, on_history = 0, calibrations = 0;
  std::map<std::string, std::size_t> voices;
  std::vector<double> rates;  // a baseline: alarms over the expected number
};

void one_baseline(World world, const DriftSettings& settings, std::size_t history_rows, double rows,
                  uint64_t seed, Outcome& outcome) {
  std::vector<double> values;
  auto history = std::make_shared<DriftHistory>();
  history->columns = world.columns;
  history->starts.push_back(0);
  for (std::size_t r = 0; r < history_rows; ++r) {
    if (world.next(values) && r > 0) history->starts.push_back(r);
    history->values.insert(history->values.end(), values.begin(), values.end());
  }
  DriftDetector detector(settings, seed);
  if (history_rows > 0) detector.set_history(history);
  std::size_t alarms = 0;
  std::string calibrated;
  for (int64_t row = 0; row < static_cast<int64_t>(rows); ++row) {
    world.next(values);
    if (const auto alarm = detector.push(row, world.columns, values)) {
      ++alarms;
      ++outcome.voices[alarm->voice];
      detector.acknowledge();
    }
    ++outcome.calibrations;
    if (detector.calibrated_on() == "history") ++outcome.on_history;
  }
  outcome.alarms += alarms;
  outcome.rows += rows;
  outcome.rates.push_back(static_cast<double>(alarms));
}

int run(int argc, char** argv) {
  std::vector<double> hours;
  std::size_t baselines = 20;
  std::size_t history = 1790;
  double times = 3;
  std::string only;
  DriftSettings settings;
  Settings all;
  all.add("drift", settings);
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string argument = argv[i];
    const std::string value = argv[i + 1];
    if (argument == "--hours")
      hours.push_back(std::stod(value));
    else if (argument == "--baselines")
      baselines = std::stoul(value);
    else if (argument == "--times")
      times = std::stod(value);
    else if (argument == "--history")
      history = std::stoul(value);
    else if (argument == "--world")
      only = value;
    else if (argument == "--set")
      all.set(value);
    else
      throw InputError("unknown argument " + argument + "; see the head of bench/drift_budget_bench.cpp");
  }
  if (hours.empty()) hours = {1, 6, 24};
  const std::vector<std::pair<std::string, std::function<World(uint64_t)>>> worlds = {
      {"baseline", [](uint64_t seed) { return simulated(Scenario::baseline, seed); }},
      {"resource-stimulus", [](uint64_t seed) { return simulated(Scenario::resource_stimulus, seed); }},
      {"autoregressive", autoregressive}};
  std::printf(
      "| world | history, rows | budget, h | watched, days | alarms | hours between | by budget | baselines "
      "without | "
      "most of one, by budget | on history | by voice |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n");
  for (const auto& [name, make] : worlds) {
    if (name.find(only) == std::string::npos) continue;
    for (const double budget : hours) {
      settings.calibration.budget_hours = {budget, 7 * budget, 30 * budget};
      const double rows = times * budget * 3600 / settings.calibration.row_s;
      Outcome outcome;
      for (uint64_t seed = 1; seed <= baselines; ++seed)
        one_baseline(make(seed), settings, history, rows, seed, outcome);
      const double watched = outcome.rows * settings.calibration.row_s / 3600;
      const double between = watched / static_cast<double>(std::max<std::size_t>(outcome.alarms, 1));
      std::string voices;
      for (const auto& [voice, count] : outcome.voices) voices += voice + " " + to_text(count) + " ";
      std::printf("| %s | %zu | %g | %.0f | %zu | %.1f | %.2f | %.2f | %.1f | %.2f | %s|\n", name.c_str(),
                  history, budget, watched / 24, outcome.alarms, between, between / budget,
                  static_cast<double>(std::count(outcome.rates.begin(), outcome.rates.end(), 0.0)) /
                      static_cast<double>(baselines),
                  *std::max_element(outcome.rates.begin(), outcome.rates.end()) / times,
                  static_cast<double>(outcome.on_history) / static_cast<double>(outcome.calibrations),
                  voices.c_str());
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace
}  // namespace drst

int main(int argc, char** argv) {
  try {
    return drst::run(argc, argv);
  } catch (const drst::Error& error) {
    std::fprintf(stderr, "drift_budget_bench: %s\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}
