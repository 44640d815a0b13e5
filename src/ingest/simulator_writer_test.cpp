#include "ingest/simulator_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "table/csv.h"

namespace drst {
namespace {

SimulationSpec small(int64_t rows) {
  SimulationSpec spec;
  spec.scenario = Scenario::resource_stimulus;
  spec.rows = rows;
  spec.settings.uncounted_rate = 0.05;
  return spec;
}

TEST(SimulatedCsv, ReadsBackEqualWithItsExperiments) {
  const SimulationSpec spec = small(300);
  Simulator simulator(spec);
  std::ostringstream out;
  EXPECT_EQ(write_simulated_csv(out, simulator), 300);
  const Table back = parse_csv(out.str(), "simulated"), table = simulate_table(spec);
  ASSERT_EQ(back.names(), table.names());
  EXPECT_EQ(back.experiment_starts(), table.experiment_starts());
  for (std::size_t c = 0; c < table.columns(); ++c)
    for (std::size_t r = 0; r < table.rows(); ++r)
      EXPECT_TRUE(back.at(r, c) == table.at(r, c) ||
                  (std::isnan(back.at(r, c)) && std::isnan(table.at(r, c))));
  EXPECT_EQ(out.str(), to_csv(table)) << "streamed and whole tables are the same text";
}

TEST(SimulatedCsv, EndsWhenAsked) {
  SimulationSpec spec = small(0);
  Simulator simulator(spec);
  std::ostringstream out;
  const int64_t rows = write_simulated_csv(out, simulator, [](int64_t so_far) { return so_far < 1000; });
  EXPECT_GE(rows, 1000);
  EXPECT_LT(rows, 1400) << "asked every 64 kB";
}

TEST(SimulatedCsv, AFailingStreamIsAnErrorWithItsRow) {
  std::ofstream full("/dev/full");
  Simulator simulator(small(2000));
  EXPECT_THROW(write_simulated_csv(full, simulator), FailedError);
}

TEST(SimulatedCsv, AnUnfinishedFileIsNotLeftBehind) {
  const TemporaryFolder folder;
  SimulationSpec bad = small(10);
  bad.settings.event_noise.clear();
  EXPECT_THROW(simulate_csv_file(folder.path() / "x.csv", bad), InputError);
  EXPECT_THROW(simulate_csv_file(folder.path() / "x.csv", small(0)), InputError);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SimulatedFolder, LooksLikeThePublishedOneAndSaysWhatItIs) {
  const TemporaryFolder folder;
  const auto data = folder.path() / "data";
  simulate_data_folder(data, 11);
  EXPECT_TRUE(std::filesystem::exists(data / "SIMULATED.txt"));
  const Table combined = read_csv(data / "combined.csv");
  EXPECT_EQ(combined.rows(), 1790U);
  EXPECT_EQ(combined.experiment_starts().size(), 10U);
  EXPECT_EQ(combined.names(), ChainSchema().all_names());
  EXPECT_EQ(read_csv(data / "resource_stimulus_global_A-B-C_modified.csv").rows(), 2284U);
  EXPECT_EQ(read_csv(data / "dag-1_resource_stimulus_global_A-B-C.csv").rows(), 2229U);
  EXPECT_TRUE(
      read_csv(data / "dag-2_resource_stimulus_global_A-B-C.csv").find("flow_tracker_cycles").has_value());
  EXPECT_TRUE(std::filesystem::exists(data / "random_rates.csv"));
  EXPECT_TRUE(std::filesystem::exists(data / "intervention_global.csv"));
}

TEST(SimulatedFolder, NeverReplacesATable) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "combined.csv") << "real\n";
  EXPECT_THROW(simulate_data_folder(folder.path(), 1), InputError);
  EXPECT_EQ(read_file(folder.path() / "combined.csv"), "real\n");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "random_rates.csv"));
}

}  // namespace
}  // namespace drst
