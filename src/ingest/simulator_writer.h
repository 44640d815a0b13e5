// Simulated seconds as files: a CSV that is written as rows come (a month of seconds in constant memory), and
// a whole data folder like the published one, for a first run without any real table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <ostream>

#include "ingest/simulator.h"

namespace drst {

/// Columns as published: an unnamed index that restarts at each experiment, then columns(); numbers as the
/// shortest text that reads back equal, an empty field for NaN. Returns the rows written. `going_on` is asked
/// now and then with the rows so far and ends the writing by returning false. FailedError if the stream fails
/// (disk full).
int64_t write_simulated_csv(std::ostream& out, Simulator& simulator,
                            const std::function<bool(int64_t)>& going_on = nullptr);

/// The same into a file, which is put in place only when complete (temporary file, sync, rename). Needs
/// spec.rows > 0.
int64_t simulate_csv_file(const std::filesystem::path& path, const SimulationSpec& spec);

/// InputError where simulate_data_folder would have one for these settings.
void check(const SimulatorSettings& settings);

/// combined.csv (1790 rows), random_rates.csv (1790), resource_stimulus_global_A-B-C_modified.csv (2284),
/// intervention_global.csv (2284), dag-1_resource_stimulus_global_A-B-C.csv (2229) and
/// dag-2_resource_stimulus_global_A-B-C.csv (2229) under `folder` (made if missing), and SIMULATED.txt that
/// says so. Files that are there already are refused (InputError): real tables are never overwritten.
void simulate_data_folder(const std::filesystem::path& folder, uint64_t seed,
                          const SimulatorSettings& settings = {});

}  // namespace drst
