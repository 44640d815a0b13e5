#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "registry/json_fields.h"
#include "report/summary.h"

namespace drst {

using Json = nlohmann::ordered_json;

std::string to_json(const RunFacts& facts) {
  Json json;
  json["run_id"] = facts.run_id;
  json["seed"] = facts.seed;
  json["targets"] = facts.targets;
  json["family"] = facts.family;
  json["clock"] = facts.clock;
  json["simulated_data"] = facts.simulated_data;
  json["foreign"] = facts.foreign;
  json["label_every"] = facts.label_every;
  json["label_delay"] = facts.label_delay;
  json["epsilon"] = facts.epsilon;
  json["wall_s"] = facts.wall_s;
  json["stream_wall_s"] = facts.stream_wall_s;
  json["produced"] = facts.produced;
  json["cpu_s"] = facts.cpu_s;
  json["settings"] = facts.settings;
  json["code_version"] = facts.code_version;
  return json.dump(1) + "\n";
}

namespace {
constexpr const char* newest_key = "results/run.json";
std::string key_of(const std::string& run_id) { return "results/runs/" + run_id + ".json"; }
}  // namespace

void put_facts(ObjectStore& store, const RunFacts& facts) {
  const std::string text = to_json(facts);
  store.put(key_of(facts.run_id), text);
  if (!facts.foreign) store.put(newest_key, text);
}

std::optional<RunFacts> find_facts(ObjectStore& store, const std::string& run_id) {
  if (const auto text = store.get(newest_key)) {
    auto newest = parse_run_facts(*text, newest_key);
    if (run_id.empty() || newest.run_id == run_id) return newest;
  }
  if (run_id.empty()) return std::nullopt;
  const auto text = store.get(key_of(run_id));
  return text ? std::optional(parse_run_facts(*text, key_of(run_id))) : std::nullopt;
}

std::string stored_runs(ObjectStore& store) {
  std::vector<std::string> runs;
  constexpr std::string_view prefix = "results/runs/", ending = ".json";
  for (const auto& key : store.list(std::string(prefix)))
    runs.push_back(key.substr(prefix.size(), key.size() - prefix.size() - ending.size()));
  return join(runs, ", ");
}

RunFacts read_facts(ObjectStore& store, const std::string& run_id) {
  if (auto facts = find_facts(store, run_id)) return std::move(*facts);
  constexpr const char* with_log =
      "; for a run of another producer than `drst produce`, name the log, --log, which is all that tells of "
      "it";
  if (run_id.empty())
    throw InputError(store.url() + " holds no run: " + newest_key + " is missing" + with_log);
  const std::string runs = stored_runs(store);
  const std::string known = runs.empty() ? "" : "; it holds " + runs;
  throw InputError(store.url() + " holds no run '" + run_id + "'" + known + with_log);
}

RunFacts parse_run_facts(std::string_view text, const std::string& source) {
  const JsonFields json(text, source);
  RunFacts facts;
  facts.run_id = json.text("run_id");
  facts.seed = json.count("seed");
  facts.targets = json.texts("targets");
  if (facts.targets.empty()) throw InputError(source + " names no target");
  facts.family = json.text_or("family", "");
  facts.clock = json.text_or("clock", "virtual");
  facts.simulated_data = json.has("simulated_data") && json.boolean("simulated_data");
  facts.foreign = json.has("foreign") && json.boolean("foreign");
  facts.label_every = json.integer("label_every");
  facts.label_delay = json.integer("label_delay");
  facts.epsilon = json.number("epsilon");
  if (!(facts.epsilon > 0)) json.wrong("'epsilon' must be a number above 0");
  facts.wall_s = json.number_or("wall_s", 0);
  facts.stream_wall_s = json.number_or("stream_wall_s", 0);
  facts.produced = json.integer_or("produced", 0);
  if (json.has("cpu_s")) facts.cpu_s = json.number_map("cpu_s");
  if (json.has("settings")) facts.settings = json.text_map("settings");
  facts.code_version = json.text_or("code_version", "");
  return facts;
}

}  // namespace drst
