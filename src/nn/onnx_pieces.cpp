#include "nn/onnx_pieces.h"

#include <nlohmann/json.hpp>
#include <set>

#include "base/text.h"

namespace drst {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw ModelError("model file: " + what); }

void describe_value(onnx::ValueInfoProto& value, const std::string& name, std::size_t columns) {
  value.set_name(name);
  auto& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx::TensorProto::FLOAT);
  tensor.mutable_shape()->add_dim()->set_dim_param("N");
  tensor.mutable_shape()->add_dim()->set_dim_value(static_cast<int64_t>(columns));
}

/// The names as a JSON list; readers match inputs by them, so each must be text and stand once.
std::string names_as_json(const std::vector<std::string>& names) {
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size())
    throw InputError("model file: two inputs have the same name");
  try {
    return nlohmann::json(names).dump();
  } catch (const nlohmann::json::exception&) {
    throw InputError("model file: the name of an input is not UTF-8; rename the column");
  }
}

/// NaN -> the same row's value in another column.
std::vector<int32_t> read_stand_ins(OnnxGraph& graph, const std::string& value) {
  const auto& where = graph.need(value, "Where", 3);
  const auto& absent = graph.need(where.input(0), "IsNaN", 1);
  const auto& gather = graph.need(where.input(1), "Gather", 2);
  if (absent.input(0) != graph.input() || gather.input(0) != graph.input() || where.input(2) != graph.input())
    refuse("stand-ins must work on the input");
  if (gather.attribute_size() != 1 || gather.attribute(0).name() != "axis" || gather.attribute(0).i() != 1)
    refuse("Gather node '" + gather.name() + "' must take columns (axis 1)");
  std::vector<int32_t> stand_in;
  const auto columns = graph.indices(gather.input(1), graph.inputs());
  for (std::size_t i = 0; i < columns.size(); ++i)
    stand_in.push_back(columns[i] == i ? -1 : static_cast<int32_t>(columns[i]));
  return stand_in;
}

}  // namespace

void write_ends(onnx::GraphProto& graph, std::size_t inputs) {
  describe_value(*graph.add_input(), "counters", inputs);
  describe_value(*graph.add_output(), "prediction", 1);
}

std::string write_filled(GraphWriter& graph, const std::vector<int32_t>& stand_in,
                         const std::vector<float>& impute) {
  std::string value = "counters";
  if (!stand_in.empty()) {  // an input without one stands in for itself
    std::vector<int64_t> columns;
    columns.reserve(stand_in.size());
    for (const int32_t other : stand_in)
      columns.push_back(other >= 0 ? other : static_cast<int64_t>(columns.size()));
    const std::string others = graph.gather_columns(value, graph.indices("stand_in", columns), "others");
    const std::string absent = graph.node("IsNaN", {value}, "absent");
    value = graph.node("Where", {absent, others, value}, "stood_in");
  }
  const std::string missing = graph.node("IsNaN", {value}, "missing");
  return graph.node("Where", {missing, graph.row("impute", impute), value}, "filled");
}

void write_header(onnx::ModelProto& model, std::map<std::string, std::string> metadata,
                  const std::vector<std::string>& feature_names, const std::string& family) {
  model.set_ir_version(8);
  model.set_producer_name("drst");
  auto& opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(17);
  metadata["feature_names"] = names_as_json(feature_names);
  metadata.try_emplace("family", family);
  for (const auto& [key, value] : metadata) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
}

Filled read_filled(OnnxGraph& graph, const std::string& filled) {
  const auto* where = graph.maker(filled, "Where", 3);
  if (where == nullptr) refuse("missing inputs are not imputed");
  Filled result;
  result.impute = graph.floats(where->input(1), {graph.inputs()});
  const std::string& value = where->input(2);
  if (graph.need(where->input(0), "IsNaN", 1).input(0) != value)
    refuse("imputation looks at another value than it fills");
  if (value != graph.input()) result.stand_in = read_stand_ins(graph, value);
  return result;
}

std::map<std::string, std::string> read_metadata(const onnx::ModelProto& model) {
  std::map<std::string, std::string> entries;
  for (const auto& entry : model.metadata_props())
    if (!entries.emplace(entry.key(), entry.value()).second)
      refuse("the metadata key '" + entry.key() + "' stands twice");
  return entries;
}

std::vector<std::string> read_feature_names(const std::map<std::string, std::string>& metadata,
                                            std::size_t inputs) {
  const auto found = metadata.find("feature_names");
  if (found == metadata.end()) refuse("the metadata lack feature_names");
  const auto json = nlohmann::json::parse(found->second, nullptr, false);
  if (!json.is_array() || json.size() != inputs)
    refuse("feature_names must be a JSON list of " + to_text(inputs) + " names");
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const auto& name : json) {
    if (!name.is_string() || !seen.insert(name.get<std::string>()).second)
      refuse("feature_names holds no text, or a name twice");
    names.push_back(name.get<std::string>());
  }
  return names;
}

}  // namespace drst
