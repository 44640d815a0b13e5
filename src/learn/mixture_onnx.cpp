#include <onnx/onnx_pb.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "learn/mixture.h"
#include "nn/onnx.h"

namespace drst::learn {
namespace {

constexpr const char* input_name = "counters";
constexpr const char* output_name = "prediction";

[[noreturn]] void refuse(const std::string& what) { throw ModelError("model file: " + what); }

std::string prefix_of(std::size_t member) { return "m" + to_text(member) + "/"; }

/// Every value's name but the shared input's, changed by `rename`.
template <class Rename>
void rename_values(onnx::GraphProto& graph, const Rename& rename) {
  const auto change = [&](std::string* name) {
    if (!name->empty() && *name != input_name) *name = rename(*name);
  };
  for (auto& node : *graph.mutable_node()) {
    for (auto& name : *node.mutable_input()) change(&name);
    for (auto& name : *node.mutable_output()) change(&name);
    change(node.mutable_name());
  }
  for (auto& tensor : *graph.mutable_initializer()) change(tensor.mutable_name());
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

std::string weight_name(std::size_t member) { return "weight" + to_text(member); }

/// What follows the members' own outputs.
void write_tail(onnx::GraphProto& graph, const std::vector<float>& weights, bool geometric) {
  if (geometric) add_scalar(graph, "least", least_prediction);
  std::string sum;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const std::string name = to_text(k);
    std::string value = prefix_of(k) + output_name;
    if (geometric) {
      add_node(graph, "Max", {value, "least"}, "positive" + name);
      add_node(graph, "Log", {"positive" + name}, "logarithm" + name);
      value = "logarithm" + name;
    }
    add_scalar(graph, weight_name(k), weights[k]);
    add_node(graph, "Mul", {value, weight_name(k)}, "weighted" + name);
    const bool last = k + 1 == weights.size();
    const std::string out = last && !geometric ? output_name : "sum" + name;
    if (k == 0) {
      add_node(graph, "Identity", {"weighted0"}, out);
    } else {
      add_node(graph, "Add", {sum, "weighted" + name}, out);
    }
    sum = out;
  }
  if (geometric) add_node(graph, "Exp", {sum}, output_name);
}

onnx::ModelProto parse(std::string_view bytes, const ModelLimits& limits) {
  if (bytes.size() > limits.network.max_bytes)
    refuse(to_text(bytes.size()) + " bytes; the limit is " + to_text(limits.network.max_bytes));
  onnx::ModelProto model;
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) refuse("not an ONNX model");
  return model;
}

std::string metadata_of(const onnx::ModelProto& model, const char* key) {
  for (const auto& entry : model.metadata_props())
    if (entry.key() == key) return entry.value();
  return {};
}

/// The member whose values have this name; `most` if none has.
std::size_t member_of(const std::string& name, std::size_t most) {
  for (std::size_t k = 0; k < most; ++k)
    if (name.starts_with(prefix_of(k))) return k;
  return most;
}

std::string without_prefix(const std::string& name, std::size_t member) {
  const std::string prefix = prefix_of(member);
  if (!name.starts_with(prefix)) refuse("'" + name + "' stands inside member " + to_text(member));
  return name.substr(prefix.size());
}

float weight_of(const onnx::GraphProto& tail, std::size_t member) {
  for (const auto& tensor : tail.initializer()) {
    if (tensor.name() != weight_name(member)) continue;
    float weight = 0;
    if (tensor.raw_data().size() != sizeof weight) break;
    std::memcpy(&weight, tensor.raw_data().data(), sizeof weight);
    return weight;
  }
  refuse("member " + to_text(member) + " of the mixture has no weight");
}

}  // namespace

std::string mixture_to_onnx(std::span<const MixtureMember> members, bool geometric,
                            std::map<std::string, std::string> metadata) {
  onnx::ModelProto mixture;
  std::map<std::string, int64_t> opsets;
  std::vector<float> weights;
  for (std::size_t k = 0; k < members.size(); ++k) {
    onnx::ModelProto model = parse(members[k].model->to_onnx({}), {});
    for (const auto& opset : model.opset_import())
      opsets[opset.domain()] = std::max(opsets[opset.domain()], opset.version());
    auto& graph = *model.mutable_graph();
    rename_values(graph, [&](const std::string& name) { return prefix_of(k) + name; });
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
  write_tail(*mixture.mutable_graph(), weights, geometric);
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

bool holds_mixture(std::string_view bytes) {
  // Metadata stand last in the file; a member's weights may hold the same bytes, so this only chooses the
  // reader, and the reader decides.
  return bytes.find(members_key) != std::string_view::npos;
}

std::unique_ptr<Model> mixture_from_onnx(std::string_view bytes, const ModelLimits& limits,
                                         std::map<std::string, std::string>& metadata) {
  onnx::ModelProto mixture = parse(bytes, limits);
  const auto count = parse_int(metadata_of(mixture, members_key)).value_or(0);
  if (count < 1 || count > static_cast<int64_t>(most_members))
    refuse("a mixture of " + to_text(count) + " members; 1 to " + to_text(most_members) + " are read");
  const auto most = static_cast<std::size_t>(count);

  std::vector<onnx::ModelProto> parts(most);
  for (std::size_t k = 0; k < most; ++k) {
    parts[k].set_ir_version(mixture.ir_version());
    *parts[k].mutable_opset_import() = mixture.opset_import();
    auto& graph = *parts[k].mutable_graph();
    graph.set_name(mixture.graph().name());
    *graph.mutable_input() = mixture.graph().input();
    *graph.mutable_output() = mixture.graph().output();
    for (const auto& [key, value] :
         {std::pair<std::string, std::string>{"feature_names", metadata_of(mixture, "feature_names")},
          {"family", metadata_of(mixture, ("member" + to_text(k)).c_str())}}) {
      auto& entry = *parts[k].add_metadata_props();
      entry.set_key(key);
      entry.set_value(value);
    }
  }
  onnx::GraphProto tail;
  for (auto& node : *mixture.mutable_graph()->mutable_node()) {
    const std::size_t k = node.output_size() > 0 ? member_of(node.output(0), most) : most;
    (k < most ? parts[k].mutable_graph() : &tail)->add_node()->Swap(&node);
  }
  for (auto& tensor : *mixture.mutable_graph()->mutable_initializer()) {
    const std::size_t k = member_of(tensor.name(), most);
    (k < most ? parts[k].mutable_graph() : &tail)->add_initializer()->Swap(&tensor);
  }

  std::vector<MixtureMember> members;
  std::vector<float> weights;
  for (std::size_t k = 0; k < most; ++k) {
    bool uses_ml = false;
    for (const auto& node : parts[k].graph().node()) uses_ml = uses_ml || node.domain() == "ai.onnx.ml";
    if (!uses_ml) {  // a reader of networks wants its own opset only
      auto& opsets = *parts[k].mutable_opset_import();
      for (int i = opsets.size(); i-- > 0;)
        if (opsets.Get(i).domain() == "ai.onnx.ml") opsets.DeleteSubrange(i, 1);
    }
    rename_values(*parts[k].mutable_graph(),
                  [&](const std::string& name) { return without_prefix(name, k); });
    const std::string part = parts[k].SerializeAsString();
    parts[k].Clear();
    if (holds_mixture(part)) refuse("a mixture inside a mixture");
    weights.push_back(weight_of(tail, k));
    members.push_back({load_model(part, limits), weights.back()});
  }
  const bool geometric = std::any_of(tail.node().begin(), tail.node().end(),
                                     [](const onnx::NodeProto& node) { return node.op_type() == "Exp"; });
  onnx::GraphProto expected;
  write_tail(expected, weights, geometric);
  if (expected.SerializeAsString() != tail.SerializeAsString())
    refuse("what follows the members is no weighted mean of them");
  for (const auto& entry : mixture.metadata_props()) metadata[entry.key()] = entry.value();
  try {
    return make_mixture(std::move(members), geometric, metadata_of(mixture, "family"));
  } catch (const InputError& error) {
    refuse(error.what());
  }
}

}  // namespace drst::learn
