#include <nlohmann/json.hpp>

#include "drift/monitor_state.h"

namespace drst {

namespace {
nlohmann::ordered_json tiers(const double* thresholds) {
  return {{"A", thresholds[0]}, {"B", thresholds[1]}, {"C", thresholds[2]}};
}

/// Whatever bytes a name is made of.
std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}
}  // namespace

void Monitor::State::publish_signal() {
  nlohmann::ordered_json json;
  json["row"] = latest->row;
  json["phase"] = detector.phase();
  json["signal_bits"] = latest->signal;
  json["thresholds_bits"] = tiers(latest->thresholds);
  json["threshold_errors_bits"] = tiers(latest->errors);
  json["calibrated_on"] = detector.calibrated_on();
  auto& recent = json["recent"] = nlohmann::ordered_json::array();
  for (const auto& voice : latest->recent)
    recent.push_back({{"records", voice.records},
                      {"signal_bits", voice.signal},
                      {"thresholds_bits", tiers(voice.thresholds.data())},
                      {"threshold_errors_bits", tiers(voice.errors.data())}});
  auto& features = json["features"] = nlohmann::ordered_json::object();
  const auto& columns = detector.columns();
  for (std::size_t f = 0; f < latest->by_feature.size() && f < columns.size(); ++f)
    features[columns[f]] = latest->by_feature[f];
  const DriftInput input = detector.input();
  json["input"] = {{"infinite_cells", input.infinite_cells},
                   {"ignored_columns", input.ignored_columns},
                   {"constant_columns", input.constant.size()},
                   {"duplicated_columns", input.duplicated.size()},
                   {"columns_the_history_lacks", detector.history_lacks().size()}};
  json["when"] = to_iso8601(clock.now());
  store.put("results/drift_signal.json", text_of(json));
  last_published = clock.now();
}

void Monitor::State::publish_done(const std::string& reason) {
  const auto read = reader.counts();
  nlohmann::ordered_json json;
  json["reason"] = reason;
  json["run_id"] = reader.run_id();
  json["records"] = counts.records;
  json["unusable"] = read.unusable;
  json["late"] = read.late;
  json["alarms"] = counts.alarms;
  json["stale_locks"] = counts.stale_locks;
  json["phase"] = detector.phase();
  if (counts.records < static_cast<uint64_t>(settings.window))
    json["note"] =
        "fewer records than a window of " + std::to_string(settings.window) + ": nothing could be compared";
  store.put("results/monitor_done.flag", text_of(json));
}

}  // namespace drst
