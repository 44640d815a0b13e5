#include "trees/ensemble.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"

namespace drst {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw InputError("tree ensemble: " + what); }
void require(bool fits, const char* what) {
  if (!fits) refuse(what);
}

/// One tree after the other; keeps its scratch between trees.
class TreeCheck {
 public:
  explicit TreeCheck(const TreeEnsemble& ensemble) : ensemble_(ensemble) {}

  /// Returns the largest magnitude of a leaf.
  double check(std::size_t number) {
    number_ = number;
    tree_ = ensemble_.tree(number);
    if (tree_.size() > TreeEnsemble::most_nodes_a_tree)
      refuse("tree " + to_text(number) + " has " + to_text(tree_.size()) + " nodes, at most " +
             to_text(TreeEnsemble::most_nodes_a_tree) + " are possible");
    depth_.assign(tree_.size(), kNoParent);
    depth_[0] = 0;
    double largest = 0;
    for (std::size_t i = 0; i < tree_.size(); ++i) {
      const TreeNode& node = tree_[i];
      if (depth_[i] == kNoParent) refuse(i, "is not reached from the root");
      if (!std::isfinite(node.value)) refuse(i, "has a threshold or a value that is not finite");
      if (ensemble_.is_leaf(node)) {
        if (node.right != i) refuse(i, "is a leaf with a child");
        largest = std::max(largest, std::abs(static_cast<double>(node.value)));
      } else {
        check_split(i);
      }
    }
    return largest;
  }

 private:
  static constexpr uint16_t kNoParent = 0xffff;

  [[noreturn]] void refuse(std::size_t node, const std::string& what) const {
    drst::refuse("tree " + to_text(number_) + ", node " + to_text(node) + " " + what);
  }
  [[noreturn]] static void refuse(const std::string& what) { drst::refuse(what); }

  void check_split(std::size_t i) {
    const TreeNode& node = tree_[i];
    if (node.feature > ensemble_.inputs.size())
      refuse(i, "compares input " + to_text(node.feature) + " of " + to_text(ensemble_.inputs.size()));
    if (node.right < i + 2U || node.right >= tree_.size())
      refuse(i, "has the children " + to_text(node.right - 1) + " and " + to_text(node.right) +
                    ", which must come after it and within " + to_text(tree_.size()) + " nodes");
    if (depth_[i] == TreeEnsemble::most_depth)
      refuse(i, "is a split more than " + to_text(TreeEnsemble::most_depth) + " deep");
    for (const std::size_t child : {node.right - std::size_t{1}, std::size_t{node.right}}) {
      if (depth_[child] != kNoParent) refuse(child, "has two parents");
      depth_[child] = static_cast<uint16_t>(depth_[i] + 1);
    }
  }

  const TreeEnsemble& ensemble_;
  std::span<const TreeNode> tree_;
  std::size_t number_ = 0;
  std::vector<uint16_t> depth_;
};

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

}  // namespace

std::span<const TreeNode> TreeEnsemble::tree(std::size_t t) const {
  const std::size_t end = t + 1 < trees.size() ? trees[t + 1] : nodes.size();
  return {nodes.data() + trees[t], end - trees[t]};
}

void TreeEnsemble::check() const {
  const std::size_t n = inputs.size();
  require(n > 0, "has no inputs");
  require(n <= most_inputs, "has more than 65535 inputs");
  require(impute.size() == n, "impute must have one value an input");
  require(all_finite(impute), "a value of impute is not finite");
  require(stand_in.empty() || stand_in.size() == n, "stand_in must be empty or have one value an input");
  for (const int32_t other : stand_in)
    require(other >= -1 && other < static_cast<int64_t>(n), "a stand-in is no input");
  require(std::isfinite(base) && std::isfinite(scale), "base or scale is not finite");
  require(!trees.empty(), "has no trees");
  require(trees.front() == 0, "the first tree does not start at node 0");
  for (std::size_t t = 0; t < trees.size(); ++t)
    require(trees[t] < (t + 1 < trees.size() ? trees[t + 1] : nodes.size()), "a tree has no nodes");
  TreeCheck tree_check(*this);
  double largest = 0;
  for (std::size_t t = 0; t < trees.size(); ++t) largest += tree_check.check(t);
  const double most = std::numeric_limits<float>::max() / 2;
  require(largest <= most &&
              std::abs(static_cast<double>(base)) + std::abs(static_cast<double>(scale)) * largest <= most,
          "the leaves could add up to more than a float32 holds");
}

std::vector<TreeNode> make_leaf(float value, std::size_t inputs) {
  return {{value, static_cast<uint16_t>(inputs), 0}};
}

std::size_t split_leaf(std::vector<TreeNode>& tree, std::size_t node, std::size_t feature, float threshold,
                       std::size_t inputs) {
  const std::size_t left = tree.size();
  if (left + 2 > TreeEnsemble::most_nodes_a_tree) refuse("a tree would have more than 65536 nodes");
  tree[node] = {threshold, static_cast<uint16_t>(feature), static_cast<uint16_t>(left + 1)};
  for (const std::size_t child : {left, left + 1})
    tree.push_back({0, static_cast<uint16_t>(inputs), static_cast<uint16_t>(child)});
  return left;
}

void append_tree(TreeEnsemble& ensemble, std::span<const TreeNode> tree) {
  ensemble.trees.push_back(static_cast<uint32_t>(ensemble.nodes.size()));
  ensemble.nodes.insert(ensemble.nodes.end(), tree.begin(), tree.end());
}

}  // namespace drst
