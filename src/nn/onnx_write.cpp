#include "nn/onnx.h"
#include "nn/onnx_pieces.h"

namespace drst {

namespace {

std::string write_inputs(GraphWriter& graph, const Network& network) {
  std::string value = write_filled(graph, network.stand_in, network.impute);
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
  write_ends(proto, network.inputs.size());
  GraphWriter graph(proto);
  std::string value = write_inputs(graph, network);
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    const auto& layer = network.layers[l];
    const std::string name = "layer" + std::to_string(l);
    const std::string weights =
        graph.constant(std::string(name).append("_weights"),
                       {static_cast<int64_t>(layer.inputs), static_cast<int64_t>(layer.outputs)},
                       layer.weights.data(), layer.weights.size());
    value =
        graph.node("Gemm", {value, weights, graph.row(std::string(name).append("_bias"), layer.bias)}, name);
    if (l + 1 < network.layers.size()) value = write_activation(graph, network.activation, value, name);
  }
  write_output(graph, network, value);
}

}  // namespace

std::string to_onnx(const Network& network, const std::map<std::string, std::string>& metadata) {
  network.check();
  onnx::ModelProto model;
  write_header(model, metadata, network.inputs, "mlp");
  write_graph(*model.mutable_graph(), network);
  std::string bytes;
  if (!model.SerializeToString(&bytes))
    throw FailedError("model file: protobuf could not write the model (over 2 GiB?)");
  return bytes;
}

}  // namespace drst
