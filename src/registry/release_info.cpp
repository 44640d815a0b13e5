#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "registry/json_fields.h"
#include "registry/registry.h"

namespace drst {

namespace {
// What protobuf can hold; no file of this size is read into memory on the word of a metrics object.
constexpr std::uint64_t max_model_bytes = (std::uint64_t{1} << 31) - 1;

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}
}  // namespace

std::string to_json(const ReleaseInfo& info) {
  nlohmann::ordered_json object;
  object["model_key"] = info.model_key;
  object["metrics_key"] = info.metrics_key;
  object["created"] = to_iso8601(info.created);
  object["family"] = info.family;
  object["target"] = info.target;
  object["inputs"] = info.inputs;
  object["sha256"] = info.sha256;
  object["size"] = info.size;
  object["parent"] = info.parent;
  object["role"] = info.role;
  object["state"] = info.state;
  object["trigger"] = info.trigger;
  object["data_sha256"] = info.data_sha256;
  object["labels"] = info.labels;
  object["seed"] = info.seed;
  object["code_version"] = info.code_version;
  object["gain_over_baseline"] = info.gain_over_baseline;
  object["gain_over_live"] = info.gain_over_live;
  object["settings"] = info.settings;
  object["metrics"] = info.metrics;
  return write_json(object);
}

ReleaseInfo parse_release_info(std::string_view json, const std::string& source) {
  const JsonFields fields(json, source);
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  ReleaseInfo info;
  info.model_key = fields.text("model_key");
  info.metrics_key = fields.text("metrics_key");
  for (const auto& key : {info.model_key, info.metrics_key}) {
    try {
      check_key(key);
    } catch (const InputError& error) {
      fields.wrong(error.what());
    }
  }
  info.created = fields.time("created");
  info.family = fields.text("family");
  info.target = fields.text_or("target", "");
  info.inputs = fields.texts("inputs");
  info.sha256 = fields.text("sha256");
  if (!is_sha256(info.sha256)) fields.wrong("'sha256' must be 64 lower-case hexadecimal digits");
  info.size = fields.count("size");
  if (info.size == 0 || info.size > max_model_bytes)
    fields.wrong("'size' must be between 1 and " + to_text(max_model_bytes) + " bytes");
  info.parent = fields.text_or("parent", "");
  info.role = fields.text_or("role", "");
  info.state = fields.text_or("state", "challenger");
  info.trigger = fields.text_or("trigger", "");
  info.data_sha256 = fields.text_or("data_sha256", "");
  info.labels = fields.integer_or("labels", 0);
  info.seed = fields.has("seed") ? fields.count("seed") : 0;
  info.code_version = fields.text_or("code_version", "");
  info.gain_over_baseline = fields.number_or("gain_over_baseline", unknown);
  info.gain_over_live = fields.number_or("gain_over_live", unknown);
  if (fields.has("settings")) info.settings = fields.text_map("settings");
  if (fields.has("metrics")) info.metrics = fields.number_map("metrics");
  return info;
}

}  // namespace drst
