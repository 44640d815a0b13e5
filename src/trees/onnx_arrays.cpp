#include "trees/onnx_arrays.h"

#include <array>
#include <cstring>

#include "base/text.h"
#include "nn/onnx_wire.h"

namespace drst {

namespace {

// Field numbers of onnx.proto.
constexpr uint64_t kNodeAttribute = 5;
constexpr uint64_t kName = 1;
constexpr uint64_t kInt = 3;
constexpr uint64_t kString = 4;
constexpr uint64_t kFloats = 7;
constexpr uint64_t kInts = 8;
constexpr uint64_t kStrings = 9;
constexpr uint64_t kDoc = 13;
constexpr uint64_t kType = 20;

[[noreturn]] void refuse(const std::string& what) { throw ModelError("model file: " + what); }

std::string quoted(std::string_view name) { return "'" + std::string(name.substr(0, 100)) + "'"; }

enum Array : std::size_t {
  tree_ids,
  node_ids,
  features,
  modes,
  values,
  true_ids,
  false_ids,
  target_trees,
  target_nodes,
  target_ids,
  target_weights,
  kArrays
};
struct ArrayKind {
  std::string_view name;
  uint64_t field;
};
constexpr std::array<ArrayKind, kArrays> kKinds = {{{"nodes_treeids", kInts},
                                                    {"nodes_nodeids", kInts},
                                                    {"nodes_featureids", kInts},
                                                    {"nodes_modes", kStrings},
                                                    {"nodes_values", kFloats},
                                                    {"nodes_truenodeids", kInts},
                                                    {"nodes_falsenodeids", kInts},
                                                    {"target_treeids", kInts},
                                                    {"target_nodeids", kInts},
                                                    {"target_ids", kInts},
                                                    {"target_weights", kFloats}}};

/// The elements of one repeated field of an attribute, one after another, packed or not.
class Cursor {
 public:
  Cursor() = default;
  Cursor(std::string_view attribute, uint64_t field) : rest_(attribute), field_(field) {}

  /// False at the end.
  bool next_int(uint64_t& value) {
    if (!find(kVarint)) return false;
    value = packed_.done() ? value_ : packed_.varint();
    return true;
  }
  bool next_float(float& value) {
    if (!find(kFixed32)) return false;
    const std::string_view bytes = packed_.done() ? content_ : packed_.take(sizeof value);
    std::memcpy(&value, bytes.data(), sizeof value);
    return true;
  }
  bool next_string(std::string_view& value) {
    if (!find(kBytes)) return false;
    value = content_;
    return true;
  }

 private:
  /// Steps to the next element: into packed_, or (packed_ being used up) value_ or content_.
  bool find(uint64_t type) {
    if (!packed_.done()) return true;
    while (!rest_.done()) {
      const auto field = rest_.field();
      if (field.number != field_) continue;
      value_ = field.value;
      content_ = field.content;
      if (field.type == type) return true;
      if (field.type != kBytes) Wire::broken();
      packed_ = Wire(field.content);
      if (!packed_.done()) return true;
    }
    return false;
  }

  Wire rest_{{}};
  Wire packed_{{}};
  uint64_t field_ = 0;
  uint64_t value_ = 0;
  std::string_view content_;
};

class ArrayReader {
 public:
  ArrayReader(std::string_view node, const TreeLimits& limits, TreeEnsemble& ensemble)
      : limits_(limits), ensemble_(ensemble) {
    for (Wire wire(node); !wire.done();) {
      const auto field = wire.field();
      if (field.number == kNodeAttribute && field.type == kBytes) read_attribute(field.content);
    }
    for (std::size_t a = 0; a < kArrays; ++a)
      if (!seen_[a]) refuse("TreeEnsembleRegressor has no attribute " + std::string(kKinds[a].name));
    if (!targets_seen_) refuse("TreeEnsembleRegressor does not say n_targets");
  }

  void read() {
    uint64_t tree = 0;
    while (cursors_[tree_ids].next_int(tree)) {
      step_tree(tree);
      read_node();
    }
    for (std::size_t a = 0; a < kArrays; ++a) expect_end(static_cast<Array>(a));
    if (ensemble_.nodes.empty()) refuse("TreeEnsembleRegressor has no nodes");
    // A comparison that no node makes is written like any other file's.
    ensemble_.less_or_equal = !strict_;
  }

 private:
  void read_attribute(std::string_view attribute) {
    std::string_view name;
    Wire::Field value;
    for (Wire wire(attribute); !wire.done();) {
      const auto field = wire.field();
      if (field.number == kName) name = field.content;
      if (field.number != kName && field.number != kDoc && field.number != kType) value = field;
      if (!name.empty() && value.number != 0) break;  // the rest of an array is read later
    }
    for (std::size_t a = 0; a < kArrays; ++a) {
      if (name != kKinds[a].name) continue;
      if (seen_[a]) refuse("the attribute " + quoted(name) + " stands twice");
      seen_[a] = true;
      if (value.number != kKinds[a].field && value.number != 0)
        refuse("the attribute " + quoted(name) + " is of the wrong type");
      cursors_[a] = Cursor(attribute, kKinds[a].field);
      return;
    }
    if (name == "n_targets") {
      if (value.number != kInt || value.type != kVarint || value.value != 1)
        refuse("TreeEnsembleRegressor has another number of targets than one");
      targets_seen_ = true;
    } else if (name == "aggregate_function" || name == "post_transform") {
      const std::string_view wanted = name == "post_transform" ? "NONE" : "SUM";
      if (value.number != kString || value.content != wanted)
        refuse("TreeEnsembleRegressor has another " + std::string(name) + " than " + std::string(wanted));
    } else {
      refuse("TreeEnsembleRegressor has the attribute " + quoted(name) + ", which is not read here");
    }
  }

  [[nodiscard]] std::string where() const {
    return "tree " + to_text(ensemble_.trees.empty() ? 0 : ensemble_.trees.size() - 1) + ", node " +
           to_text(number_);
  }
  [[noreturn]] void refuse_node(const std::string& what) const { refuse(where() + " " + what); }

  void expect_end(Array a) {
    uint64_t number = 0;
    float real = 0;
    std::string_view text;
    const bool more = kKinds[a].field == kInts     ? cursors_[a].next_int(number)
                      : kKinds[a].field == kFloats ? cursors_[a].next_float(real)
                                                   : cursors_[a].next_string(text);
    if (more) refuse(std::string(kKinds[a].name) + " has more elements than there are nodes or leaves");
  }
  uint64_t integer(Array a) {
    uint64_t value = 0;
    if (!cursors_[a].next_int(value)) ended(a);
    return value;
  }
  float real(Array a) {
    float value = 0;
    if (!cursors_[a].next_float(value)) ended(a);
    return value;
  }
  [[noreturn]] void ended(Array a) const { refuse(std::string(kKinds[a].name) + " ends before " + where()); }

  /// Trees are numbered from 0 and not mixed.
  void step_tree(uint64_t tree) {
    const std::size_t begun = ensemble_.trees.size();
    if (begun > 0 && tree == begun - 1) {
      ++number_;
      return;
    }
    if (tree != begun) refuse(where() + " is followed by a node of tree " + to_text(tree));
    if (begun == limits_.max_trees) refuse("more than the limit of " + to_text(limits_.max_trees) + " trees");
    ensemble_.trees.push_back(static_cast<uint32_t>(ensemble_.nodes.size()));
    number_ = 0;
  }

  void read_node() {
    if (ensemble_.nodes.size() == limits_.max_nodes)
      refuse("more than the limit of " + to_text(limits_.max_nodes) + " nodes");
    if (number_ == TreeEnsemble::most_nodes_a_tree)
      refuse_node("is more than the " + to_text(TreeEnsemble::most_nodes_a_tree) + " that a tree may have");
    if (integer(node_ids) != number_) refuse_node("has another id: ids must count from 0");
    const uint64_t feature = integer(features);
    std::string_view mode;
    if (!cursors_[modes].next_string(mode)) ended(modes);
    const float threshold = real(values);
    const uint64_t if_true = integer(true_ids);
    const uint64_t if_false = integer(false_ids);
    if (mode == "LEAF") {
      read_leaf();
      return;
    }
    note_mode(mode);
    if (feature >= ensemble_.inputs.size()) refuse_node("compares input " + to_text(feature));
    if (if_false >= TreeEnsemble::most_nodes_a_tree || if_true + 1 != if_false || if_true <= number_)
      refuse_node("has the children " + to_text(if_true) + " and " + to_text(if_false) +
                  ": they must come after it, side by side");
    ensemble_.nodes.push_back({threshold, static_cast<uint16_t>(feature), static_cast<uint16_t>(if_false)});
  }

  void read_leaf() {
    const uint64_t tree = integer(target_trees);
    const uint64_t node = integer(target_nodes);
    if (tree + 1 != ensemble_.trees.size() || node != number_)
      refuse_node("is a leaf, but the next target is of tree " + to_text(tree) + ", node " + to_text(node));
    if (integer(target_ids) != 0) refuse_node("is a leaf of another target than the first");
    ensemble_.nodes.push_back({real(target_weights), static_cast<uint16_t>(ensemble_.inputs.size()),
                               static_cast<uint16_t>(number_)});
  }

  void note_mode(std::string_view mode) {
    if (mode != "BRANCH_LEQ" && mode != "BRANCH_LT")
      refuse_node("has the mode " + quoted(mode) + "; read are BRANCH_LEQ, BRANCH_LT, LEAF");
    const bool strict = mode == "BRANCH_LT";
    if (branches_ && strict != strict_) refuse_node("has another mode than the nodes before it");
    branches_ = true;
    strict_ = strict;
  }

  const TreeLimits& limits_;
  TreeEnsemble& ensemble_;
  std::array<Cursor, kArrays> cursors_;
  std::array<bool, kArrays> seen_{};
  bool targets_seen_ = false;
  bool branches_ = false;
  bool strict_ = false;
  std::size_t number_ = 0;  // of the node in its tree
};

}  // namespace

void read_tree_arrays(std::string_view node, const TreeLimits& limits, TreeEnsemble& ensemble) {
  ArrayReader(node, limits, ensemble).read();
}

}  // namespace drst
