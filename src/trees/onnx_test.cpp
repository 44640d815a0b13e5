#include "trees/onnx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <functional>

#include "trees/extra_trees.h"
#include "trees/test_trees.h"

namespace drst {
namespace {

using testing::hand_made;
using testing::kInf;
using testing::kNaN;
using testing::predicted;
using testing::random_ensemble;
using testing::random_raw;

onnx::ModelProto parsed(const std::string& bytes) {
  onnx::ModelProto model;
  if (!model.ParseFromString(bytes)) throw std::logic_error("not ONNX");
  return model;
}
onnx::NodeProto& node(onnx::ModelProto& model, const std::string& op) {
  for (auto& n : *model.mutable_graph()->mutable_node())
    if (n.op_type() == op) return n;
  throw std::logic_error("no node " + op);
}
onnx::AttributeProto& attribute(onnx::ModelProto& model, const std::string& name) {
  for (auto& a : *node(model, "TreeEnsembleRegressor").mutable_attribute())
    if (a.name() == name) return a;
  throw std::logic_error("no attribute " + name);
}
void remove_attribute(onnx::ModelProto& model, const std::string& name) {
  auto& all = *node(model, "TreeEnsembleRegressor").mutable_attribute();
  all.erase(std::find_if(all.begin(), all.end(), [&](const auto& a) { return a.name() == name; }));
}
onnx::TensorProto& constant(onnx::ModelProto& model, const std::string& name) {
  for (auto& t : *model.mutable_graph()->mutable_initializer())
    if (t.name() == name) return t;
  throw std::logic_error("no constant " + name);
}

TEST(TreesOnnx, RoundTripIsBitEqual) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    const auto e = random_ensemble(9, 1 + seed * 3, seed);
    std::map<std::string, std::string> metadata;
    const auto bytes = to_onnx(e, {{"family", "gbt"}, {"note", "ü \" \n"}});
    const auto back = trees_from_onnx(bytes, &metadata);
    EXPECT_EQ(back.inputs, e.inputs);
    EXPECT_EQ(back.stand_in.empty(), e.stand_in.empty());
    EXPECT_EQ(back.trees, e.trees);
    EXPECT_EQ(metadata.at("family"), "gbt");
    EXPECT_EQ(metadata.at("note"), "ü \" \n");
    const auto raw = random_raw(9, 70, seed);
    EXPECT_EQ(predicted(back, raw), predicted(e, raw));
    EXPECT_EQ(to_onnx(back, metadata), bytes) << "the same model is the same bytes";
  }
}

TEST(TreesOnnx, TheFileIsAsTheContractSays) {
  auto model = parsed(to_onnx(hand_made()));
  EXPECT_EQ(model.ir_version(), 8);
  EXPECT_EQ(model.opset_import(0).version(), 17);
  EXPECT_EQ(model.opset_import(1).domain(), "ai.onnx.ml");
  EXPECT_EQ(model.opset_import(1).version(), 3);
  EXPECT_EQ(model.graph().input(0).name(), "counters");
  EXPECT_EQ(model.graph().output(0).name(), "prediction");
  EXPECT_EQ(model.graph().output(0).type().tensor_type().shape().dim(1).dim_value(), 1);
  const auto ints = [&](const std::string& name) {
    const auto& values = attribute(model, name).ints();
    return std::vector<int64_t>(values.begin(), values.end());
  };
  const auto floats = [&](const std::string& name) {
    const auto& values = attribute(model, name).floats();
    return std::vector<float>(values.begin(), values.end());
  };
  const auto& modes = attribute(model, "nodes_modes").strings();
  EXPECT_EQ(std::vector<std::string>(modes.begin(), modes.end()),
            (std::vector<std::string>{"BRANCH_LEQ", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF", "BRANCH_LEQ",
                                      "LEAF", "LEAF"}));
  EXPECT_EQ(ints("nodes_treeids"), (std::vector<int64_t>{0, 0, 0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(ints("nodes_nodeids"), (std::vector<int64_t>{0, 1, 2, 3, 4, 0, 1, 2}));
  EXPECT_EQ(ints("nodes_featureids"), (std::vector<int64_t>{0, 0, 1, 0, 0, 2, 0, 0}));
  EXPECT_EQ(floats("nodes_values"), (std::vector<float>{10, 0, 5, 0, 0, 7, 0, 0}));
  EXPECT_EQ(ints("nodes_truenodeids"), (std::vector<int64_t>{1, 0, 3, 0, 0, 1, 0, 0}));
  EXPECT_EQ(ints("nodes_falsenodeids"), (std::vector<int64_t>{2, 0, 4, 0, 0, 2, 0, 0}));
  EXPECT_EQ(ints("target_treeids"), (std::vector<int64_t>{0, 0, 0, 1, 1}));
  EXPECT_EQ(ints("target_nodeids"), (std::vector<int64_t>{1, 3, 4, 1, 2}));
  EXPECT_EQ(floats("target_weights"), (std::vector<float>{1, 2, 4, 10, 20}));
  EXPECT_EQ(attribute(model, "n_targets").i(), 1);
  EXPECT_EQ(attribute(model, "aggregate_function").s(), "SUM");
}

TEST(TreesOnnx, EachReaderRefusesTheOthersFiles) {
  const auto trees = to_onnx(hand_made());
  EXPECT_THROW(from_onnx(trees), ModelError);
  Network network;
  network.inputs = {"a"};
  network.impute = network.shift = {0};
  network.scale = {1};
  network.log1p = {0};
  network.layers = make_layers(1, {}, 1);
  const auto bytes = to_onnx(network);
  EXPECT_THROW(trees_from_onnx(bytes), ModelError);
  EXPECT_TRUE(holds_trees(trees));
  EXPECT_FALSE(holds_trees(bytes));
  EXPECT_FALSE(holds_trees(""));
  EXPECT_FALSE(holds_trees("no model at all"));
  EXPECT_FALSE(holds_trees(std::string_view(trees).substr(0, 60)));
}

TEST(TreesOnnx, RefusesToWriteWhatItCouldNotRead) {
  auto e = hand_made();
  e.nodes[0].value = kNaN;
  EXPECT_THROW(to_onnx(e), InputError);
  e = hand_made();
  e.inputs[0] = "\xff\xfe";
  EXPECT_THROW(to_onnx(e), InputError);
  e.inputs[0] = e.inputs[1];
  EXPECT_THROW(to_onnx(e), InputError);
}

TEST(TreesOnnx, EveryTruncationIsRefused) {
  const auto bytes = to_onnx(hand_made());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(trees_from_onnx(std::string_view(bytes).substr(0, size)), ModelError) << size;
}

TEST(TreesOnnx, RandomDamageNeverGetsFurtherThanAModelError) {
  const auto clean = to_onnx(random_ensemble(3, 4, 2), {{"k", "v"}});
  Random random(4);
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = clean;
    for (uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
      const std::size_t at = random.below(bytes.size());
      switch (random.below(4)) {
        case 0:
          bytes[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
          break;
        case 2:
          bytes.erase(at, 1 + random.below(8));
          break;
        default:
          bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(32)));
      }
      if (bytes.empty()) bytes = "x";
    }
    holds_trees(bytes);
    try {
      const auto e = trees_from_onnx(bytes);
      for (const float y : predicted(e, std::vector<float>(e.inputs.size() * 2, 1)))
        EXPECT_FALSE(std::isnan(y));
    } catch (const ModelError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 10'000);
}

/// Each of these changes a good model into one that must be refused with a message holding `words`.
struct Damage {
  std::string words;
  std::function<void(onnx::ModelProto&)> apply;
};

std::vector<Damage> damaged_trees() {
  using M = onnx::ModelProto&;
  return {
      {"tree 0, node 2 has the children 0 and 1",
       [](M m) {  // a cycle
         attribute(m, "nodes_truenodeids").set_ints(2, 0);
         attribute(m, "nodes_falsenodeids").set_ints(2, 1);
       }},
      {"tree 0, node 0 has the children 0 and 1",
       [](M m) {  // itself
         attribute(m, "nodes_truenodeids").set_ints(0, 0);
         attribute(m, "nodes_falsenodeids").set_ints(0, 1);
       }},
      {"side by side", [](M m) { attribute(m, "nodes_falsenodeids").set_ints(0, 3); }},
      {"side by side", [](M m) { attribute(m, "nodes_truenodeids").set_ints(0, -1); }},
      {"side by side",
       [](M m) {
         attribute(m, "nodes_truenodeids").set_ints(0, 65'535);
         attribute(m, "nodes_falsenodeids").set_ints(0, 65'536);
       }},
      {"tree 0, node 2 has the children 4 and 5, which must",
       [](M m) {  // dangling
         attribute(m, "nodes_truenodeids").set_ints(2, 4);
         attribute(m, "nodes_falsenodeids").set_ints(2, 5);
       }},
      {"tree 0, node 3 has two parents",
       [](M m) {
         attribute(m, "nodes_modes").set_strings(1, "BRANCH_LEQ");
         attribute(m, "nodes_truenodeids").set_ints(1, 3);
         attribute(m, "nodes_falsenodeids").set_ints(1, 4);
         for (const auto* a : {"target_treeids", "target_nodeids", "target_ids"}) {
           auto& ints = *attribute(m, a).mutable_ints();
           ints.erase(ints.begin());
         }
         auto& weights = *attribute(m, "target_weights").mutable_floats();
         weights.erase(weights.begin());
       }},
      {"tree 0, node 3 is not reached",
       [](M m) {  // unused nodes
         attribute(m, "nodes_modes").set_strings(2, "LEAF");
         attribute(m, "target_nodeids").set_ints(1, 2);
         attribute(m, "nodes_modes").set_strings(3, "BRANCH_LEQ");
         attribute(m, "nodes_truenodeids").set_ints(3, 4);
         attribute(m, "nodes_falsenodeids").set_ints(3, 5);
       }},
      {"mode 'BRANCH_GT'", [](M m) { attribute(m, "nodes_modes").set_strings(0, "BRANCH_GT"); }},
      {"mode ''", [](M m) { attribute(m, "nodes_modes").set_strings(1, ""); }},
      {"another mode", [](M m) { attribute(m, "nodes_modes").set_strings(2, "BRANCH_LT"); }},
      {"tree 0, node 1 is a leaf, but the next target is of tree 0, node 3",
       [](M m) { attribute(m, "target_nodeids").set_ints(0, 3); }},
      {"but the next target", [](M m) { attribute(m, "target_treeids").set_ints(0, 1); }},
      {"target_treeids has more", [](M m) { attribute(m, "target_treeids").add_ints(1); }},
      {"target_treeids ends before tree 0, node 2",
       [](M m) {
         attribute(m, "nodes_modes").set_strings(2, "LEAF");
         for (const auto* a : {"target_treeids", "target_nodeids"})
           attribute(m, a).mutable_ints()->Truncate(1);
       }},
      {"target_weights ends before tree 1, node 2",
       [](M m) { attribute(m, "target_weights").mutable_floats()->RemoveLast(); }},
      {"target_weights has more", [](M m) { attribute(m, "target_weights").add_floats(1); }},
      {"another target", [](M m) { attribute(m, "target_ids").set_ints(4, 1); }},
      {"number of targets", [](M m) { attribute(m, "n_targets").set_i(2); }},
      {"not say n_targets", [](M m) { remove_attribute(m, "n_targets"); }},
      {"another aggregate_function", [](M m) { attribute(m, "aggregate_function").set_s("AVERAGE"); }},
      {"another post_transform", [](M m) { attribute(m, "post_transform").set_s("LOGISTIC"); }},
      {"'base_values', which is not read",
       [](M m) {
         auto* a = node(m, "TreeEnsembleRegressor").add_attribute();
         a->set_name("base_values");
         a->add_floats(1);
       }},
      {"no attribute nodes_values", [](M m) { remove_attribute(m, "nodes_values"); }},
      {"'nodes_values' stands twice",
       [](M m) { *node(m, "TreeEnsembleRegressor").add_attribute() = attribute(m, "nodes_values"); }},
      {"'nodes_values' is of the wrong type",
       [](M m) {
         attribute(m, "nodes_values").clear_floats();
         attribute(m, "nodes_values").add_ints(1);
       }},
      {"nodes_values ends before tree 1, node 2",
       [](M m) { attribute(m, "nodes_values").mutable_floats()->RemoveLast(); }},
      {"nodes_values has more", [](M m) { attribute(m, "nodes_values").add_floats(0); }},
      {"nodes_nodeids has more", [](M m) { attribute(m, "nodes_nodeids").add_ints(3); }},
      {"nodes_modes has more", [](M m) { attribute(m, "nodes_modes").add_strings("LEAF"); }},
      {"no nodes",
       [](M m) {
         for (auto& a : *node(m, "TreeEnsembleRegressor").mutable_attribute())
           a.clear_ints(), a.clear_floats(), a.clear_strings();
       }},
      {"tree 0, node 0 has a threshold or a value that is not finite",
       [](M m) { attribute(m, "nodes_values").set_floats(0, kNaN); }},
      {"tree 1, node 2 has a threshold or a value that is not finite",
       [](M m) { attribute(m, "target_weights").set_floats(4, kInf); }},
      {"add up", [](M m) { attribute(m, "target_weights").set_floats(4, 3e38F); }},
      {"compares input 3", [](M m) { attribute(m, "nodes_featureids").set_ints(0, 3); }},
      {"compares input", [](M m) { attribute(m, "nodes_featureids").set_ints(0, -1); }},
      {"tree 0, node 2 has another id", [](M m) { attribute(m, "nodes_nodeids").set_ints(2, 3); }},
      {"followed by a node of tree 2", [](M m) { attribute(m, "nodes_treeids").set_ints(5, 2); }},
      {"followed by a node of tree 0", [](M m) { attribute(m, "nodes_treeids").set_ints(6, 0); }},
  };
}

std::vector<Damage> damaged_graphs() {
  using M = onnx::ModelProto&;
  return {
      {"no trees", [](M m) { node(m, "TreeEnsembleRegressor").set_op_type("TreeEnsembleClassifier"); }},
      {"domain ai.onnx.ml", [](M m) { node(m, "TreeEnsembleRegressor").clear_domain(); }},
      {"domain ai.onnx.ml", [](M m) { node(m, "TreeEnsembleRegressor").set_domain("com.example"); }},
      {"two nodes", [](M m) { *m.mutable_graph()->add_node() = node(m, "TreeEnsembleRegressor"); }},
      {"no opset of ai.onnx.ml", [](M m) { m.mutable_opset_import()->RemoveLast(); }},
      {"ai.onnx.ml of version 4", [](M m) { m.mutable_opset_import(1)->set_version(4); }},
      {"opset 18", [](M m) { m.mutable_opset_import(0)->set_version(18); }},
      {"should come from", [](M m) { node(m, "Mul").set_op_type("Div"); }},
      {"should come from", [](M m) { node(m, "Mul").set_input(0, "filled"); }},
      {"not imputed", [](M m) { node(m, "TreeEnsembleRegressor").set_input(0, "counters"); }},
      {"operands", [](M m) { node(m, "TreeEnsembleRegressor").add_input("counters"); }},
      {"outputs", [](M m) { node(m, "TreeEnsembleRegressor").add_output("more"); }},
      {"before it is defined", [](M m) { m.mutable_graph()->mutable_node()->SwapElements(4, 5); }},
      {"another number than 0",
       [](M m) { constant(m, "floor").set_raw_data(std::string("\0\0\x80\x3f", 4)); }},
      {"not finite", [](M m) { constant(m, "base").set_raw_data(std::string("\0\0\xc0\x7f", 4)); }},
      {"wrong shape", [](M m) { constant(m, "impute").set_dims(0, 2); }},
      {"not part of",
       [](M m) {
         auto* n = m.mutable_graph()->add_node();
         n->set_op_type("Relu");
         n->add_input("counters");
         n->add_output("spare");
       }},
      {"feature_names", [](M m) { m.clear_metadata_props(); }},
      {"beside the arrays", [](M m) { m.set_doc_string(std::string(2U << 20U, 'x')); }},
  };
}

TEST(TreesOnnx, EachKindOfDamageIsNamed) {
  auto e = hand_made();
  e.exponential = e.non_negative = true;
  const auto clean = to_onnx(e);
  auto damages = damaged_trees();
  for (auto& damage : damaged_graphs()) damages.push_back(std::move(damage));
  for (const auto& damage : damages) {
    auto model = parsed(clean);
    damage.apply(model);
    try {
      trees_from_onnx(model.SerializeAsString());
      ADD_FAILURE() << "accepted what should be refused for '" << damage.words << "'";
    } catch (const ModelError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(damage.words));
    }
  }
}

TEST(TreesOnnx, LimitsOfTheCallerHold) {
  const auto bytes = to_onnx(hand_made());
  EXPECT_NO_THROW(trees_from_onnx(bytes));
  EXPECT_THROW(trees_from_onnx(bytes, nullptr, {.max_bytes = bytes.size() - 1}), ModelError);
  EXPECT_THROW(trees_from_onnx(bytes, nullptr, {.max_structure_bytes = 100}), ModelError);
  EXPECT_THROW(trees_from_onnx(bytes, nullptr, {.max_nodes = 7}), ModelError);
  EXPECT_THROW(trees_from_onnx(bytes, nullptr, {.max_trees = 1}), ModelError);
  EXPECT_THROW(trees_from_onnx(bytes, nullptr, {.max_depth = 1}), ModelError);
  EXPECT_THROW(trees_from_onnx(bytes, nullptr, {.max_inputs = 2}), ModelError);
  EXPECT_NO_THROW(
      trees_from_onnx(bytes, nullptr, {.max_nodes = 8, .max_trees = 2, .max_depth = 2, .max_inputs = 3}));
}

/// The same message with the repeated numbers of the trees packed, as other writers may.
std::string packed(const std::string& bytes) {
  auto model = parsed(bytes);
  auto& trees = node(model, "TreeEnsembleRegressor");
  for (auto& a : *trees.mutable_attribute()) {
    std::string content;
    for (const int64_t v : a.ints()) {
      for (auto rest = static_cast<uint64_t>(v);; rest >>= 7U) {
        content += static_cast<char>(rest >= 0x80 ? 0x80U | (rest & 0x7fU) : rest);
        if (rest < 0x80) break;
      }
    }
    content.append(reinterpret_cast<const char*>(a.floats().data()),
                   static_cast<std::size_t>(a.floats_size()) * sizeof(float));
    if (content.empty()) continue;
    auto& unknown = *a.GetReflection()->MutableUnknownFields(&a);
    unknown.AddLengthDelimited(a.ints_size() > 0 ? 8 : 7, content);
    a.clear_ints();
    a.clear_floats();
  }
  return model.SerializeAsString();
}

TEST(TreesOnnx, PackedArraysAreReadToo) {
  const auto e = random_ensemble(9, 30, 5);
  const auto bytes = to_onnx(e);
  const auto smaller = packed(bytes);
  EXPECT_LT(smaller.size(), bytes.size());
  const auto raw = random_raw(9, 20, 1);
  EXPECT_EQ(predicted(trees_from_onnx(smaller), raw), predicted(e, raw));
}

TEST(TreesOnnx, AFileWithoutBranchesIsReadAndWritten) {
  TreeEnsemble e;
  e.inputs = {"a"};
  e.impute = {0};
  append_tree(e, make_leaf(3, 1));
  EXPECT_EQ(predicted(trees_from_onnx(to_onnx(e)), std::vector<float>{1})[0], 3);
}

}  // namespace
}  // namespace drst
