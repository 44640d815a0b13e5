// What all model files of ours have in common, whatever is between: one input of raw counters whose gaps are
// filled, one output, feature names. For internal use of the rooms that write and read model files.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <string>
#include <vector>

#include "nn/onnx_graph.h"

namespace drst {

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

/// The input "counters" [N, inputs] and the output "prediction" [N, 1].
void write_ends(onnx::GraphProto& graph, std::size_t inputs);
/// Replaces NaN by the stand-in's value, what is still missing by a constant; returns the value's name.
std::string write_filled(GraphWriter& graph, const std::vector<int32_t>& stand_in,
                         const std::vector<float>& impute);
/// IR version, producer, opset 17, and `metadata` with feature_names and family (`family` where there is
/// none). InputError if the names are not text or not distinct.
void write_header(onnx::ModelProto& model, std::map<std::string, std::string> metadata,
                  const std::vector<std::string>& feature_names, const std::string& family);

struct Filled {
  std::vector<int32_t> stand_in;  ///< empty: none
  std::vector<float> impute;
};
/// What write_filled has written, `value` being the name it returned.
Filled read_filled(OnnxGraph& graph, const std::string& value);
std::map<std::string, std::string> read_metadata(const onnx::ModelProto& model);
std::vector<std::string> read_feature_names(const std::map<std::string, std::string>& metadata,
                                            std::size_t inputs);

}  // namespace drst
