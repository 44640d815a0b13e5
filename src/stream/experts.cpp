#include "stream/experts.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "stream/record.h"

namespace drst {
namespace {

constexpr std::size_t most_bytes = 65'536;
constexpr std::size_t most_experts = 32;
constexpr std::string_view labelled_magic = "DRM1";

using Json = nlohmann::json;

NewRecord record(const nlohmann::ordered_json& json, const std::string& run_id, Time now) {
  NewRecord record;
  record.key = run_id;
  record.value = json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  record.headers = {{std::string(run_id_header), run_id}};
  record.timestamp = now;
  return record;
}

Result<Json> parse(std::string_view text) {
  if (text.size() > most_bytes) return failure("a record of " + to_text(text.size()) + " bytes");
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return failure("not a JSON object");
  return json;
}

std::string text(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<double> number(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::optional<int64_t> integer(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_integer() ? std::optional(found->get<int64_t>())
                                                           : std::nullopt;
}

}  // namespace

std::string experts_topic(const std::string& topic) { return topic + "-experts"; }
std::string proposals_topic(const std::string& topic) { return topic + "-proposals"; }
std::string memory_topic(const std::string& topic) { return topic + "-memory"; }

NewRecord make_record(const LabelledSample& sample, const std::string& run_id, Time now) {
  NewRecord record;
  record.key = run_id;
  record.headers = {{std::string(run_id_header), run_id}};
  record.timestamp = now;
  const auto put = [&record](const void* data, std::size_t size) {
    record.value.append(static_cast<const char*>(data), size);
  };
  const auto inputs = static_cast<uint32_t>(sample.raw.size());
  record.value = labelled_magic;
  put(&sample.row, sizeof sample.row);
  put(&sample.label, sizeof sample.label);
  put(&sample.frozen, sizeof sample.frozen);
  put(&inputs, sizeof inputs);
  if (inputs > 0) put(sample.raw.data(), sample.raw.size() * sizeof(float));
  return record;
}

Result<LabelledSample> decode_labelled(std::string_view bytes) {
  LabelledSample sample;
  uint32_t inputs = 0;
  constexpr std::size_t head =
      4 + sizeof sample.row + sizeof sample.label + sizeof sample.frozen + sizeof inputs;
  if (bytes.size() < head || !bytes.starts_with(labelled_magic)) return failure("not a labelled row");
  const char* at = bytes.data() + labelled_magic.size();
  const auto take = [&at](void* to, std::size_t size) {
    std::memcpy(to, at, size);
    at += size;
  };
  take(&sample.row, sizeof sample.row);
  take(&sample.label, sizeof sample.label);
  take(&sample.frozen, sizeof sample.frozen);
  take(&inputs, sizeof inputs);
  if ((bytes.size() - head) / sizeof(float) != inputs || (bytes.size() - head) % sizeof(float) != 0)
    return failure("a labelled row of " + to_text(bytes.size()) + " bytes says it has " + to_text(inputs) +
                   " inputs");
  sample.raw.resize(inputs);
  if (inputs > 0) take(sample.raw.data(), inputs * sizeof(float));
  return sample;
}

NewRecord make_record(const Proposal& proposal, Time now) {
  nlohmann::ordered_json json;
  json["run_id"] = proposal.run_id;
  json["row"] = proposal.row;
  json["line"] = proposal.line;
  json["model_key"] = proposal.model_key;
  json["metrics_key"] = proposal.metrics_key;
  json["candidate"] = proposal.candidate;
  return record(json, proposal.run_id, now);
}

NewRecord make_record(const ExpertState& state, Time now) {
  nlohmann::ordered_json json;
  json["run_id"] = state.run_id;
  json["row"] = state.row;
  json["labels"] = state.labels;
  json["last_label"] = nullptr;
  if (state.last_label) json["last_label"] = *state.last_label;
  auto& experts = json["experts"] = nlohmann::ordered_json::array();
  for (const auto& expert : state.experts) {
    nlohmann::ordered_json entry;
    entry["name"] = expert.name;
    if (!expert.model_key.empty()) {
      entry["model_key"] = expert.model_key;
      entry["metrics_key"] = expert.metrics_key;
    }
    entry["weight"] = expert.weight;
    experts.push_back(std::move(entry));
  }
  if (state.ended) json["ended"] = true;
  return record(json, state.run_id, now);
}

Result<Proposal> decode_proposal(std::string_view bytes) {
  const auto json = parse(bytes);
  if (!json) return failure(json.error().reason);
  const auto row = integer(*json, "row");
  Proposal proposal{text(*json, "run_id"),    row.value_or(-1),           text(*json, "line"),
                    text(*json, "model_key"), text(*json, "metrics_key"), true};
  if (!row || proposal.line.empty() || proposal.model_key.empty() || proposal.metrics_key.empty())
    return failure("a proposal needs row, line, model_key and metrics_key");
  if (const auto found = json->find("candidate"); found != json->end() && found->is_boolean())
    proposal.candidate = found->get<bool>();
  return proposal;
}

Result<ExpertState> decode_experts(std::string_view bytes) {
  const auto json = parse(bytes);
  if (!json) return failure(json.error().reason);
  ExpertState state;
  state.run_id = text(*json, "run_id");
  state.row = integer(*json, "row").value_or(-1);
  state.labels = static_cast<uint64_t>(std::max<int64_t>(0, integer(*json, "labels").value_or(0)));
  state.last_label = number(*json, "last_label");
  const auto ended = json->find("ended");
  state.ended = ended != json->end() && ended->is_boolean() && ended->get<bool>();
  const auto experts = json->find("experts");
  if (experts == json->end() || !experts->is_array() || experts->empty() || experts->size() > most_experts)
    return failure("'experts' must be a list of 1 to " + to_text(most_experts));
  double sum = 0;
  for (const auto& entry : *experts) {
    if (!entry.is_object()) return failure("an expert is no object");
    const auto weight = number(entry, "weight");
    ExpertShare share{text(entry, "name"), text(entry, "model_key"), text(entry, "metrics_key"),
                      weight.value_or(-1)};
    if (share.name.empty() || share.weight < 0 || share.weight > 1)
      return failure("an expert needs a name and a weight between 0 and 1");
    sum += share.weight;
    state.experts.push_back(std::move(share));
  }
  if (std::abs(sum - 1) > 1e-6)
    return failure("the weights of the experts are " + to_text(sum) + " together");
  return state;
}

ExpertFollower::ExpertFollower(Log& log, const std::string& topic, std::string run_id)
    : log_(log), topic_(experts_topic(topic)), run_id_(std::move(run_id)) {}

bool ExpertFollower::refresh() {
  if (!exists_ && log_.partitions(topic_) == 0) return false;
  exists_ = true;
  const int64_t end = log_.watermarks(topic_, 0).end;
  bool any = false;
  // What was written while nobody looked is passed over but for the newest few.
  constexpr int64_t tail = 16;
  next_ = std::max(next_, end - tail);
  while (next_ < end) {
    log_.read(topic_, 0, next_, batch_, {});
    if (batch_.empty()) break;
    for (const auto& record : batch_.records()) {
      next_ = record.offset + 1;
      if (!run_id_.empty() && record.header(run_id_header) != run_id_) continue;
      auto state = decode_experts(record.value);
      if (!state) continue;  // of a later version perhaps; the state before stays
      state_ = std::move(*state);
      state_->at = record.timestamp;
      any = true;
    }
  }
  return any;
}

}  // namespace drst
