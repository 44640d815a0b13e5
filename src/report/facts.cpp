#include <nlohmann/json.hpp>

#include "base/error.h"
#include "report/summary.h"

namespace drst {

using Json = nlohmann::ordered_json;

std::string to_json(const RunFacts& facts) {
  Json json;
  json["run_id"] = facts.run_id;
  json["seed"] = facts.seed;
  json["target"] = facts.target;
  json["family"] = facts.family;
  json["clock"] = facts.clock;
  json["simulated_data"] = facts.simulated_data;
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

RunFacts parse_run_facts(std::string_view text, const std::string& source) {
  RunFacts facts;
  try {
    const auto json = Json::parse(text);
    facts.run_id = json.at("run_id").get<std::string>();
    facts.seed = json.at("seed").get<uint64_t>();
    facts.target = json.at("target").get<std::string>();
    facts.family = json.value("family", "");
    facts.clock = json.value("clock", "virtual");
    facts.simulated_data = json.value("simulated_data", false);
    facts.label_every = json.at("label_every").get<int64_t>();
    facts.label_delay = json.at("label_delay").get<int64_t>();
    facts.epsilon = json.at("epsilon").get<double>();
    facts.wall_s = json.value("wall_s", 0.0);
    facts.stream_wall_s = json.value("stream_wall_s", 0.0);
    facts.produced = json.value("produced", int64_t{0});
    facts.cpu_s = json.value("cpu_s", std::map<std::string, double>{});
    facts.settings = json.value("settings", std::map<std::string, std::string>{});
    facts.code_version = json.value("code_version", "");
  } catch (const nlohmann::json::exception& error) {
    throw InputError(source + " does not describe a run: " + error.what());
  }
  return facts;
}

}  // namespace drst
