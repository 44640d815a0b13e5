#include <algorithm>

#include "base/text.h"
#include "nn/onnx_pieces.h"
#include "nn/onnx_wire.h"
#include "trees/onnx.h"
#include "trees/onnx_arrays.h"

namespace drst {

namespace {

// Field numbers of onnx.proto.
constexpr uint64_t kModelGraph = 7;
constexpr uint64_t kGraphNode = 1;
constexpr uint64_t kNodeOp = 4;
constexpr uint64_t kNodeAttribute = 5;
constexpr uint64_t kNodeDomain = 7;
constexpr std::string_view kOp = "TreeEnsembleRegressor";

[[noreturn]] void refuse(const std::string& what) { throw ModelError("model file: " + what); }

bool is_trees(std::string_view node) {
  for (Wire wire(node); !wire.done();) {
    const auto field = wire.field();
    if (field.number == kNodeOp && field.type == kBytes) return field.content == kOp;
  }
  return false;
}

/// A file taken apart without copying what is large.
struct Parts {
  std::string rest;        // the model without the attributes of the node of trees
  std::string_view trees;  // that node
};

class Separator {
 public:
  explicit Separator(const TreeLimits& limits) : limits_(limits) {}

  Parts run(std::string_view bytes) {
    if (bytes.size() > limits_.max_bytes)
      refuse(to_text(bytes.size()) + " bytes, more than the limit of " + to_text(limits_.max_bytes));
    for (Wire wire(bytes); !wire.done();) {
      const auto field = wire.field();
      if (field.number == kModelGraph && field.type == kBytes) {
        put_bytes(parts_.rest, kModelGraph, graph(field.content));
      } else {
        copy(parts_.rest, field.whole);
      }
    }
    if (parts_.trees.data() == nullptr) refuse("it holds no trees (" + std::string(kOp) + ")");
    return std::move(parts_);
  }

 private:
  void copy(std::string& to, std::string_view bytes) {
    copied_ += bytes.size();
    if (copied_ > limits_.max_structure_bytes)
      refuse("more than " + to_text(limits_.max_structure_bytes) + " bytes beside the arrays of the trees");
    to += bytes;
  }

  std::string graph(std::string_view bytes) {
    std::string out;
    for (Wire wire(bytes); !wire.done();) {
      const auto field = wire.field();
      if (field.number == kGraphNode && field.type == kBytes && is_trees(field.content)) {
        if (parts_.trees.data() != nullptr) refuse("two nodes " + std::string(kOp));
        parts_.trees = field.content;
        put_bytes(out, kGraphNode, node(field.content));
      } else {
        copy(out, field.whole);
      }
    }
    return out;
  }

  /// Without attributes and domain: to OnnxGraph the trees are an operator like any other.
  std::string node(std::string_view bytes) {
    std::string out;
    std::string_view domain;
    for (Wire wire(bytes); !wire.done();) {
      const auto field = wire.field();
      if (field.number == kNodeDomain && field.type == kBytes) {
        domain = field.content;
      } else if (field.number != kNodeAttribute) {
        copy(out, field.whole);
      }
    }
    if (domain != "ai.onnx.ml") refuse(std::string(kOp) + " is not of the domain ai.onnx.ml");
    return out;
  }

  const TreeLimits& limits_;
  Parts parts_;
  std::size_t copied_ = 0;
};

void check_opset(const onnx::ModelProto& model) {
  for (const auto& opset : model.opset_import()) {
    if (opset.domain() != "ai.onnx.ml") continue;
    if (opset.version() < 1 || opset.version() > 3)
      refuse("ai.onnx.ml of version " + to_text(opset.version()) + ", readable are 1 to 3");
    return;
  }
  refuse("no opset of ai.onnx.ml");
}

/// The nodes around the trees, from the output backwards.
void read_graph(OnnxGraph& graph, TreeEnsemble& ensemble) {
  std::string value = graph.output();
  if (const auto* max = graph.maker(value, "Max", 2)) {
    if (graph.scalar(max->input(1)) != 0) refuse("the output is bounded by another number than 0");
    ensemble.non_negative = true;
    value = max->input(0);
  }
  if (const auto* exp = graph.maker(value, "Exp", 1)) {
    ensemble.exponential = true;
    value = exp->input(0);
  }
  const auto& add = graph.need(value, "Add", 2);
  ensemble.base = graph.scalar(add.input(1));
  const auto& mul = graph.need(add.input(0), "Mul", 2);
  ensemble.scale = graph.scalar(mul.input(1));
  auto filled = read_filled(graph, graph.need(mul.input(0), kOp, 1).input(0));
  ensemble.stand_in = std::move(filled.stand_in);
  ensemble.impute = std::move(filled.impute);
  graph.check_all_used();
}

std::size_t depth_of(const TreeEnsemble& ensemble) {
  std::size_t deepest = 0;
  std::vector<uint16_t> depth;
  for (std::size_t t = 0; t < ensemble.trees.size(); ++t) {
    const auto tree = ensemble.tree(t);
    depth.assign(tree.size(), 0);
    for (std::size_t i = 0; i < tree.size(); ++i) {
      deepest = std::max<std::size_t>(deepest, depth[i]);
      if (ensemble.is_leaf(tree[i])) continue;
      depth[tree[i].right] = depth[tree[i].right - 1U] = static_cast<uint16_t>(depth[i] + 1);
    }
  }
  return deepest;
}

}  // namespace

TreeEnsemble trees_from_onnx(std::string_view bytes, std::map<std::string, std::string>* metadata,
                             const TreeLimits& limits) {
  const Parts parts = Separator(limits).run(bytes);
  OnnxLimits rest_limits;
  rest_limits.max_bytes = limits.max_bytes;
  rest_limits.max_structure_bytes = limits.max_structure_bytes;
  rest_limits.max_inputs = std::min(limits.max_inputs, TreeEnsemble::most_inputs);
  OnnxGraph graph(parts.rest, rest_limits);
  check_opset(graph.model());
  TreeEnsemble ensemble;
  read_graph(graph, ensemble);
  auto entries = read_metadata(graph.model());
  ensemble.inputs = read_feature_names(entries, graph.inputs());
  read_tree_arrays(parts.trees, limits, ensemble);
  try {
    ensemble.check();
  } catch (const InputError& error) {
    refuse(error.what());
  }
  if (const std::size_t depth = depth_of(ensemble); depth > limits.max_depth)
    refuse("a tree is " + to_text(depth) + " deep, the limit is " + to_text(limits.max_depth));
  if (metadata != nullptr) *metadata = std::move(entries);
  return ensemble;
}

bool holds_trees(std::string_view bytes) noexcept {
  try {
    for (Wire wire(bytes); !wire.done();) {
      const auto field = wire.field();
      if (field.number != kModelGraph || field.type != kBytes) continue;
      for (Wire graph(field.content); !graph.done();) {
        const auto node = graph.field();
        if (node.number == kGraphNode && node.type == kBytes && is_trees(node.content)) return true;
      }
    }
  } catch (const ModelError&) {  // the readers say what is wrong with it
  }
  return false;
}

}  // namespace drst
