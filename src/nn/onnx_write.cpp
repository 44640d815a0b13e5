#include <onnx/onnx_pb.h>

#include <nlohmann/json.hpp>
#include <set>

#include "nn/onnx.h"

namespace drst {

namespace {

/// Adds nodes and constants to a graph; values are known by their names.
class GraphWriter {
 public:
  explicit GraphWriter(onnx::GraphProto& graph) : graph_(graph) {}

  std::string constant(const std::string& name, const std::vector<int64_t>& dims, const float* values,
                       std::size_t n) {
    auto& tensor = new_tensor(name, dims, onnx::TensorProto::FLOAT);
    tensor.set_raw_data(values,
                        n * sizeof(float));  // little-endian, as ONNX wants: this system runs on nothing else
    return name;
  }
  std::string scalar(const std::string& name, float value) { return constant(name, {}, &value, 1); }
  std::string row(const std::string& name, const std::vector<float>& values) {
    return constant(name, {static_cast<int64_t>(values.size())}, values.data(), values.size());
  }
  std::string flags(const std::string& name, const std::vector<uint8_t>& values) {
    auto& tensor = new_tensor(name, {static_cast<int64_t>(values.size())}, onnx::TensorProto::BOOL);
    std::string bytes;
    for (const uint8_t flag : values) bytes += flag != 0 ? '\1' : '\0';
    tensor.set_raw_data(bytes);
    return name;
  }
  std::string indices(const std::string& name, const std::vector<int64_t>& values) {
    auto& tensor = new_tensor(name, {static_cast<int64_t>(values.size())}, onnx::TensorProto::INT64);
    tensor.set_raw_data(values.data(), values.size() * sizeof(int64_t));
    return name;
  }
  std::string gather_columns(const std::string& value, const std::string& columns,
                             const std::string& output) {
    node("Gather", {value, columns}, output);
    auto& axis = *graph_.mutable_node(graph_.node_size() - 1)->add_attribute();
    axis.set_name("axis");
    axis.set_type(onnx::AttributeProto::INT);
    axis.set_i(1);
    return output;
  }
  std::string node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
    auto& node = *graph_.add_node();
    node.set_op_type(op);
    node.set_name(output);
    for (const auto& input : inputs) node.add_input(input);
    node.add_output(output);
    return output;
  }

 private:
  onnx::TensorProto& new_tensor(const std::string& name, const std::vector<int64_t>& dims,
                                onnx::TensorProto::DataType type) {
    auto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const int64_t d : dims) tensor.add_dims(d);
    return tensor;
  }
  onnx::GraphProto& graph_;
};

void describe_value(onnx::ValueInfoProto& value, const std::string& name, std::size_t columns) {
  value.set_name(name);
  auto& tensor = *value.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx::TensorProto::FLOAT);
  tensor.mutable_shape()->add_dim()->set_dim_param("N");
  tensor.mutable_shape()->add_dim()->set_dim_value(static_cast<int64_t>(columns));
}

std::string write_inputs(GraphWriter& graph, const Network& network) {
  std::string value = "counters";
  if (!network.stand_in.empty()) {  // an input without one stands in for itself
    std::vector<int64_t> columns;
    for (const int32_t other : network.stand_in)
      columns.push_back(other >= 0 ? other : static_cast<int64_t>(columns.size()));
    const std::string others = graph.gather_columns(value, graph.indices("stand_in", columns), "others");
    const std::string absent = graph.node("IsNaN", {value}, "absent");
    value = graph.node("Where", {absent, others, value}, "stood_in");
  }
  const std::string missing = graph.node("IsNaN", {value}, "missing");
  value = graph.node("Where", {missing, graph.row("impute", network.impute), value}, "filled");
  std::size_t logged = 0;
  for (const uint8_t flag : network.log1p) logged += flag != 0 ? 1 : 0;
  if (logged > 0) {
    const std::string positive = graph.node("Max", {value, graph.scalar("zero", 0)}, "positive");
    const std::string above_one = graph.node("Add", {positive, graph.scalar("one", 1)}, "above_one");
    const std::string scaled =
        network.log_factor.empty()
            ? above_one
            : graph.node("Mul", {above_one, graph.row("log_factor", network.log_factor)}, "near_one");
    const std::string logarithm = graph.node("Log", {scaled}, "logarithm");
    value =
        logged == network.log1p.size()
            ? logarithm
            : graph.node("Where", {graph.flags("log1p", network.log1p), logarithm, value}, "scaled_by_log");
  }
  value = graph.node("Sub", {value, graph.row("shift", network.shift)}, "centred");
  value = graph.node("Mul", {value, graph.row("scale", network.scale)}, "standardised");
  if (network.low.empty()) return value;
  value = graph.node("Max", {value, graph.row("low", network.low)}, "bounded_below");
  return graph.node("Min", {value, graph.row("high", network.high)}, "bounded");
}

std::string write_activation(GraphWriter& graph, Activation activation, const std::string& z,
                             const std::string& name) {
  if (activation == Activation::relu) return graph.node("Relu", {z}, name + "_relu");
  const std::string u = graph.node("Mul", {z, graph.scalar(name + "_root_half", 0.707106781F)}, name + "_u");
  const std::string erf = graph.node("Erf", {u}, name + "_erf");
  const std::string twice = graph.node("Add", {erf, graph.scalar(name + "_one", 1)}, name + "_twice_cdf");
  const std::string cdf = graph.node("Mul", {twice, graph.scalar(name + "_half", 0.5F)}, name + "_cdf");
  return graph.node("Mul", {z, cdf}, name + "_gelu");
}

void write_output(GraphWriter& graph, const Network& network, const std::string& z) {
  // Each step is named "prediction" if it is the last.
  const int steps = 1 + (network.exponential ? 1 : 0) + (network.non_negative ? 1 : 0);
  int step = 0;
  const auto name = [&](const char* inner) {
    return ++step == steps ? std::string("prediction") : std::string(inner);
  };
  std::string value = graph.node("Mul", {z, graph.scalar("output_scale", network.output_scale)}, "spread");
  value = graph.node("Add", {value, graph.scalar("output_shift", network.output_shift)}, name("shifted"));
  if (network.exponential) value = graph.node("Exp", {value}, name("exponential"));
  if (network.non_negative) graph.node("Max", {value, graph.scalar("floor", 0)}, name("floored"));
}

void write_graph(onnx::GraphProto& proto, const Network& network) {
  proto.set_name("drst_network");
  describe_value(*proto.add_input(), "counters", network.inputs.size());
  describe_value(*proto.add_output(), "prediction", 1);
  GraphWriter graph(proto);
  std::string value = write_inputs(graph, network);
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const auto& layer = network.layers[l];
    const std::string name = "layer" + std::to_string(l);
    const std::string weights = graph.constant(
        name + "_weights", {static_cast<int64_t>(layer.inputs), static_cast<int64_t>(layer.outputs)},
        layer.weights.data(), layer.weights.size());
    value = graph.node("Gemm", {value, weights, graph.row(name + "_bias", layer.bias)}, name);
    if (l + 1 < network.layers.size()) value = write_activation(graph, network.activation, value, name);
  }
  write_output(graph, network, value);
}

/// The names as a JSON list; readers match inputs by them, so each must be text and stand once.
std::string names_as_json(const std::vector<std::string>& names) {
  if (std::set<std::string>(names.begin(), names.end()).size() != names.size())
    throw InputError("model file: two inputs of the network have the same name");
  try {
    return nlohmann::json(names).dump();
  } catch (const nlohmann::json::exception&) {
    throw InputError("model file: the name of an input is not UTF-8; rename the column");
  }
}

}  // namespace

std::string to_onnx(const Network& network, const std::map<std::string, std::string>& metadata) {
  network.check();
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.set_producer_name("drst");
  auto& opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(17);
  write_graph(*model.mutable_graph(), network);

  auto entries = metadata;
  entries["feature_names"] = names_as_json(network.inputs);
  entries.try_emplace("family", "mlp");
  for (const auto& [key, value] : entries) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  std::string bytes;
  if (!model.SerializeToString(&bytes))
    throw FailedError("model file: protobuf could not write the model (over 2 GiB?)");
  return bytes;
}

}  // namespace drst
