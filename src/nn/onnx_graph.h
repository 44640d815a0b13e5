// A parsed ONNX graph with its names resolved and its rules checked, for internal use of the rooms that read
// model files.
//
// Built from bytes it guarantees: every name is defined once and before its use (so there are no cycles),
// every node has one output and is of the default domain, constants are inside the file and as long as their
// dims say. What the nodes mean is the reader's affair.
#pragma once

#include <onnx/onnx_pb.h>

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "nn/onnx.h"

namespace drst {

class OnnxGraph {
 public:
  OnnxGraph(std::string_view bytes, const OnnxLimits& limits);

  [[nodiscard]] std::size_t inputs() const { return inputs_; }  ///< columns of the one input
  [[nodiscard]] const std::string& input() const { return model_.graph().input(0).name(); }
  [[nodiscard]] const std::string& output() const { return model_.graph().output(0).name(); }
  [[nodiscard]] const onnx::ModelProto& model() const { return model_; }

  /// The node that makes this value, marked as understood; nullptr if it is an input or a constant, or its
  /// kind is another.
  const onnx::NodeProto* maker(const std::string& value, std::string_view op, int operands);
  /// The same, refusing anything else.
  const onnx::NodeProto& need(const std::string& value, std::string_view op, int operands);
  [[nodiscard]] bool is_constant(const std::string& value) const { return constants_.contains(value); }
  /// Finite float32 values of a constant with exactly these dims.
  std::vector<float> floats(const std::string& name, const std::vector<std::size_t>& dims);
  float scalar(const std::string& name) { return floats(name, {}).front(); }
  std::vector<uint8_t> flags(const std::string& name, std::size_t size);
  /// int64 values, each from 0 to size - 1.
  std::vector<std::size_t> indices(const std::string& name, std::size_t size);
  [[nodiscard]] std::vector<std::size_t> dims(const std::string& constant) const;
  /// Refuses a file with nodes or constants that nothing has asked for.
  void check_all_used() const;

 private:
  void check_header() const;
  void read_names();
  const onnx::TensorProto& tensor(const std::string& name, onnx::TensorProto::DataType type,
                                  const std::vector<std::size_t>& dims);

  onnx::ModelProto model_;
  OnnxLimits limits_;
  std::size_t inputs_ = 0;
  std::map<std::string, const onnx::TensorProto*> constants_;
  std::map<std::string, const onnx::NodeProto*> makers_;
  std::set<std::string> used_;
};

}  // namespace drst
