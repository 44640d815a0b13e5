#include "nn/onnx_graph.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/text.h"
#include "nn/onnx_scan.h"

namespace drst {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw ModelError("model file: " + what); }

std::string quoted(std::string_view name) { return "'" + std::string(name.substr(0, 100)) + "'"; }

/// The columns of a float32 value of shape [N, columns].
std::size_t columns_of(const onnx::ValueInfoProto& value, std::size_t limit) {
  const auto& type = value.type().tensor_type();
  if (!value.type().has_tensor_type() || type.elem_type() != onnx::TensorProto::FLOAT)
    refuse("value " + quoted(value.name()) + " is not float32");
  if (type.shape().dim_size() != 2 || type.shape().dim(0).has_dim_value() ||
      !type.shape().dim(1).has_dim_value())
    refuse("value " + quoted(value.name()) + " must have the shape [N, columns], N open");
  const int64_t columns = type.shape().dim(1).dim_value();
  if (columns < 1 || static_cast<uint64_t>(columns) > limit)
    refuse("value " + quoted(value.name()) + " has " + to_text(columns) + " columns, allowed are 1 to " +
           to_text(limit));
  return static_cast<std::size_t>(columns);
}

}  // namespace

OnnxGraph::OnnxGraph(std::string_view bytes, const OnnxLimits& limits) : limits_(limits) {
  scan_onnx(bytes, limits);
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()) ||
      !model_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    refuse("not ONNX, or cut short");
  check_header();
  inputs_ = columns_of(model_.graph().input(0), limits.max_inputs);
  if (columns_of(model_.graph().output(0), 1) != 1) refuse("the output must have one column");
  read_names();
}

void OnnxGraph::check_header() const {
  if (model_.ir_version() < 3 || model_.ir_version() > 8)
    refuse("IR version " + to_text(model_.ir_version()) + ", readable are 3 to 8");
  bool default_domain = false;
  for (const auto& opset : model_.opset_import()) {
    if (opset.domain() == "ai.onnx.ml") continue;
    if (!opset.domain().empty() && opset.domain() != "ai.onnx")
      refuse("operators of the domain " + quoted(opset.domain()));
    if (opset.version() < 13 || opset.version() > 17)
      refuse("opset " + to_text(opset.version()) + ", readable are 13 to 17");
    default_domain = true;
  }
  if (!default_domain) refuse("no opset");
  if (model_.functions_size() > 0 || model_.training_info_size() > 0) refuse("functions or training graphs");
  const auto& graph = model_.graph();
  if (graph.input_size() != 1 || graph.output_size() != 1)
    refuse(to_text(graph.input_size()) + " inputs and " + to_text(graph.output_size()) +
           " outputs instead of one of each");
  if (graph.sparse_initializer_size() > 0 || graph.quantization_annotation_size() > 0)
    refuse("sparse or quantised constants");
}

void OnnxGraph::read_names() {
  const auto& graph = model_.graph();
  std::set<std::string> defined = {graph.input(0).name()};
  const auto define = [&](const std::string& name) {
    if (name.empty() || !defined.insert(name).second)
      refuse("the name " + quoted(name) + " is empty or defined twice");
  };
  for (const auto& tensor : graph.initializer()) {
    define(tensor.name());
    constants_[tensor.name()] = &tensor;
  }
  for (const auto& node : graph.node()) {
    const std::string where = node.op_type() + " node " + quoted(node.name());
    if (!node.domain().empty() && node.domain() != "ai.onnx")
      refuse(where + " is of the domain " + quoted(node.domain()));
    for (const auto& input : node.input())
      if (!defined.contains(input)) refuse(where + " uses " + quoted(input) + " before it is defined");
    if (node.output_size() != 1) refuse(where + " has " + to_text(node.output_size()) + " outputs");
    define(node.output(0));
    makers_[node.output(0)] = &node;
  }
  if (!makers_.contains(output())) refuse("no node makes the output " + quoted(output()));
}

const onnx::NodeProto* OnnxGraph::maker(const std::string& value, std::string_view op, int operands) {
  const auto found = makers_.find(value);
  if (found == makers_.end() || found->second->op_type() != op) return nullptr;
  if (found->second->input_size() != operands)
    refuse(std::string(op) + " node " + quoted(found->second->name()) + " has " +
           to_text(found->second->input_size()) + " operands");
  if (op != "Gemm" && op != "Gather" && found->second->attribute_size() > 0)
    refuse(std::string(op) + " node " + quoted(value) + " has attributes");
  used_.insert(value);
  return found->second;
}

const onnx::NodeProto& OnnxGraph::need(const std::string& value, std::string_view op, int operands) {
  const auto* node = maker(value, op, operands);
  if (node != nullptr) return *node;
  const auto found = makers_.find(value);
  refuse("value " + quoted(value) + " should come from " + std::string(op) + ", but comes from " +
         (found == makers_.end() ? "no node" : quoted(found->second->op_type())));
}

std::vector<std::size_t> OnnxGraph::dims(const std::string& constant) const {
  const auto found = constants_.find(constant);
  if (found == constants_.end()) refuse("the constant " + quoted(constant) + " is missing");
  std::vector<std::size_t> sizes;
  for (const int64_t d : found->second->dims()) {
    if (d < 1 || static_cast<uint64_t>(d) > limits_.max_width)
      refuse("constant " + quoted(constant) + " has a dimension of " + to_text(d));
    sizes.push_back(static_cast<std::size_t>(d));
  }
  return sizes;
}

const onnx::TensorProto& OnnxGraph::tensor(const std::string& name, onnx::TensorProto::DataType type,
                                           const std::vector<std::size_t>& sizes) {
  if (dims(name) != sizes) refuse("constant " + quoted(name) + " has the wrong shape");
  const auto& tensor = *constants_.at(name);
  if (tensor.data_type() != type) refuse("constant " + quoted(name) + " is of the wrong type");
  if (tensor.has_segment() || tensor.external_data_size() > 0 ||
      tensor.data_location() != onnx::TensorProto::DEFAULT)
    refuse("the data of constant " + quoted(name) + " lies outside the file");
  used_.insert(name);
  return tensor;
}

std::vector<float> OnnxGraph::floats(const std::string& name, const std::vector<std::size_t>& sizes) {
  const auto& t = tensor(name, onnx::TensorProto::FLOAT, sizes);
  std::size_t n = 1;
  for (const std::size_t d : sizes) n *= d;  // at most two factors, each bounded: no overflow
  std::vector<float> values;
  if (t.has_raw_data()) {
    if (t.raw_data().size() != n * sizeof(float))
      refuse("constant " + quoted(name) + " has " + to_text(t.raw_data().size()) + " bytes of data");
    values.resize(n);
    std::memcpy(values.data(), t.raw_data().data(), t.raw_data().size());
  } else {
    values.assign(t.float_data().begin(), t.float_data().end());
    if (values.size() != n) refuse("constant " + quoted(name) + " has " + to_text(values.size()) + " values");
  }
  for (const float v : values)
    if (!std::isfinite(v)) refuse("constant " + quoted(name) + " holds a number that is not finite");
  return values;
}

std::vector<uint8_t> OnnxGraph::flags(const std::string& name, std::size_t size) {
  const auto& t = tensor(name, onnx::TensorProto::BOOL, {size});
  std::vector<uint8_t> values;
  if (t.has_raw_data()) {
    for (const char c : t.raw_data()) values.push_back(c != 0 ? 1 : 0);
  } else {
    for (const int32_t v : t.int32_data()) values.push_back(v != 0 ? 1 : 0);
  }
  if (values.size() != size)
    refuse("constant " + quoted(name) + " has " + to_text(values.size()) + " values");
  return values;
}

std::vector<std::size_t> OnnxGraph::indices(const std::string& name, std::size_t size) {
  const auto& t = tensor(name, onnx::TensorProto::INT64, {size});
  std::vector<int64_t> values(t.int64_data().begin(), t.int64_data().end());
  if (t.has_raw_data()) {
    if (t.raw_data().size() != size * sizeof(int64_t))
      refuse("constant " + quoted(name) + " has the wrong length");
    values.resize(size);
    std::memcpy(values.data(), t.raw_data().data(), t.raw_data().size());
  }
  if (values.size() != size)
    refuse("constant " + quoted(name) + " has " + to_text(values.size()) + " values");
  std::vector<std::size_t> result;
  for (const int64_t v : values) {
    if (v < 0 || static_cast<uint64_t>(v) >= size)
      refuse("constant " + quoted(name) + " points at column " + to_text(v));
    result.push_back(static_cast<std::size_t>(v));
  }
  return result;
}

void OnnxGraph::check_all_used() const {
  for (const auto& [name, node] : makers_)
    if (!used_.contains(name))
      refuse(node->op_type() + " node " + quoted(node->name()) +
             " is not part of a network that is known here");
  for (const auto& [name, tensor] : constants_)
    if (!used_.contains(name)) refuse("constant " + quoted(name) + " is not used");
}

}  // namespace drst
