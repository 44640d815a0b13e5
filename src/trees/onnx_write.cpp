#include "nn/onnx_pieces.h"
#include "nn/onnx_wire.h"
#include "trees/onnx.h"

namespace drst {

namespace {

// Field numbers of onnx.proto.
constexpr uint64_t kModelGraph = 7;
constexpr uint64_t kGraphNode = 1;
constexpr uint64_t kNodeAttribute = 5;
constexpr uint64_t kAttributeName = 1;
constexpr uint64_t kAttributeInt = 3;
constexpr uint64_t kAttributeString = 4;
constexpr uint64_t kAttributeFloats = 7;
constexpr uint64_t kAttributeInts = 8;
constexpr uint64_t kAttributeStrings = 9;
constexpr uint64_t kAttributeType = 20;

/// Writes the attributes of a TreeEnsembleRegressor by hand: as objects they would be several times the file.
class ArrayWriter {
 public:
  explicit ArrayWriter(const TreeEnsemble& ensemble) : ensemble_(ensemble) {}

  std::string attributes() {
    integer("n_targets", 1);
    text("aggregate_function", "SUM");
    text("post_transform", "NONE");
    const auto ints = [this](const char* name, const auto& value) {
      array(name, onnx::AttributeProto::INTS,
            [&](const Place& p, std::string& to) { put_number(to, kAttributeInts, value(p)); });
    };
    const std::size_t leaf = ensemble_.inputs.size();
    const char* const branch = ensemble_.less_or_equal ? "BRANCH_LEQ" : "BRANCH_LT";
    ints("nodes_treeids", [](const Place& p) { return p.tree; });
    ints("nodes_nodeids", [](const Place& p) { return p.number; });
    ints("nodes_featureids", [&](const Place& p) { return p.node.feature == leaf ? 0U : p.node.feature; });
    array("nodes_modes", onnx::AttributeProto::STRINGS, [&](const Place& p, std::string& to) {
      put_bytes(to, kAttributeStrings, p.node.feature == leaf ? "LEAF" : branch);
    });
    array("nodes_values", onnx::AttributeProto::FLOATS, [&](const Place& p, std::string& to) {
      put_float(to, kAttributeFloats, p.node.feature == leaf ? 0 : p.node.value);
    });
    ints("nodes_truenodeids",
         [&](const Place& p) { return p.node.feature == leaf ? 0U : p.node.right - std::size_t{1}; });
    ints("nodes_falsenodeids", [&](const Place& p) { return p.node.feature == leaf ? 0U : p.node.right; });
    const auto leaves = [&](const char* name, onnx::AttributeProto::AttributeType type, const auto& put) {
      array(name, type, [&](const Place& p, std::string& to) {
        if (p.node.feature == leaf) put(p, to);
      });
    };
    leaves("target_treeids", onnx::AttributeProto::INTS,
           [](const Place& p, std::string& to) { put_number(to, kAttributeInts, p.tree); });
    leaves("target_nodeids", onnx::AttributeProto::INTS,
           [](const Place& p, std::string& to) { put_number(to, kAttributeInts, p.number); });
    leaves("target_ids", onnx::AttributeProto::INTS,
           [](const Place&, std::string& to) { put_number(to, kAttributeInts, 0); });
    leaves("target_weights", onnx::AttributeProto::FLOATS,
           [](const Place& p, std::string& to) { put_float(to, kAttributeFloats, p.node.value); });
    return std::move(out_);
  }

 private:
  struct Place {
    std::size_t tree;
    std::size_t number;  // in the tree
    const TreeNode& node;
  };

  void add(const char* name, onnx::AttributeProto::AttributeType type, const std::string& values) {
    std::string attribute;
    put_bytes(attribute, kAttributeName, name);
    put_number(attribute, kAttributeType, static_cast<uint64_t>(type));
    put_varint(out_, kNodeAttribute << 3U | kBytes);
    put_varint(out_, attribute.size() + values.size());
    out_ += attribute;
    out_ += values;
  }
  void integer(const char* name, uint64_t value) {
    std::string values;
    put_number(values, kAttributeInt, value);
    add(name, onnx::AttributeProto::INT, values);
  }
  void text(const char* name, std::string_view value) {
    std::string values;
    put_bytes(values, kAttributeString, value);
    add(name, onnx::AttributeProto::STRING, values);
  }
  template <class Put>
  void array(const char* name, onnx::AttributeProto::AttributeType type, const Put& put) {
    values_.clear();
    for (std::size_t t = 0; t < ensemble_.trees.size(); ++t) {
      std::size_t number = 0;
      for (const TreeNode& node : ensemble_.tree(t)) put(Place{t, number++, node}, values_);
    }
    add(name, type, values_);
  }

  const TreeEnsemble& ensemble_;
  std::string out_;
  std::string values_;
};

/// What follows the trees; each step is named "prediction" if it is the last.
void write_output(GraphWriter& graph, const TreeEnsemble& ensemble) {
  const int steps = 1 + (ensemble.exponential ? 1 : 0) + (ensemble.non_negative ? 1 : 0);
  int step = 0;
  const auto name = [&](const char* inner) {
    return ++step == steps ? std::string("prediction") : std::string(inner);
  };
  std::string value = graph.node("Mul", {"leaves", graph.scalar("scale", ensemble.scale)}, "spread");
  value = graph.node("Add", {value, graph.scalar("base", ensemble.base)}, name("shifted"));
  if (ensemble.exponential) value = graph.node("Exp", {value}, name("exponential"));
  if (ensemble.non_negative) graph.node("Max", {value, graph.scalar("floor", 0)}, name("floored"));
}

/// The graph's bytes: nodes in the order of their use, the arrays of the trees appended to their node's.
std::string write_graph(const TreeEnsemble& ensemble) {
  onnx::GraphProto proto;
  proto.set_name("drst_trees");
  write_ends(proto, ensemble.inputs.size());
  GraphWriter graph(proto);
  const std::string filled = write_filled(graph, ensemble.stand_in, ensemble.impute);
  graph.node("TreeEnsembleRegressor", {filled}, "leaves");
  proto.mutable_node(proto.node_size() - 1)->set_domain("ai.onnx.ml");
  write_output(graph, ensemble);
  std::string bytes;
  for (const auto& node : proto.node()) {
    std::string content = node.SerializeAsString();
    if (!node.domain().empty()) content += ArrayWriter(ensemble).attributes();
    put_bytes(bytes, kGraphNode, content);
  }
  proto.clear_node();
  return bytes + proto.SerializeAsString();
}

}  // namespace

std::string to_onnx(const TreeEnsemble& ensemble, const std::map<std::string, std::string>& metadata) {
  ensemble.check();
  onnx::ModelProto model;
  write_header(model, metadata, ensemble.inputs, "extra_trees");
  auto& opset = *model.add_opset_import();
  opset.set_domain("ai.onnx.ml");
  opset.set_version(3);
  std::string bytes = model.SerializeAsString();
  put_bytes(bytes, kModelGraph, write_graph(ensemble));
  return bytes;
}

}  // namespace drst
