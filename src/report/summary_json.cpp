// A summary as the text of summary.json.
#include <nlohmann/json.hpp>

#include "report/summary.h"

namespace drst {

using Json = nlohmann::ordered_json;

namespace {

Json metrics_json(const Metrics& metrics) {
  if (metrics.n == 0) return nullptr;
  return Json::parse(to_json(metrics));
}

Json stage_json(const StageResult& stage) {
  Json json;
  json["name"] = stage.name;
  json["first_row"] = stage.first_row;
  json["rows"] = stage.rows;
  json["scored"] = stage.adaptive.n;
  json["baseline"] = metrics_json(stage.baseline);
  json["adaptive"] = metrics_json(stage.adaptive);
  json["label_persistence"] = metrics_json(stage.label_persistence);
  return json;
}

Json event_json(const DriftEvent& event) {
  Json json;
  json["id"] = event.id;
  json["stage"] = event.stage;
  json["row"] = event.row;
  json["change_row"] = event.change_row;
  json["signal_bits"] = event.signal_bits;
  json["threshold_bits"] = event.threshold_bits;
  json["tier"] = event.tier;
  json["top_features"] = Json::array();
  for (const auto& share : event.top_features)
    json["top_features"].push_back({{"feature", share.feature}, {"divergence_bits", share.divergence}});
  json["voice"] = event.voice;
  json["threshold_error_bits"] = event.threshold_error;
  json["calibrated_on"] = event.calibrated_on;
  json["vnfs"] = Json::array();
  for (const auto& share : event.vnfs)
    json["vnfs"].push_back(
        {{"vnf", share.vnf}, {"share", share.share}, {"divergence_bits", share.divergence}});
  json["columns_gone"] = event.columns_gone;
  json["columns_new"] = event.columns_new;
  return json;
}

Json event_json(const RetrainEvent& event) {
  Json json;
  json["kind"] = event.kind;
  json["id"] = event.id;
  json["row"] = event.row;
  json["tier"] = event.tier;
  json["candidates"] = event.candidates;
  json["wall_ms"] = event.wall_ms;
  json["val_rmse"] = event.val_rmse;
  json["live_val_rmse"] = event.live_val_rmse;
  json["val_loss"] = event.val_loss;
  json["live_val_loss"] = event.live_val_loss;
  json["baseline_val_loss"] = event.baseline_val_loss;
  json["labels"] = event.labels;
  json["published"] = event.published;
  json["release"] = event.release;
  json["reason"] = event.reason;
  return json;
}

Json event_json(const Judgement& judgement) {
  return {{"row", judgement.row},
          {"kind", judgement.kind},
          {"from", judgement.from},
          {"to", judgement.to},
          {"labels", judgement.labels},
          {"gain", judgement.gain},
          {"frozen_gain", judgement.frozen_gain},
          {"log_e", judgement.log_e},
          {"log_e_needed", judgement.log_threshold},
          {"reason", judgement.reason}};
}

Json event_json(const SwapResult& event) {
  return {{"row", event.row},
          {"consumer", event.consumer},
          {"release", event.release},
          {"load_ms", event.load_ms},
          {"rollback", event.rollback},
          {"reason", event.reason},
          {"evidence", event.evidence ? event_json(*event.evidence) : Json(nullptr)}};
}

template <class Event>
Json list_json(const std::vector<Event>& events) {
  Json list = Json::array();
  for (const auto& event : events) list.push_back(event_json(event));
  return list;
}

}  // namespace

namespace {

Json records_json(const Summary& summary) {
  return {{"produced", summary.produced},           {"consumed", summary.consumed},
          {"predicted", summary.predicted},         {"duplicates", summary.duplicates},
          {"dead_lettered", summary.dead_lettered}, {"lost", summary.lost}};
}

/// What the run and each of its further targets have alike.
void put_results(Json& json, const Summary& summary) {
  json["stages"] = Json::array();
  for (const auto& stage : summary.stages) json["stages"].push_back(stage_json(stage));
  auto overall = stage_json(summary.overall);
  overall.erase("name");
  overall.erase("first_row");
  overall["labels_used"] = summary.labels_used;
  json["overall"] = std::move(overall);
  json["drift_events"] = list_json(summary.drift_events);
  json["retrains"] = list_json(summary.retrains);
  json["judgements"] = list_json(summary.judgements);
  json["swaps"] = list_json(summary.swaps);
}

}  // namespace

std::string to_json(const Summary& summary) {
  Json json;  // what is no number, JSON has no word for but null
  json["seed"] = summary.facts.seed;
  json["run_id"] = summary.facts.run_id;
  json["clock"] = summary.facts.clock;
  json["target"] = summary.target;
  json["family"] = summary.facts.family;
  json["simulated_data"] = summary.facts.simulated_data;
  json["label_every"] = summary.facts.label_every;
  json["label_delay"] = summary.facts.label_delay;
  json["wall_s"] = summary.facts.wall_s;
  json["notes"] = summary.notes;
  json["records"] = records_json(summary);
  json["throughput_records_per_s"] = summary.throughput_records_per_s;
  put_results(json, summary);
  json["resources"] = Json::object();
  for (const auto& [name, used] : summary.resources)
    json["resources"][name] = {{"cpu_s", used.cpu_s},
                               {"rss_peak_mib", used.rss_peak_mib},
                               {"private_peak_mib", used.private_peak_mib}};
  for (const auto& other : summary.further) {
    Json& of = json["targets"][other.target];
    of["family"] = other.facts.family;
    of["notes"] = other.notes;
    of["records"] = records_json(other);
    put_results(of, other);
  }
  return json.dump(1) + "\n";
}

}  // namespace drst
