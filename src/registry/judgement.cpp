#include "registry/judgement.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "registry/json_fields.h"
#include "registry/keys.h"

namespace drst {
namespace {

constexpr const char* prefix = "results/judgements/";

/// Sorts by row as text.
std::string key_of(const Judgement& judgement) {
  std::string digits = to_text(judgement.row);
  digits.insert(0, digits.size() < 12 ? 12 - digits.size() : 0, '0');
  return prefix + keys::part(judgement.run_id) + "-" + digits + ".json";
}

}  // namespace

void write_judgement(ObjectStore& store, const Judgement& judgement) {
  nlohmann::ordered_json object;
  object["run_id"] = judgement.run_id;
  object["row"] = judgement.row;
  object["kind"] = judgement.kind;
  object["from"] = judgement.from;
  object["to"] = judgement.to;
  object["to_metrics"] = judgement.to_metrics;
  object["log_e"] = judgement.log_e;
  object["log_threshold"] = judgement.log_threshold;
  object["labels"] = judgement.labels;
  object["gain"] = judgement.gain;
  object["frozen_gain"] = judgement.frozen_gain;
  object["reason"] = judgement.reason;
  store.put(key_of(judgement), write_json(object));
}

std::vector<Judgement> read_judgements(ObjectStore& store, const std::string& run_id) {
  std::vector<Judgement> judgements;
  for (const auto& key : store.list(prefix)) {
    try {
      const auto text = store.get(key, max_json_bytes);
      if (!text) continue;
      const JsonFields fields(*text, key);
      Judgement judgement;
      judgement.run_id = fields.text("run_id");
      if (!run_id.empty() && judgement.run_id != run_id) continue;
      judgement.row = fields.integer("row");
      judgement.kind = fields.text("kind");
      judgement.from = fields.text("from");
      judgement.to = fields.text("to");
      judgement.to_metrics = fields.text("to_metrics");
      judgement.log_e = fields.number("log_e");
      judgement.log_threshold = fields.number("log_threshold");
      judgement.labels = fields.integer("labels");
      judgement.gain = fields.number("gain");
      judgement.frozen_gain = fields.number("frozen_gain");
      judgement.reason = fields.text("reason");
      judgements.push_back(std::move(judgement));
    } catch (const InputError& error) {
      log::warning(error.what() + std::string("; this judgement is left out"));
    }
  }
  std::stable_sort(judgements.begin(), judgements.end(),
                   [](const auto& a, const auto& b) { return a.row < b.row; });
  return judgements;
}

}  // namespace drst
