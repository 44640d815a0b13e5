#include "trees/extra_trees.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/stop.h"
#include "trees/kernels.h"

namespace drst {

namespace {

/// What all trees share: read only.
struct Plan {
  const ExtraTreesOptions& options;
  TrainRows data;
  std::size_t inputs = 0;
  std::size_t tried = 0;   // inputs at a split
  std::size_t budget = 0;  // nodes a tree
  AlignedFloats scaled;    // data.x in the scale cuts are drawn in; the same order within a column
  std::vector<float> weighted_target;
};

void check(const ExtraTreesOptions& o) {
  if (o.trees == 0 || o.most_nodes < o.trees)
    throw InputError("extra trees: needs at least one tree and a node for each");
  if (!(o.feature_share > 0 && o.feature_share <= 1))
    throw InputError("extra trees: the share of inputs tried at a split must be over 0 and at most 1");
  if (o.least_leaf == 0) throw InputError("extra trees: a leaf needs at least one row");
}

/// ln(1 + x) by double, so that it never turns the order of two float32 values around.
void scale_column(Plan& plan, std::size_t column) {
  const auto& data = plan.data;
  for (std::size_t r = 0; r < data.rows; ++r)
    if (data.x[r * data.stride + column] < 0) return;
  for (std::size_t r = 0; r < data.rows; ++r) {
    float& x = plan.scaled[r * data.stride + column];
    x = static_cast<float>(std::log1p(static_cast<double>(x)));
  }
}

Plan make_plan(const TrainTable& table, const ExtraTreesOptions& options) {
  check(options);
  Plan plan{options, prepare_rows(table), table.inputs.size(), 0, 0, {}, {}};
  plan.tried = std::max(
      std::size_t{1},
      static_cast<std::size_t>(std::llround(options.feature_share * static_cast<double>(plan.inputs))));
  plan.budget = std::min(options.most_nodes / options.trees, TreeEnsemble::most_nodes_a_tree);
  plan.scaled = plan.data.x;
  if (options.log_splits)
    for (std::size_t i = 0; i < plan.inputs; ++i) scale_column(plan, i);
  for (std::size_t r = 0; r < plan.data.rows; ++r)
    plan.weighted_target.push_back(plan.data.weight[r] * plan.data.target[r]);
  return plan;
}

/// Grows one tree after another; one thread.
class Grower {
 public:
  explicit Grower(const Plan& plan) : plan_(plan), rows_(plan.data.rows) {
    for (auto* buffer : {&low_, &high_, &cut_, &targets_, &weights_, &counts_})
      buffer->assign(plan.data.stride, 0);
  }

  std::vector<TreeNode> grow(uint64_t number) {
    random_ = Random(plan_.options.seed).fork(number);
    std::iota(rows_.begin(), rows_.end(), 0U);
    heap_.clear();
    Node root = measure(0, 0, rows_.size());
    tree_ = make_leaf(leaf_value(root), plan_.inputs);
    depth_.assign(1, 0);
    offer(root);
    while (!heap_.empty() && tree_.size() + 2 <= plan_.budget) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Node node = heap_.back();
      heap_.pop_back();
      split(node);
    }
    return std::move(tree_);
  }

 private:
  /// A leaf that may become a split: rows_[first, last).
  struct Node {
    std::size_t number;
    std::size_t first, last;
    double weight, sum, error;  // of the targets: weighted sum, weighted squared error
    bool operator<(const Node& other) const {
      return error != other.error ? error < other.error : number > other.number;
    }
  };
  struct Cut {
    std::size_t feature = 0;
    float at = 0;
    double score = -1;
  };

  [[nodiscard]] std::span<const uint32_t> rows_of(const Node& node) const {
    return {rows_.data() + node.first, node.last - node.first};
  }

  [[nodiscard]] Node measure(std::size_t number, std::size_t first, std::size_t last) const {
    Node node{number, first, last, 0, 0, 0};
    double squares = 0;
    for (const uint32_t row : rows_of(node)) {
      const auto weighted = static_cast<double>(plan_.weighted_target[row]);
      node.weight += static_cast<double>(plan_.data.weight[row]);
      node.sum += weighted;
      squares += weighted * static_cast<double>(plan_.data.target[row]);
    }
    node.error = squares - node.sum * node.sum / node.weight;
    return node;
  }

  [[nodiscard]] float leaf_value(const Node& node) const {
    return static_cast<float>(node.sum / node.weight * plan_.data.deviation);
  }

  void offer(const Node& node) {
    // Targets have deviation 1: an error this small is rounding.
    if (node.last - node.first < 2 * plan_.options.least_leaf || node.error <= 1e-12 * node.weight ||
        depth_[node.number] >= TreeEnsemble::most_depth)
      return;
    heap_.push_back(node);
    std::push_heap(heap_.begin(), heap_.end());
  }

  void split(const Node& node) {
    const Cut cut = best_cut(node);
    if (cut.score < 0) return;
    const auto first = rows_.begin() + static_cast<std::ptrdiff_t>(node.first);
    const auto last = rows_.begin() + static_cast<std::ptrdiff_t>(node.last);
    const float* column = plan_.scaled.data() + cut.feature;
    const auto middle = std::stable_partition(
        first, last, [&](uint32_t row) { return column[row * plan_.data.stride] <= cut.at; });
    const auto parted = static_cast<std::size_t>(middle - rows_.begin());
    const std::size_t left =
        split_leaf(tree_, node.number, cut.feature, raw_threshold(node, parted, cut.feature), plan_.inputs);
    depth_.resize(left + 2, static_cast<uint16_t>(depth_[node.number] + 1));
    for (const Node& child : {measure(left, node.first, parted), measure(left + 1, parted, node.last)}) {
      tree_[child.number].value = leaf_value(child);
      offer(child);
    }
  }

  /// Draws inputs and a cut for each; more of them until one parts the rows into two that are large enough.
  /// Score -1 if none does.
  Cut best_cut(const Node& node) {
    trees::split_kernels().bounds(plan_.scaled.data(), plan_.data.stride, rows_of(node), low_.data(),
                                  high_.data());
    open_.clear();
    for (std::size_t i = 0; i < plan_.inputs; ++i)
      if (low_[i] < high_[i]) open_.push_back(static_cast<uint16_t>(i));
    Cut best;
    for (std::size_t first = 0; first < open_.size() && best.score < 0; first += plan_.tried) {
      const std::size_t last = std::min(first + plan_.tried, open_.size());
      for (std::size_t k = first; k < last; ++k) {
        std::swap(open_[k], open_[k + random_.below(open_.size() - k)]);
        cut_[open_[k]] = draw_cut(low_[open_[k]], high_[open_[k]]);
      }
      best = best_of(node, {open_.data() + first, last - first});
    }
    return best;
  }

  /// Of the cuts of these inputs.
  Cut best_of(const Node& node, std::span<const uint16_t> inputs) {
    const auto rows = rows_of(node);
    trees::split_kernels().sums(plan_.scaled.data(), plan_.data.stride, rows, cut_.data(),
                                plan_.weighted_target.data(), plan_.data.weight.data(),
                                {targets_.data(), weights_.data(), counts_.data()});
    const auto least = static_cast<float>(plan_.options.least_leaf);
    const auto most = static_cast<float>(rows.size()) - least;
    Cut best;
    for (const std::size_t i : inputs) {
      if (counts_[i] < least || counts_[i] > most) continue;
      const auto left = static_cast<double>(targets_[i]);
      const auto left_weight = static_cast<double>(weights_[i]);
      const double right = node.sum - left;
      const double right_weight = node.weight - left_weight;
      if (!(left_weight > 0 && right_weight > 0)) continue;  // lost in rounding beside a far greater weight
      const double score = left * left / left_weight + right * right / right_weight;
      if (score > best.score) best = {i, cut_[i], score};
    }
    return best;
  }

  /// Uniform in [low, high): rows at `low` go left and rows at `high` go right.
  float draw_cut(float low, float high) {
    const auto share = static_cast<float>(random_.uniform());
    const float at = low * (1 - share) + high * share;
    return at >= low && at < high ? at : low;
  }

  /// A raw value that parts the rows as the cut did: halfway between their nearest raw values. The scaled
  /// values of left and right differ and rise with the raw ones, so there is one.
  [[nodiscard]] float raw_threshold(const Node& node, std::size_t parted, std::size_t feature) const {
    const float* column = plan_.data.x.data() + feature;
    float below = -std::numeric_limits<float>::max();
    float above = std::numeric_limits<float>::max();
    for (std::size_t i = node.first; i < parted; ++i)
      below = std::max(below, column[rows_[i] * plan_.data.stride]);
    for (std::size_t i = parted; i < node.last; ++i)
      above = std::min(above, column[rows_[i] * plan_.data.stride]);
    const auto middle = static_cast<float>((static_cast<double>(below) + static_cast<double>(above)) / 2);
    return middle < above ? middle : below;
  }

  const Plan& plan_;
  Random random_{0};
  std::vector<uint32_t> rows_;
  std::vector<TreeNode> tree_;
  std::vector<uint16_t> depth_;  // of each node
  std::vector<Node> heap_;
  std::vector<uint16_t> open_;  // inputs that vary in the node, the drawn ones first
  AlignedFloats low_, high_, cut_, targets_, weights_, counts_;  // by column
};

}  // namespace

TreeEnsemble fit_extra_trees(const TrainTable& table, const ExtraTreesOptions& options,
                             double* helper_cpu_s) {
  const Plan plan = make_plan(table, options);
  std::vector<std::vector<TreeNode>> grown(options.trees);
  const std::size_t workers = std::clamp(options.threads, std::size_t{1}, options.trees);
  std::atomic<std::size_t> next{0};
  const double used = in_parallel(workers, workers, [&](std::size_t) {
    Grower grower(plan);
    for (std::size_t t = next++; t < grown.size(); t = next++) {
      throw_if_stopped();
      grown[t] = grower.grow(t);
    }
  });
  if (helper_cpu_s != nullptr) *helper_cpu_s += used;
  TreeEnsemble ensemble;
  ensemble.inputs = table.inputs;
  ensemble.stand_in = table.stand_in;
  ensemble.impute = plan.data.impute;
  ensemble.base = static_cast<float>(plan.data.mean);
  ensemble.scale = 1 / static_cast<float>(options.trees);
  for (const auto& tree : grown) append_tree(ensemble, tree);
  ensemble.check();
  return ensemble;
}

}  // namespace drst
