// Experiments' tables, one after another, as one: the table of a scenario, a named subset, or all.
//
// Experiments come in natural order of scenario and name (exp-2 before exp-10); the index column restarts at
// each. Columns are united by name, in the order of the first table that has them; a cell that an experiment
// lacks is missing. One experiment is in memory at a time.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace drst {

struct MadeExperiment {
  std::string scenario, experiment;
  std::string file;  ///< of its table, below the output folder, without ".csv"
  std::size_t rows = 0;
  std::shared_ptr<const std::vector<std::string>> columns, quality_columns;
  std::string fingerprint;
  std::string duplicate_of;  ///< "scenario/experiment" of an earlier one with the same counters
};

bool natural_less(const MadeExperiment& a, const MadeExperiment& b);

struct MergedTable {
  std::string file;  ///< below the output folder, with ".csv"
  std::size_t rows = 0, columns = 0, experiments = 0;
};

/// Writes <name>.csv, <name>.quality.csv (if any experiment has one) and <name>.provenance.json into
/// `folder`, where the experiments' own files are. Each experiment's provenance is repeated in the merged
/// one, with its first row. FailedError if writing fails.
MergedTable merge_experiments(const std::filesystem::path& folder, const std::string& name,
                              const std::vector<const MadeExperiment*>& experiments);

}  // namespace drst
