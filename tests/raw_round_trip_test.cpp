// The simulator writes raw bundles, dirt by seed; preprocessing returns the table that the simulator would
// have written, less the cells that were spoilt, and counts exactly what was spoilt.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>

#include "base/files.h"
#include "base/text.h"
#include "ingest/simulator_raw.h"
#include "measure/experiment.h"
#include "measure/preprocess.h"
#include "table/csv.h"

namespace drst {
namespace {

RawSpec spec_of(uint64_t seed) {
  RawSpec spec;
  Random random(seed);
  spec.simulation.seed = seed;
  spec.simulation.scenario = static_cast<Scenario>(random.below(4));
  spec.simulation.topology = static_cast<Topology>(random.below(3));
  spec.simulation.experiment_rows = 3 + static_cast<int64_t>(random.below(40));
  spec.simulation.rows = 2 * spec.simulation.experiment_rows + static_cast<int64_t>(random.below(20)) + 3;
  spec.dirt = random.below(4) == 0 ? 0 : random.uniform(0, 0.7);
  return spec;
}

PreprocessSettings settings_of(const RawSpec& spec) {
  PreprocessSettings settings;
  settings.vnfs = Simulator(spec.simulation).vnfs();
  return settings;
}

bool same(double a, double b) { return (std::isnan(a) && std::isnan(b)) || a == b; }

/// Counts by kind, of what was spoilt and of what was found.
std::map<std::string, int64_t> spoilt(const RawBundle& bundle) {
  std::map<std::string, int64_t> counts;
  for (const auto& entry : bundle.dirt) counts[entry.kind] += entry.count;
  return counts;
}
std::map<std::string, int64_t> found(const DirtTotals& totals) {
  std::map<std::string, int64_t> counts;
  for (std::size_t i = 0; i < dirt_kinds; ++i)
    if (totals.counts[i] > 0)
      counts[std::string(to_text(static_cast<Dirt>(i)))] = static_cast<int64_t>(totals.counts[i]);
  return counts;
}

TEST(RawRoundTrip, EveryCellAndEveryCountOverSeeds) {
  const char* wanted = std::getenv("DRST_SIMULATIONS");
  const auto seeds = static_cast<uint64_t>(wanted == nullptr ? 150 : parse_int(wanted).value_or(150));
  std::map<std::string, int64_t> all;
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    const RawSpec spec = spec_of(seed);
    const auto settings = settings_of(spec);
    RawSimulator simulator(spec);
    RawBundle raw;
    for (int number = 0; simulator.next(raw); ++number) {
      SCOPED_TRACE("seed " + to_text(seed) + ", experiment " + to_text(number));
      Bundle bundle;
      for (const auto& [name, text] : raw.files) bundle.files.push_back({name, name, text, {}});
      const Experiment made = make_perf_experiment(bundle, settings);
      ASSERT_EQ(made.table.names(), simulator.columns());
      ASSERT_EQ(made.table.rows(), raw.clean.size());
      std::map<std::pair<int64_t, std::string>, int> cells;
      std::map<std::string, int> files;
      for (const auto& entry : raw.dirt) {
        if (entry.row >= 0) ++cells[{entry.row, entry.column}];
        if (entry.kind == "missing_vnf" || entry.kind == "empty_file" || entry.kind == "missing_file")
          ++files[entry.file];
        all[entry.kind] += entry.count;
      }
      for (std::size_t row = 0; row < raw.clean.size(); ++row) {
        for (std::size_t i = 0; i < made.table.columns(); ++i) {
          const std::string& name = made.table.names()[i];
          const double value = made.table.at(row, i);
          ASSERT_TRUE(same(value, raw.left[row][i]))
              << name << " row " << row << ": " << value << ", not " << raw.left[row][i];
          if (same(value, raw.clean[row][i])) continue;
          const std::string source = i == 0   ? "tx_stats.csv"
                                     : i == 1 ? "rx_stats.csv"
                                     : i == 2 ? "latency.csv"
                                              : name.substr(0, name.rfind('_')) + ".csv";
          ASSERT_TRUE(cells.contains({static_cast<int64_t>(row), name}) || files.contains(source))
              << name << " row " << row;
        }
      }
      auto counts = found(made.totals);
      if (raw.clean.size() == 1) counts.erase("missing_event");  // its only line may have been cut
      ASSERT_EQ(counts, spoilt(raw));
    }
  }
  for (const char* kind :
       {"conflict_marker", "conflict_dropped", "wrapped_missing", "ragged_row", "bad_cell", "crlf", "bom",
        "empty_file", "missing_vnf", "missing_file", "time_backwards", "not_counted", "probe_time_out"})
    EXPECT_GT(all[kind], 0) << kind << " was never tried";
}

TEST(RawRoundTrip, ThroughFoldersWithoutDirtTheTableIsTheSimulators) {
  const TemporaryFolder folder;
  RawSpec spec;
  spec.simulation.scenario = Scenario::random_rates;
  spec.simulation.rows = 120;
  spec.simulation.experiment_rows = 10;  // exp-2 before exp-10
  EXPECT_EQ(simulate_raw_folder(folder.path() / "raw", spec), 120);
  PreprocessRequest request;
  request.inputs = {folder.path() / "raw"};
  request.out = folder.path() / "tables";
  EXPECT_EQ(preprocess(request).experiments, 12U);
  const Table simulated = read_csv(folder.path() / "raw" / "simulated.csv");
  const Table made = read_csv(folder.path() / "tables" / "random-rates.csv");
  ASSERT_EQ(made.names(), simulated.names());
  ASSERT_EQ(made.experiment_starts(), simulated.experiment_starts());
  std::size_t differ = 0;
  for (std::size_t i = 0; i < made.columns(); ++i)
    for (std::size_t row = 0; row < made.rows(); ++row)
      if (!same(made.at(row, i), simulated.at(row, i))) {
        EXPECT_EQ(simulated.at(row, i), 15000) << "a probe's time-out alone may be missing";
        ++differ;
      }
  EXPECT_LT(differ, 120U);
}

}  // namespace
}  // namespace drst
