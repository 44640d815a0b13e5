#include "learn/model_metadata.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "learn/model.h"
#include "nn/onnx.h"

namespace drst {

using nlohmann::json;

namespace learn {
namespace {

/// `json[name]`, a list of numbers; `empty` if none at all will do.
template <class T>
std::vector<T> numbers(const json& from, const char* name, std::size_t inputs, bool empty) {
  const auto refuse = [name, inputs] {
    throw ModelError(std::string("model file: 'scaling' must hold '") + name + "', a list of " +
                     to_text(inputs) + " numbers");
  };
  const auto list = from.find(name);
  if (list == from.end() || !list->is_array() || (list->size() != inputs && !(empty && list->empty())))
    refuse();
  std::vector<T> values;
  for (const auto& value : *list) {
    if (!value.is_number() || !(std::abs(value.get<double>()) <= 1e38)) refuse();
    values.push_back(static_cast<T>(value.get<double>()));
  }
  return values;
}

}  // namespace

std::vector<float> parse_relevance(const std::string& text, std::size_t inputs) {
  if (text.empty()) return {};
  const auto list = json::parse(text, nullptr, false);
  if (!list.is_array() || list.size() != inputs)
    throw ModelError("model file: 'relevance' must be a JSON list of " + to_text(inputs) + " numbers");
  std::vector<float> relevance;
  for (const auto& value : list) {
    const double number = value.is_number() ? value.get<double>() : -1;
    if (!(number >= 0) || !(number <= 1e6))
      throw ModelError("model file: 'relevance' holds what is no number between 0 and 1e6");
    relevance.push_back(static_cast<float>(number));
  }
  return relevance;
}

std::shared_ptr<const Network> parse_scaling(const std::string& text, const TreeEnsemble& ensemble) {
  if (text.empty()) return nullptr;
  const auto object = json::parse(text, nullptr, false);
  if (!object.is_object()) throw ModelError("model file: 'scaling' must be a JSON object");
  const std::size_t inputs = ensemble.inputs.size();
  auto network = std::make_shared<Network>();
  network->inputs = ensemble.inputs;
  network->stand_in = ensemble.stand_in;
  network->impute = ensemble.impute;
  for (const auto flag : numbers<float>(object, "log1p", inputs, false))
    network->log1p.push_back(flag != 0 ? 1 : 0);
  network->log_factor = numbers<float>(object, "log_factor", inputs, true);
  network->shift = numbers<float>(object, "shift", inputs, false);
  network->scale = numbers<float>(object, "scale", inputs, false);
  network->low = numbers<float>(object, "low", inputs, true);
  network->high = numbers<float>(object, "high", inputs, true);
  network->exponential = ensemble.exponential;
  network->layers = {{inputs, 1, std::vector<float>(inputs, 0.0F), {0}}};
  try {
    network->check();
  } catch (const InputError& error) {
    throw ModelError("model file: 'scaling' does not fit: " + std::string(error.what()));
  }
  return network;
}

}  // namespace learn

std::string relevance_text(std::span<const float> relevance) {
  if (relevance.empty()) return {};
  return json(std::vector<float>(relevance.begin(), relevance.end())).dump();
}

std::string scaling_text(const Network& scaling) {
  return json{{"log1p", scaling.log1p}, {"log_factor", scaling.log_factor},
              {"shift", scaling.shift}, {"scale", scaling.scale},
              {"low", scaling.low},     {"high", scaling.high}}
      .dump();
}

}  // namespace drst
