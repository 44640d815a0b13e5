// What `drst preprocess` made and met, as JSON: for preprocess.json, dirt.json and `--json`. Pure functions.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "measure/dirt.h"
#include "measure/merge.h"

namespace drst {

/// [{"file", "rows", "columns", "experiments"}, ...]
nlohmann::ordered_json to_json(const std::vector<MergedTable>& tables);
/// {"<kind>": {"count", "files"}, ...}, kinds that were met only.
nlohmann::ordered_json to_json(const DirtTotals& totals);

}  // namespace drst
