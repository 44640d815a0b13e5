#include <algorithm>

#include "base/text.h"
#include "nn/onnx.h"
#include "nn/onnx_pieces.h"

namespace drst {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw ModelError("model file: " + what); }

bool near(float value, float wanted) { return std::abs(value - wanted) <= 1e-6F; }

/// Follows the one chain that to_onnx writes from its end to its start. Each step asks for the node that made
/// a value, so the walk ends: names have no cycles.
class ChainReader {
 public:
  ChainReader(OnnxGraph& graph, const OnnxLimits& limits) : graph_(graph), limits_(limits) {}

  Network read() {
    std::string value = read_output(graph_.output());
    while (const auto* gemm = graph_.maker(value, "Gemm", 3)) {
      if (network_.layers.size() == limits_.max_layers)
        refuse("more than " + to_text(limits_.max_layers) + " layers");
      value = read_layer(*gemm);
      value = read_activation(value);
    }
    std::reverse(network_.layers.begin(), network_.layers.end());
    if (network_.layers.empty()) refuse("no Gemm before '" + value + "'");
    if (hidden_ + 1 != network_.layers.size())
      refuse("each layer but the last must have an activation, and one only");
    read_inputs(value);
    graph_.check_all_used();
    return std::move(network_);
  }

 private:
  std::string read_output(std::string value) {
    if (const auto* max = graph_.maker(value, "Max", 2)) {
      if (graph_.scalar(max->input(1)) != 0) refuse("the output is bounded by another number than 0");
      network_.non_negative = true;
      value = max->input(0);
    }
    if (const auto* exp = graph_.maker(value, "Exp", 1)) {
      network_.exponential = true;
      value = exp->input(0);
    }
    const auto& add = graph_.need(value, "Add", 2);
    network_.output_shift = graph_.scalar(add.input(1));
    const auto& mul = graph_.need(add.input(0), "Mul", 2);
    network_.output_scale = graph_.scalar(mul.input(1));
    return mul.input(0);
  }

  std::string read_layer(const onnx::NodeProto& gemm) {
    for (const auto& attribute : gemm.attribute()) {
      const bool plain =
          ((attribute.name() == "alpha" || attribute.name() == "beta") && attribute.f() == 1) ||
          ((attribute.name() == "transA" || attribute.name() == "transB") && attribute.i() == 0);
      if (!plain) refuse("Gemm node '" + gemm.name() + "' has the attribute " + attribute.name());
    }
    const auto dims = graph_.dims(gemm.input(1));
    if (dims.size() != 2) refuse("the weights of '" + gemm.name() + "' are not a matrix");
    Dense layer;
    layer.inputs = dims[0];
    layer.outputs = dims[1];
    layer.weights = graph_.floats(gemm.input(1), dims);
    layer.bias = graph_.floats(gemm.input(2), {layer.outputs});
    network_.layers.push_back(std::move(layer));
    return gemm.input(0);
  }

  /// Steps over the activation that made `value`, if one did.
  std::string read_activation(const std::string& value) {
    if (const auto* relu = graph_.maker(value, "Relu", 1)) {
      note_activation(Activation::relu);
      return relu->input(0);
    }
    const auto* product = graph_.maker(value, "Mul", 2);
    if (product == nullptr || graph_.is_constant(product->input(1)))
      return value;  // a constant factor: the input's scale
    note_activation(Activation::gelu);
    const auto& half = graph_.need(product->input(1), "Mul", 2);
    const auto& plus = graph_.need(half.input(0), "Add", 2);
    const auto& erf = graph_.need(plus.input(0), "Erf", 1);
    const auto& u = graph_.need(erf.input(0), "Mul", 2);
    if (!near(graph_.scalar(half.input(1)), 0.5F) || !near(graph_.scalar(plus.input(1)), 1) ||
        !near(graph_.scalar(u.input(1)), 0.70710678F) || u.input(0) != product->input(0))
      refuse("the nodes around '" + erf.name() + "' are no GELU");
    return product->input(0);
  }

  void note_activation(Activation activation) {
    if (hidden_++ > 0 && network_.activation != activation) refuse("layers with different activations");
    network_.activation = activation;
  }

  void read_inputs(std::string value) {
    const std::size_t n = graph_.inputs();
    if (const auto* min = graph_.maker(value, "Min", 2)) {
      network_.high = graph_.floats(min->input(1), {n});
      const auto& max = graph_.need(min->input(0), "Max", 2);
      network_.low = graph_.floats(max.input(1), {n});
      value = max.input(0);
    }
    const auto& mul = graph_.need(value, "Mul", 2);
    network_.scale = graph_.floats(mul.input(1), {n});
    const auto& sub = graph_.need(mul.input(0), "Sub", 2);
    network_.shift = graph_.floats(sub.input(1), {n});
    std::string filled = sub.input(0);
    network_.log1p.assign(n, 0);
    const auto* where = graph_.maker(filled, "Where", 3);
    if (where == nullptr) {
      network_.log1p.assign(n, 1);
      filled = read_log(filled);
    } else if (graph_.is_constant(where->input(0))) {
      network_.log1p = graph_.flags(where->input(0), n);
      filled = where->input(2);
      if (read_log(where->input(1)) != filled) refuse("the logarithm is taken of another value");
    }
    auto gaps = read_filled(graph_, filled);
    network_.impute = std::move(gaps.impute);
    network_.stand_in = std::move(gaps.stand_in);
  }

  /// ln((1 + max(x, 0)) * log_factor); returns x.
  std::string read_log(const std::string& value) {
    const auto& log = graph_.need(value, "Log", 1);
    std::string above_one = log.input(0);
    if (const auto* factor = graph_.maker(above_one, "Mul", 2)) {
      network_.log_factor = graph_.floats(factor->input(1), {graph_.inputs()});
      above_one = factor->input(0);
    }
    const auto& plus = graph_.need(above_one, "Add", 2);
    const auto& max = graph_.need(plus.input(0), "Max", 2);
    if (graph_.scalar(plus.input(1)) != 1 || graph_.scalar(max.input(1)) != 0)
      refuse("the logarithm is not ln((1 + max(x, 0)) * factor)");
    return max.input(0);
  }

  OnnxGraph& graph_;
  const OnnxLimits& limits_;
  Network network_;
  std::size_t hidden_ = 0;  // activations seen
};

}  // namespace

Network from_onnx(std::string_view bytes, std::map<std::string, std::string>* metadata,
                  const OnnxLimits& limits) {
  OnnxGraph graph(bytes, limits);
  Network network = ChainReader(graph, limits).read();
  auto entries = read_metadata(graph.model());
  network.inputs = read_feature_names(entries, graph.inputs());
  try {
    network.check();
  } catch (const InputError& error) {
    refuse(error.what());
  }
  if (metadata != nullptr) *metadata = std::move(entries);
  return network;
}

}  // namespace drst
