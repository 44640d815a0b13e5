// What is written as a mixture and read back, and what is refused: a mixture's file travels like any other
// model's, so whoever can write into the store can write one.
#include "learn/mixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>
#include <sys/resource.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/random.h"
#include "nn/onnx.h"
#include "nn/onnx_wire.h"
#include "nn/test_networks.h"
#include "trees/test_trees.h"

namespace drst {
namespace {

using ::testing::HasSubstr;

std::shared_ptr<const Model> network_of(const std::vector<std::string>& inputs, uint64_t seed = 3) {
  Network network = testing::random_network(inputs.size(), {4}, Activation::relu, seed);
  network.inputs = inputs;
  return make_model(network, "mlp");
}
std::shared_ptr<const Model> a_network(uint64_t seed = 3) { return network_of({"a", "b", "a@-1"}, seed); }
std::shared_ptr<const Model> trees() { return make_model(testing::hand_made(), "extra_trees"); }

std::string three_members(bool geometric = true) {
  return make_mixture({{a_network(), 1}, {trees(), 2}, {a_network(4), 1}}, geometric, "mixture")->to_onnx({});
}

onnx::ModelProto parsed(const std::string& bytes) {
  onnx::ModelProto model;
  if (!model.ParseFromString(bytes)) throw std::logic_error("not ONNX");
  return model;
}

std::string& metadata(onnx::ModelProto& model, const std::string& key) {
  for (auto& entry : *model.mutable_metadata_props())
    if (entry.key() == key) return *entry.mutable_value();
  throw std::logic_error("no metadata " + key);
}

onnx::TensorProto& constant(onnx::ModelProto& model, const std::string& name) {
  for (auto& tensor : *model.mutable_graph()->mutable_initializer())
    if (tensor.name() == name) return tensor;
  throw std::logic_error("no constant " + name);
}

onnx::NodeProto& maker(onnx::ModelProto& model, const std::string& output) {
  for (auto& node : *model.mutable_graph()->mutable_node())
    if (node.output(0) == output) return node;
  throw std::logic_error("no node makes " + output);
}

void set_weight(onnx::ModelProto& model, int member, float weight) {
  constant(model, "weight" + std::to_string(member)).set_raw_data(&weight, sizeof weight);
}

/// What is wrong with it; empty: it is read.
std::string refusal(const std::string& bytes, const ModelLimits& limits = {}) {
  try {
    (void)load_model(bytes, limits);
  } catch (const ModelError& error) {
    return error.what();
  }
  return {};
}

std::string refusal_after(const std::function<void(onnx::ModelProto&)>& damage) {
  onnx::ModelProto model = parsed(three_members());
  damage(model);
  return refusal(model.SerializeAsString());
}

TEST(MixtureFile, IsReadBackToTheBitAndIsTheSameBytes) {
  for (const bool geometric : {true, false}) {
    const std::string bytes = three_members(geometric);
    const auto model = load_model(bytes);
    ASSERT_EQ(model->members().size(), 3U);
    EXPECT_EQ(model->members()[1].weight, 0.5F);
    EXPECT_EQ(model->to_onnx({}), bytes);
  }
}

TEST(MixtureFile, CutAtAnyByteIsRefused) {
  const std::string bytes = three_members();
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_NE(refusal(bytes.substr(0, size)), "") << size << " of " << bytes.size() << " bytes";
}

TEST(MixtureFile, WithoutWhatBelongsToAMemberIsRefused) {
  // The nodes and constants of members 0 to 2 one after the other, as a writer that stopped would leave them.
  for (int kept = 0; kept < 3; ++kept) {
    const std::string why = refusal_after([&](onnx::ModelProto& model) {
      auto& nodes = *model.mutable_graph()->mutable_node();
      auto& tensors = *model.mutable_graph()->mutable_initializer();
      const auto lost = [&](const std::string& name) {
        return name.size() > 2 && name[0] == 'm' && name[2] == '/' && name[1] - '0' >= kept;
      };
      nodes.erase(
          std::remove_if(nodes.begin(), nodes.end(), [&](const auto& n) { return lost(n.output(0)); }),
          nodes.end());
      tensors.erase(
          std::remove_if(tensors.begin(), tensors.end(), [&](const auto& t) { return lost(t.name()); }),
          tensors.end());
    });
    EXPECT_NE(why, "") << kept;
  }
}

TEST(MixtureFile, AnotherTailIsRefused) {
  const auto tail_differs = HasSubstr("no weighted mean");
  EXPECT_THAT(refusal_after([](auto& model) { maker(model, "sum1").set_op_type("Sub"); }), tail_differs);
  EXPECT_THAT(refusal_after([](auto& model) { maker(model, "weighted1").set_input(0, "m0/prediction"); }),
              tail_differs);
  EXPECT_THAT(refusal_after([](auto& model) { maker(model, "prediction").set_op_type("Abs"); }),
              tail_differs);
  EXPECT_THAT(refusal_after([](auto& model) {
                const float least = 1;
                constant(model, "least").set_raw_data(&least, sizeof least);
              }),
              tail_differs);
  EXPECT_THAT(refusal_after([](auto& model) {
                auto& more = *model.mutable_graph()->add_node();
                more.set_op_type("Relu");
                more.add_input("prediction");
                more.add_output("other");
              }),
              tail_differs);
  EXPECT_THAT(refusal_after([](auto& model) { maker(model, "sum1").add_output("m1/other"); }), tail_differs);
  EXPECT_THAT(refusal_after([](auto& model) { model.mutable_graph()->mutable_node()->RemoveLast(); }),
              tail_differs);
}

TEST(MixtureFile, ACountOfMembersThatLiesIsRefused) {
  const auto said = [](const std::string& count) {
    return refusal_after([&](auto& model) { metadata(model, "mixture_members") = count; });
  };
  EXPECT_NE(said("2"), "");
  EXPECT_NE(said("4"), "");
  EXPECT_NE(said("16"), "");
  for (const char* count :
       {"0", "-1", "17", "4294967299", "9223372036854775807", "99999999999999999999", "three", ""})
    EXPECT_THAT(said(count), HasSubstr("members; 1 to 16 are read")) << count;
}

TEST(MixtureFile, WeightsThatAreNoneAreRefused) {
  const auto weighing = [](float weight) {
    return refusal_after([&](auto& model) { set_weight(model, 1, weight); });
  };
  EXPECT_THAT(weighing(0), HasSubstr("weight 0"));
  EXPECT_THAT(weighing(-0.5F), HasSubstr("weight -0.5"));
  EXPECT_THAT(weighing(std::numeric_limits<float>::quiet_NaN()), HasSubstr("weight nan"));
  EXPECT_THAT(weighing(std::numeric_limits<float>::infinity()), HasSubstr("weight inf"));
  EXPECT_THAT(refusal_after([](auto& model) { constant(model, "weight1").set_raw_data("abc"); }),
              HasSubstr("member 1 of the mixture has no weight"));
  EXPECT_THAT(refusal_after([](auto& model) { constant(model, "weight1").set_name("weight7"); }),
              HasSubstr("member 1 of the mixture has no weight"));
}

/// Another runtime multiplies by the weights as they stand in the file; normalising them here would make our
/// predictions others than its.
TEST(MixtureFile, WeightsWhoseSumIsNotOneAreRefused) {
  for (const float weight : {0.4F, 0.6F, 1e30F})
    EXPECT_THAT(refusal_after([&](auto& model) { set_weight(model, 1, weight); }), HasSubstr("together"))
        << weight;
}

TEST(MixtureFile, MembersWithOtherInputsAreRefused) {
  // Of as many columns, so that only the names tell; they stand once in the file, so other ones than a
  // member's count are what is left to find.
  EXPECT_NE(refusal_after([](auto& model) { metadata(model, "feature_names") = R"(["a","b"])"; }), "");
  EXPECT_NE(refusal_after([](auto& model) { metadata(model, "feature_names") = R"(["a","b","a"])"; }), "");
  EXPECT_NE(refusal_after([](auto& model) { metadata(model, "feature_names") = "3"; }), "");
  EXPECT_NE(refusal_after([](auto& model) { metadata(model, "feature_names").clear(); }), "");
  // A member that was trained on two columns, put beside members of three.
  onnx::ModelProto model = parsed(three_members());
  onnx::ModelProto other = parsed(make_mixture({{network_of({"a", "b"}), 1}}, true, "mixture")->to_onnx({}));
  auto& tensors = *model.mutable_graph()->mutable_initializer();
  for (auto& tensor : tensors)
    for (const auto& theirs : other.graph().initializer())
      if (tensor.name() == theirs.name() && tensor.name().starts_with("m0/")) tensor = theirs;
  EXPECT_NE(refusal(model.SerializeAsString()), "");
  EXPECT_THROW(make_mixture({{a_network(), 1}, {network_of({"a", "b"}), 1}}, true, "mixture"), InputError);
}

TEST(MixtureFile, AMixtureInsideAMixtureIsRefused) {
  const std::shared_ptr<const Model> inner = make_mixture({{a_network(), 1}, {trees(), 1}}, true, "mixture");
  EXPECT_THROW(make_mixture({{inner, 1}, {trees(), 1}}, true, "mixture"), InputError);
  // The inner one's tail under the name of a member.
  EXPECT_NE(refusal_after([](onnx::ModelProto& model) {
              onnx::ModelProto theirs =
                  parsed(make_mixture({{a_network(), 1}, {trees(), 1}}, true, "mixture")->to_onnx({}));
              for (auto& node : *theirs.mutable_graph()->mutable_node()) {
                for (auto& name : *node.mutable_input()) name = "m0/" + name;
                for (auto& name : *node.mutable_output()) name = "m0/" + name;
                *model.mutable_graph()->add_node() = node;
              }
            }),
            "");
  // A member that says of itself that it is one is not asked.
  EXPECT_EQ(refusal_after([](auto& model) { metadata(model, "member0") = "mixture_members"; }), "");
}

TEST(MixtureFile, OfOneMemberOrSixteenIsRead) {
  std::vector<MixtureMember> members;
  for (std::size_t k = 0; k < learn::most_members; ++k) {
    members.push_back({k % 3 == 0 ? trees() : a_network(k), 1});
    const auto model = load_model(make_mixture(members, k % 2 == 0, "mixture")->to_onnx({}));
    EXPECT_EQ(model->members().size(), k + 1);
  }
  members.push_back({trees(), 1});
  EXPECT_THROW(make_mixture(members, true, "mixture"), InputError);
}

/// Two bytes make an empty node, of which protobuf makes an object of a hundred: what a file asks for is
/// bounded before anything is built of it.
TEST(MixtureFile, HugeCountsAreRefusedBeforeTheyCostMemory) {
  const std::string bytes = three_members();
  const auto with = [&](uint64_t graph_field, const std::string& content, std::size_t times) {
    std::string graph, all;
    for (Wire wire(bytes); !wire.done();) {
      const auto field = wire.field();
      if (field.number != 7) {
        all += field.whole;
        continue;
      }
      graph = field.content;
    }
    for (std::size_t i = 0; i < times; ++i) put_bytes(graph, graph_field, content);
    put_bytes(all, 7, graph);
    return all;
  };
  const auto peak_kib = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const auto before = peak_kib();
  const std::size_t many = 700'000;
  for (const uint64_t field : {uint64_t{1}, uint64_t{5}, uint64_t{11}, uint64_t{13}, uint64_t{15}})
    EXPECT_NE(refusal(with(field, "", many)), "") << "field " << field << " of the graph";
  std::string node;  // of member 1, with that many attributes
  put_bytes(node, 2, "m1/more");
  for (std::size_t i = 0; i < many; ++i) put_bytes(node, 5, "");
  EXPECT_NE(refusal(with(1, node, 1)), "");
  std::string trees_node;  // trees of member 1 that say they have that many modes
  put_bytes(trees_node, 2, "m1/more");
  put_bytes(trees_node, 4, "TreeEnsembleRegressor");
  put_bytes(trees_node, 7, "ai.onnx.ml");
  std::string attribute;
  put_bytes(attribute, 1, "nodes_modes");
  for (std::size_t i = 0; i < many; ++i) put_bytes(attribute, 9, "");
  put_bytes(trees_node, 5, attribute);
  EXPECT_NE(refusal(with(1, trees_node, 1)), "");
  EXPECT_LT(peak_kib() - before, 96 << 10) << "KiB more than before";
}

TEST(MixtureFile, LimitsOfTheCallerHold) {
  const std::string bytes = three_members();
  ModelLimits limits;
  EXPECT_EQ(refusal(bytes, limits), "");
  limits.network.max_bytes = bytes.size() - 1;
  EXPECT_THAT(refusal(bytes, limits), HasSubstr("bytes"));
  limits = {};
  limits.network.max_structure_bytes = limits.trees.max_structure_bytes = 200;
  EXPECT_NE(refusal(bytes, limits), "");
  limits = {};
  limits.trees.max_trees = 1;
  EXPECT_NE(refusal(bytes, limits), "");
  limits = {};
  limits.network.max_nodes = 3;
  EXPECT_NE(refusal(bytes, limits), "");
}

TEST(MixtureFile, RandomDamageNeverGetsFurtherThanAModelError) {
  const std::string clean = three_members();
  Random random(11);
  int refused = 0;
  const int rounds = 3000;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = clean;
    for (uint64_t edits = 1 + random.below(4); edits > 0; --edits) {
      const std::size_t at = random.below(bytes.size());
      switch (random.below(3)) {
        case 0:
          bytes[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          bytes.erase(at, 1 + random.below(8));
          break;
        default:
          bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(32)));
      }
    }
    try {
      const auto model = load_model(bytes);
      std::vector<float> out(2);
      model->predict(std::vector<float>(2 * model->inputs().size(), 5), 2, out, *model->make_scratch());
    } catch (const ModelError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, rounds / 2);
}

}  // namespace
}  // namespace drst
