// Ensembles of regression trees, whole: from raw counters to the target's unit. Start here for trees.
//
// A `TreeEnsemble` is plain data: NaN -> stand-in, else imputed constant -> each tree's leaf ->
// z = base + scale * sum of the leaves -> (exp, for a target learned as its logarithm) -> (not below zero).
// Thresholds are raw float32 values and compared as such, with the comparison that the trees were trained
// with, so that any runtime takes the same branches (onnx.h).
//
// Trees lie one after another in one array of 8 bytes a node. Children are adjacent (left is right - 1) and
// come after their parent, so there are no cycles. A leaf is its own right child and compares an input past
// the last that is always NaN: a walk that has arrived stays where it is, so `predict` steps eight rows at
// once without asking who is done. It goes tree by tree over 64 rows, so that a tree is in the nearest cache
// while it is used. The leaves of a row are added in the order of the trees, in float32, whatever the batch:
// batch 1 and 64 agree to the bit. An ensemble that nobody writes may be used from any number of threads,
// each with its own TreeScratch.
//
// Files: ensemble (data, predict), table (training rows), extra_trees (randomised trees; kernels: its loops),
// boosted (gradient boosting by the xgboost library; xgboost_library: opens it when it is wanted), onnx
// (bytes <-> TreeEnsemble, bounds on everything).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "nn/aligned.h"

namespace drst {

struct TreeNode {
  float value;       ///< of a split its threshold, of a leaf what it adds
  uint16_t feature;  ///< of a split the input that is compared; of a leaf the number of inputs
  uint16_t right;    ///< counted from the first node of the tree; of a leaf the leaf itself
};

struct TreeEnsemble {
  static constexpr std::size_t most_inputs = 0xffff;
  static constexpr std::size_t most_nodes_a_tree = 0x10000;
  static constexpr std::size_t most_depth = 256;  ///< comparisons on the way to a leaf

  std::vector<std::string> inputs;  ///< feature names, in the order of the raw input vector
  std::vector<int32_t> stand_in;  ///< as Network::stand_in: per input the one whose raw value is taken where
                                  ///< it is NaN, -1: none; empty: none at all
  std::vector<float> impute;      ///< per input: taken where it is still NaN, in raw units
  std::vector<uint32_t> trees;    ///< the first node of each tree, in `nodes`
  std::vector<TreeNode> nodes;
  bool less_or_equal = true;  ///< x <= threshold goes left (extra trees); false: x < threshold (xgboost)
  float base = 0;             ///< z = base + scale * sum of leaves
  float scale = 1;
  bool exponential = false;   ///< y = exp(z): the target was learned as ln(y)
  bool non_negative = false;  ///< y = max(y, 0)

  /// Nodes of tree `t`.
  [[nodiscard]] std::span<const TreeNode> tree(std::size_t t) const;
  [[nodiscard]] bool is_leaf(const TreeNode& node) const { return node.feature == inputs.size(); }
  /// Throws InputError, naming tree and node, if the parts do not fit together, a number is not finite, or
  /// the leaves could add up to more than float32 holds.
  void check() const;
};

/// A tree of one leaf.
std::vector<TreeNode> make_leaf(float value, std::size_t inputs);
/// Makes the leaf `node` of a tree under construction a split; its children become leaves of value 0 at the
/// end. Returns the left one's number; the right one follows it. InputError if the tree is full.
std::size_t split_leaf(std::vector<TreeNode>& tree, std::size_t node, std::size_t feature, float threshold,
                       std::size_t inputs);
/// Appends a whole tree.
void append_tree(TreeEnsemble& ensemble, std::span<const TreeNode> tree);

/// Scratch memory of one thread.
struct TreeScratch {
  AlignedFloats x;
};

/// raw: rows x inputs, row-major, NaN = missing. out: rows. Bit-equal whatever the batch; no allocation after
/// warm-up. InputError if the sizes do not fit.
void predict(const TreeEnsemble& ensemble, std::span<const float> raw, std::size_t rows, std::span<float> out,
             TreeScratch& scratch);

}  // namespace drst
