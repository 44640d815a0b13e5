// The model file of trees: ONNX, opset 17 and ai.onnx.ml 3 (SPEC 5). One float32 input "counters" [N, F] of
// raw values, NaN = missing; one float32 output "prediction" [N, 1].
//
// `to_onnx` writes stand-ins and imputation as nn/onnx.h does, one TreeEnsembleRegressor (BRANCH_LEQ or
// BRANCH_LT, sum of the leaves), scale and base (Mul, Add), Exp, Max. `trees_from_onnx` reads such a file as
// a stream: the node's arrays, which are nearly all of it, are read side by side from protobuf's encoding and
// never stand in memory as objects; what is left, a few kB, goes through nn/onnx_graph.h. It trusts nothing:
// bytes, trees, nodes, depth, inputs are bounded; children come after their parent (so no cycles), within the
// tree, side by side, each with one parent; modes, ids and targets in the order in which they are written;
// finite numbers. Whatever is not understood is refused with a ModelError naming tree and node. Pure
// functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "nn/onnx.h"
#include "trees/ensemble.h"

namespace drst {

struct TreeLimits {
  std::size_t max_bytes = 256U << 20U;
  std::size_t max_structure_bytes = 1U << 20U;  ///< all but the arrays of the trees
  std::size_t max_nodes = 4'000'000;
  std::size_t max_trees = 20'000;
  std::size_t max_depth = TreeEnsemble::most_depth;
  std::size_t max_inputs = 16'384;
};

/// InputError if the ensemble is not whole or its names are not text.
std::string to_onnx(const TreeEnsemble& ensemble, const std::map<std::string, std::string>& metadata = {});
TreeEnsemble trees_from_onnx(std::string_view bytes, std::map<std::string, std::string>* metadata = nullptr,
                             const TreeLimits& limits = {});

/// Whether the file has a node of trees, so which reader to ask; steps over all else. Never throws.
bool holds_trees(std::string_view bytes) noexcept;

}  // namespace drst
