// The offline stage (SPEC 6): a table in, the frozen baseline and the first adaptive release out.
//
// Reads, cleans, splits in time, trains (families.h), then publishes in this order, each step repeatable
// after a crash: models/feature_cols.json (all candidate columns), models/selected_feats.json (the inputs of
// the model, in order), the baseline release, models/baseline.txt, the first adaptive release (the same
// weights), models/latest.txt. A store that has a baseline of the same data, seed and settings is left as it
// is and completed; of others, it is refused.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "learn/families.h"
#include "learn/settings.h"
#include "registry/registry.h"
#include "store/store.h"
#include "table/table.h"

namespace drst {

struct OfflineOptions {
  uint64_t seed = 1;
  std::string source = "offline table";  ///< names the table in errors and lineage
  std::string target = {};               ///< one of model.targets; empty: the first
  std::vector<double> row_weights = {};  ///< of the table's rows (row_weights.h), above 0; empty: all 1
};

struct OfflineResult {
  ReleaseInfo baseline;
  ReleaseInfo first;    ///< what the pointer names
  Metrics validation;   ///< of the chosen family; all NaN if `reused`
  bool reused = false;  ///< the store had this baseline already
};

/// InputError: no target column, no finite target, too few labelled rows, no usable input, a store with
/// another baseline.
OfflineResult run_offline(const Table& table, const ModelSettings& settings, ObjectStore& store,
                          Registry& registry, const OfflineOptions& options);

/// InputError where run_offline would have one for this table and these settings, without training.
void check_offline(const Table& table, const ModelSettings& settings, const OfflineOptions& options);

/// The training stage alone, without publishing: for trials and tests. `data_sha256` (if given) gets the
/// digest of the data.
TrainedModel train_offline(const Table& table, const ModelSettings& settings, const OfflineOptions& options,
                           std::string* data_sha256 = nullptr);

/// The figures of a release's metrics map: "<prefix>acc@0.2", "<prefix>rmse", ...
void add_metrics(std::map<std::string, double>& figures, const std::string& prefix, const Metrics& metrics);

}  // namespace drst
