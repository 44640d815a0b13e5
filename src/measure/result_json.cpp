#include "measure/result_json.h"

namespace drst {

nlohmann::ordered_json to_json(const std::vector<MergedTable>& tables) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const auto& table : tables)
    json.push_back({{"file", table.file},
                    {"rows", table.rows},
                    {"columns", table.columns},
                    {"experiments", table.experiments}});
  return json;
}

nlohmann::ordered_json to_json(const DirtTotals& totals) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (std::size_t i = 0; i < dirt_kinds; ++i)
    if (totals.counts[i] > 0)
      json[std::string(to_text(static_cast<Dirt>(i)))] = {{"count", totals.counts[i]},
                                                          {"files", totals.files[i]}};
  return json;
}

}  // namespace drst
