#include "registry/events.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/log.h"
#include "base/text.h"
#include "registry/json_fields.h"
#include "registry/keys.h"
#include "registry/registry.h"

namespace drst {

namespace {
constexpr const char* drift_prefix = "results/drift/";
constexpr const char* retrain_prefix = "results/retrains/";
constexpr const char* swap_prefix = "results/swaps/";
constexpr std::size_t row_digits = 12;

std::string padded(int64_t row) {
  std::string digits = to_text(row);
  if (digits.size() < row_digits && row >= 0) digits.insert(0, row_digits - digits.size(), '0');
  return digits;
}

template <class Event, class Read>
std::vector<Event> read_all(ObjectStore& store, const char* prefix, const Read& read) {
  std::vector<Event> events;
  for (const auto& key : store.list(prefix)) {
    try {
      const auto text = store.get(key, max_json_bytes);
      if (text) events.push_back(read(JsonFields(*text, key)));
    } catch (const InputError& error) {
      // A report is still worth having without it.
      log::warning(error.what() + std::string("; this event is left out"));
    }
  }
  return events;
}
}  // namespace

std::string run_of_event(std::string_view id) {
  const auto dash = id.rfind('-');
  if (dash == std::string_view::npos || !parse_int(id.substr(dash + 1))) return {};
  return std::string(id.substr(0, dash));
}

void write_event(ObjectStore& store, const DriftEvent& event) {
  nlohmann::ordered_json object;
  object["id"] = event.id;
  object["stage"] = event.stage;
  object["row"] = event.row;
  object["change_row"] = event.change_row;
  object["signal_bits"] = event.signal_bits;
  object["threshold_bits"] = event.threshold_bits;
  object["tier"] = event.tier;
  object["when"] = to_iso8601(event.when);
  object["top_features"] = nlohmann::ordered_json::array();
  for (const auto& share : event.top_features)
    object["top_features"].push_back({{"feature", share.feature}, {"divergence", share.divergence}});
  object["voice"] = event.voice;
  object["threshold_error_bits"] = event.threshold_error;
  object["calibrated_on"] = event.calibrated_on;
  object["vnfs"] = nlohmann::ordered_json::array();
  for (const auto& share : event.vnfs)
    object["vnfs"].push_back({{"vnf", share.vnf}, {"share", share.share}, {"divergence", share.divergence}});
  object["columns_gone"] = event.columns_gone;
  object["columns_new"] = event.columns_new;
  store.put(drift_prefix + keys::part(event.id) + ".json", write_json(object));
}

void write_event(ObjectStore& store, const RetrainEvent& event) {
  nlohmann::ordered_json object;
  object["kind"] = event.kind;
  object["id"] = event.id;
  object["row"] = event.row;
  object["tier"] = event.tier;
  object["candidates"] = event.candidates;
  object["wall_ms"] = event.wall_ms;
  object["val_rmse"] = event.val_rmse;
  object["live_val_rmse"] = event.live_val_rmse;
  object["val_loss"] = event.val_loss;
  object["live_val_loss"] = event.live_val_loss;
  object["baseline_val_loss"] = event.baseline_val_loss;
  object["labels"] = event.labels;
  object["published"] = event.published;
  object["release"] = event.release;
  object["reason"] = event.reason;
  store.put(retrain_prefix + keys::part(event.id) + ".json", write_json(object));
}

void write_event(ObjectStore& store, const SwapEvent& event) {
  nlohmann::ordered_json object;
  object["row"] = event.row;
  object["consumer"] = event.consumer;
  object["release"] = event.release;
  object["load_ms"] = event.load_ms;
  object["rollback"] = event.rollback;
  object["run"] = event.run;
  store.put(swap_prefix + (event.run.empty() ? "" : keys::part(event.run) + "-") +
                keys::part(event.consumer) + "-" + keys::part(release_timestamp(event.release)) + "-" +
                padded(event.row) + ".json",
            write_json(object));
}

std::vector<std::string> drift_event_keys(ObjectStore& store) { return store.list(drift_prefix); }

std::vector<DriftEvent> read_drift_events(ObjectStore& store) {
  auto events = read_all<DriftEvent>(store, drift_prefix, [](const JsonFields& fields) {
    DriftEvent event;
    event.id = fields.text("id");
    event.stage = fields.text("stage");
    event.row = fields.integer("row");
    event.change_row = fields.integer("change_row");
    event.signal_bits = fields.number("signal_bits");
    event.threshold_bits = fields.number("threshold_bits");
    event.tier = fields.text("tier");
    event.when = fields.time("when");
    for (const auto& share : fields.objects("top_features"))
      event.top_features.push_back({share.text("feature"), share.number("divergence")});
    event.voice = fields.text("voice");
    event.threshold_error = fields.number("threshold_error_bits");
    event.calibrated_on = fields.text("calibrated_on");
    for (const auto& share : fields.objects("vnfs"))
      event.vnfs.push_back({share.text("vnf"), share.number("share"), share.number("divergence")});
    event.columns_gone = fields.texts("columns_gone");
    event.columns_new = fields.texts("columns_new");
    return event;
  });
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
    return std::tie(a.row, a.id) < std::tie(b.row, b.id);
  });
  return events;
}

std::vector<RetrainEvent> read_retrain_events(ObjectStore& store) {
  auto events = read_all<RetrainEvent>(store, retrain_prefix, [](const JsonFields& fields) {
    RetrainEvent event;
    event.kind = fields.text_or("kind", event.kind);
    event.id = fields.text("id");
    event.row = fields.integer("row");
    event.tier = fields.text("tier");
    event.candidates = fields.integer("candidates");
    event.wall_ms = fields.number("wall_ms");
    event.val_rmse = fields.number("val_rmse");
    event.live_val_rmse = fields.number("live_val_rmse");
    event.val_loss = fields.number("val_loss");
    event.live_val_loss = fields.number("live_val_loss");
    event.baseline_val_loss = fields.number("baseline_val_loss");
    event.labels = fields.integer("labels");
    event.published = fields.boolean("published");
    event.release = fields.text("release");
    event.reason = fields.text("reason");
    return event;
  });
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
    return std::tie(a.row, a.id) < std::tie(b.row, b.id);
  });
  return events;
}

std::vector<SwapEvent> read_swap_events(ObjectStore& store) {
  auto events = read_all<SwapEvent>(store, swap_prefix, [](const JsonFields& fields) {
    SwapEvent event;
    event.row = fields.integer("row");
    event.consumer = fields.text("consumer");
    event.release = fields.text("release");
    event.load_ms = fields.number("load_ms");
    event.rollback = fields.boolean("rollback");
    event.run = fields.text_or("run", "");
    return event;
  });
  std::stable_sort(events.begin(), events.end(), [](const auto& a, const auto& b) {
    return std::tie(a.row, a.consumer, a.release) < std::tie(b.row, b.consumer, b.release);
  });
  return events;
}

}  // namespace drst
