#include <onnx/onnx_pb.h>

#include "base/error.h"
#include "base/text.h"
#include "learn/mixture.h"
#include "learn/mixture_parts.h"

namespace drst::learn {
namespace {

/// Every value's name but the shared input's, changed by `rename`.
template <class Rename>
void rename_values(onnx::GraphProto& graph, const Rename& rename) {
  const auto change = [&](std::string* name) {
    if (!name->empty() && *name != mixture_input) *name = rename(*name);
  };
  for (auto& node : *graph.mutable_node()) {
    for (auto& name : *node.mutable_input()) change(&name);
    for (auto& name : *node.mutable_output()) change(&name);
    change(node.mutable_name());
  }
  for (auto& tensor : *graph.mutable_initializer()) change(tensor.mutable_name());
}

std::string metadata_of(const onnx::ModelProto& model, const char* key) {
  for (const auto& entry : model.metadata_props())
    if (entry.key() == key) return entry.value();
  return {};
}

void add_scalar(onnx::GraphProto& graph, const std::string& name, float value) {
  auto& tensor = *graph.add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.set_raw_data(&value, sizeof value);
}

void add_node(onnx::GraphProto& graph, const char* op, const std::vector<std::string>& inputs,
              const std::string& output) {
  auto& node = *graph.add_node();
  node.set_op_type(op);
  node.set_name(output);
  for (const auto& input : inputs) node.add_input(input);
  node.add_output(output);
}

}  // namespace

std::string mixture_prefix(std::size_t member) { return "m" + to_text(member) + "/"; }
std::string mixture_weight(std::size_t member) { return "weight" + to_text(member); }

void write_mixture_tail(onnx::GraphProto& graph, const std::vector<float>& weights, bool geometric) {
  if (geometric) add_scalar(graph, "least", least_prediction);
  std::string sum;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const std::string name = to_text(k);
    std::string value = mixture_prefix(k) + mixture_output;
    if (geometric) {
      add_node(graph, "Max", {value, "least"}, "positive" + name);
      add_node(graph, "Log", {"positive" + name}, "logarithm" + name);
      value = "logarithm" + name;
    }
    add_scalar(graph, mixture_weight(k), weights[k]);
    add_node(graph, "Mul", {value, mixture_weight(k)}, "weighted" + name);
    const bool last = k + 1 == weights.size();
    const std::string out = last && !geometric ? mixture_output : "sum" + name;
    if (k == 0) {
      add_node(graph, "Identity", {"weighted0"}, out);
    } else {
      add_node(graph, "Add", {sum, "weighted" + name}, out);
    }
    sum = out;
  }
  if (geometric) add_node(graph, "Exp", {sum}, mixture_output);
}

std::string mixture_to_onnx(std::span<const MixtureMember> members, bool geometric,
                            std::map<std::string, std::string> metadata) {
  onnx::ModelProto mixture;
  std::map<std::string, int64_t> opsets;
  std::vector<float> weights;
  for (std::size_t k = 0; k < members.size(); ++k) {
    onnx::ModelProto model;
    if (!model.ParseFromString(members[k].model->to_onnx({})))
      throw FailedError("model file: protobuf could not read the mixture's member " + to_text(k));
    for (const auto& opset : model.opset_import())
      opsets[opset.domain()] = std::max(opsets[opset.domain()], opset.version());
    auto& graph = *model.mutable_graph();
    rename_values(graph, [&](const std::string& name) { return mixture_prefix(k) + name; });
    if (k == 0) {
      mixture.set_ir_version(model.ir_version());
      mixture.set_producer_name(model.producer_name());
      mixture.mutable_graph()->set_name("drst_mixture");
      *mixture.mutable_graph()->mutable_input() = graph.input();
      *mixture.mutable_graph()->mutable_output() = graph.output();
      metadata.try_emplace("feature_names", metadata_of(model, "feature_names"));
    }
    mixture.mutable_graph()->mutable_node()->MergeFrom(graph.node());
    mixture.mutable_graph()->mutable_initializer()->MergeFrom(graph.initializer());
    metadata["member" + to_text(k)] = metadata_of(model, "family");
    weights.push_back(members[k].weight);
  }
  write_mixture_tail(*mixture.mutable_graph(), weights, geometric);
  for (const auto& [domain, version] : opsets) {
    auto& opset = *mixture.add_opset_import();
    opset.set_domain(domain);
    opset.set_version(version);
  }
  metadata[members_key] = to_text(members.size());
  for (const auto& [key, value] : metadata) {
    auto& entry = *mixture.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  std::string bytes;
  if (!mixture.SerializeToString(&bytes))
    throw FailedError("model file: protobuf could not write the mixture");
  return bytes;
}

}  // namespace drst::learn
