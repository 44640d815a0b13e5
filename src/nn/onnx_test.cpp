#include "nn/onnx.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cmath>
#include <functional>
#include <limits>

#include "nn/test_networks.h"

namespace drst {
namespace {

using testing::random_network;
using testing::random_raw;

std::vector<float> predict(const Network& network, const std::vector<float>& raw) {
  std::vector<float> out(raw.size() / network.inputs.size());
  Workspace workspace;
  forward(network, raw, out.size(), out, workspace);
  return out;
}

void expect_round_trip(const Network& network) {
  std::map<std::string, std::string> metadata;
  const auto back = from_onnx(to_onnx(network, {{"family", "ridge"}, {"note", "ü \" \n"}}), &metadata);
  EXPECT_EQ(back.inputs, network.inputs);
  EXPECT_EQ(back.hidden(), network.hidden());
  EXPECT_EQ(back.log1p, network.log1p);
  EXPECT_EQ(back.log_factor, network.log_factor);
  EXPECT_EQ(back.stand_in.empty(), network.stand_in.empty());
  EXPECT_EQ(back.low, network.low);
  EXPECT_EQ(back.non_negative, network.non_negative);
  EXPECT_EQ(metadata.at("family"), "ridge");
  EXPECT_EQ(metadata.at("note"), "ü \" \n");
  const auto raw = random_raw(network, 40, 1);
  EXPECT_EQ(predict(back, raw), predict(network, raw));
}

TEST(Onnx, RoundTripIsBitEqual) {
  for (const auto activation : {Activation::relu, Activation::gelu}) {
    for (const auto& hidden : {std::vector<std::size_t>{}, {64, 32}, {1}, {5, 4, 3, 2}}) {
      for (const uint64_t seed : {1U, 2U, 3U, 6U})
        expect_round_trip(random_network(10, hidden, activation, seed));
    }
  }
  auto network = random_network(3, {4}, Activation::relu, 5);
  network.log1p = {0, 0, 0};
  expect_round_trip(network);
  network.log1p = {1, 1, 1};
  expect_round_trip(network);
}

TEST(Onnx, TheFileIsAsTheContractSays) {
  const auto network = random_network(10, {64, 32}, Activation::gelu, 1);
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(to_onnx(network)));
  EXPECT_EQ(model.ir_version(), 8);
  EXPECT_EQ(model.opset_import(0).version(), 17);
  EXPECT_EQ(model.graph().input(0).name(), "counters");
  EXPECT_TRUE(model.graph().input(0).type().tensor_type().shape().dim(0).has_dim_param());
  EXPECT_EQ(model.graph().output(0).name(), "prediction");
  EXPECT_EQ(to_onnx(network), to_onnx(network)) << "the same model is the same bytes";
}

TEST(Onnx, RefusesToWriteWhatItCouldNotRead) {
  auto network = random_network(2, {3}, Activation::relu, 1);
  network.layers[0].weights[0] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(to_onnx(network), InputError);
  network = random_network(2, {3}, Activation::relu, 1);
  network.inputs[0] = "\xff\xfe";
  EXPECT_THROW(to_onnx(network), InputError);
  network.inputs[0] = network.inputs[1];
  EXPECT_THROW(to_onnx(network), InputError);
}

TEST(Onnx, EveryTruncationIsRefused) {
  const auto bytes = to_onnx(random_network(3, {4}, Activation::gelu, 2));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THROW(from_onnx(std::string_view(bytes).substr(0, size)), ModelError) << size;
}

TEST(Onnx, RandomDamageNeverGetsFurtherThanAModelError) {
  const auto clean = to_onnx(random_network(3, {4}, Activation::gelu, 3), {{"k", "v"}});
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
    try {
      const auto network = from_onnx(bytes);
      const std::vector<float> raw(network.inputs.size() * 2, 1);
      EXPECT_EQ(predict(network, raw).size(), 2U);
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

onnx::NodeProto& node(onnx::ModelProto& model, const std::string& op) {
  for (auto& n : *model.mutable_graph()->mutable_node())
    if (n.op_type() == op) return n;
  throw std::logic_error("no node " + op);
}
onnx::TensorProto& constant(onnx::ModelProto& model, const std::string& name) {
  for (auto& t : *model.mutable_graph()->mutable_initializer())
    if (t.name() == name) return t;
  throw std::logic_error("no constant " + name);
}

std::vector<Damage> damages() {
  using M = onnx::ModelProto&;
  return {
      {"before it is defined", [](M m) { node(m, "Erf").set_input(0, node(m, "Erf").output(0)); }},
      {"before it is defined", [](M m) { m.mutable_graph()->mutable_node()->SwapElements(1, 2); }},
      {"before it is defined", [](M m) { node(m, "IsNaN").set_input(0, "prediction"); }},
      {"before it is defined", [](M m) { m.mutable_graph()->mutable_initializer()->RemoveLast(); }},
      {"should come from", [](M m) { node(m, "Erf").set_op_type("Tanh"); }},
      {"no Gemm",
       [](M m) {
         node(m, "Gemm").set_op_type("MatMul");
         node(m, "Gemm").set_op_type("Loop");
       }},
      {"of the domain", [](M m) { node(m, "Erf").set_domain("com.example"); }},
      {"outputs", [](M m) { node(m, "Erf").add_output("more"); }},
      {"operands", [](M m) { node(m, "Erf").add_input("counters"); }},
      {"attributes", [](M m) { node(m, "Erf").add_attribute()->set_name("x"); }},
      {"has the attribute",
       [](M m) {
         auto* a = node(m, "Gemm").add_attribute();
         a->set_name("alpha");
         a->set_f(2);
       }},
      {"defined twice", [](M m) { node(m, "Erf").set_output(0, "missing"); }},
      {"defined twice", [](M m) { *m.mutable_graph()->add_initializer() = m.graph().initializer(0); }},
      {"not part of a network",
       [](M m) {
         auto* n = m.mutable_graph()->add_node();
         n->set_op_type("Relu");
         n->add_input("counters");
         n->add_output("spare");
       }},
      {"not used",
       [](M m) {
         auto* t = m.mutable_graph()->add_initializer();
         *t = m.graph().initializer(0);
         t->set_name("spare");
       }},
      {"wrong shape", [](M m) { constant(m, "impute").add_dims(1); }},
      {"wrong shape", [](M m) { constant(m, "scale").set_dims(0, 2); }},
      {"a dimension of", [](M m) { constant(m, "layer0_weights").set_dims(0, int64_t{1} << 40); }},
      {"a dimension of", [](M m) { constant(m, "layer0_weights").set_dims(0, -3); }},
      {"bytes of data", [](M m) { constant(m, "layer0_weights").set_dims(0, 60'000); }},
      {"not a matrix", [](M m) { constant(m, "layer0_weights").add_dims(1); }},
      {"inputs, but gets",
       [](M m) {
         constant(m, "layer1_weights").set_dims(0, 1);
         constant(m, "layer1_weights").set_raw_data("\0\0\0\0", 4);
       }},
      {"bytes of data", [](M m) { constant(m, "layer0_bias").mutable_raw_data()->pop_back(); }},
      {"wrong type", [](M m) { constant(m, "layer0_bias").set_data_type(onnx::TensorProto::INT32); }},
      {"outside the file",
       [](M m) { constant(m, "layer0_bias").set_data_location(onnx::TensorProto::EXTERNAL); }},
      {"not finite", [](M m) { constant(m, "layer0_bias").mutable_raw_data()->replace(2, 2, "\xc0\x7f"); }},
      {"values", [](M m) { constant(m, "log1p").set_raw_data("\1"); }},
      {"not a positive number", [](M m) { constant(m, "log_factor").set_raw_data(std::string(12, '\0')); }},
      {"no GELU",
       [](M m) {
         node(m, "Erf");
         constant(m, "layer0_half").set_raw_data("\0\0\0\0", 4);
       }},
      {"feature_names", [](M m) { m.clear_metadata_props(); }},
      {"stands twice", [](M m) { *m.add_metadata_props() = m.metadata_props(0); }},
      {"JSON list", [](M m) { m.mutable_metadata_props(2)->set_value("["); }},
      {"JSON list", [](M m) { m.mutable_metadata_props(2)->set_value("[\"a\"]"); }},
      {"a name twice", [](M m) { m.mutable_metadata_props(2)->set_value("[\"a\",\"b\",\"a\"]"); }},
      {"IR version", [](M m) { m.set_ir_version(99); }},
      {"points at column", [](M m) { constant(m, "stand_in").set_raw_data(std::string(23, '\0') + '\1'); }},
      {"axis 1", [](M m) { node(m, "Gather").mutable_attribute(0)->set_i(0); }},
      {"not a range",
       [](M m) {
         constant(m, "high").set_raw_data(constant(m, "low").raw_data());
         constant(m, "low").set_raw_data(std::string(12, '\0'));
       }},
      {"opset 18", [](M m) { m.mutable_opset_import(0)->set_version(18); }},
      {"no opset", [](M m) { m.clear_opset_import(); }},
      {"functions", [](M m) { m.add_functions(); }},
      {"columns",
       [](M m) {
         m.mutable_graph()
             ->mutable_input(0)
             ->mutable_type()
             ->mutable_tensor_type()
             ->mutable_shape()
             ->mutable_dim(1)
             ->set_dim_value(1 << 30);
       }},
      {"N open",
       [](M m) {
         m.mutable_graph()
             ->mutable_input(0)
             ->mutable_type()
             ->mutable_tensor_type()
             ->mutable_shape()
             ->mutable_dim(0)
             ->set_dim_value(1);
       }},
      {"not float32",
       [](M m) {
         m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(
             onnx::TensorProto::DOUBLE);
       }},
      {"instead of one", [](M m) { *m.mutable_graph()->add_input() = m.graph().input(0); }},
      {"no node makes", [](M m) { m.mutable_graph()->mutable_output(0)->set_name("elsewhere"); }},
      {"limit is 4096",
       [](M m) {
         for (int i = 0; i < 5000; ++i) m.mutable_graph()->add_node();
       }},
      {"beside tensor data", [](M m) { m.set_doc_string(std::string(2U << 20U, 'x')); }},
  };
}

TEST(Onnx, EachKindOfDamageIsNamed) {
  const auto clean = to_onnx(random_network(3, {4}, Activation::gelu, 6), {{"a", "b"}});
  for (const auto& damage : damages()) {
    onnx::ModelProto model;
    ASSERT_TRUE(model.ParseFromString(clean));
    damage.apply(model);
    try {
      from_onnx(model.SerializeAsString());
      ADD_FAILURE() << "accepted what should be refused for '" << damage.words << "'";
    } catch (const ModelError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(damage.words));
    }
  }
}

TEST(Onnx, LimitsOfTheCallerHold) {
  const auto bytes = to_onnx(random_network(30, {40, 40}, Activation::relu, 3));
  EXPECT_NO_THROW(from_onnx(bytes));
  EXPECT_THROW(from_onnx(bytes, nullptr, {.max_bytes = bytes.size() - 1}), ModelError);
  EXPECT_THROW(from_onnx(bytes, nullptr, {.max_nodes = 5}), ModelError);
  EXPECT_THROW(from_onnx(bytes, nullptr, {.max_inputs = 29}), ModelError);
  EXPECT_THROW(from_onnx(bytes, nullptr, {.max_layers = 2}), ModelError);
  EXPECT_THROW(from_onnx(bytes, nullptr, {.max_width = 39}), ModelError);
}

TEST(Onnx, ReadsValuesStoredAsNumbersToo) {
  const auto network = random_network(3, {4}, Activation::relu, 3);
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(to_onnx(network)));
  auto& weights = constant(model, "layer0_weights");
  weights.clear_raw_data();
  for (const float w : network.layers[0].weights) weights.add_float_data(w);
  auto& flags = constant(model, "log1p");
  flags.clear_raw_data();
  for (const uint8_t f : network.log1p) flags.add_int32_data(f);
  const auto back = from_onnx(model.SerializeAsString());
  const auto raw = random_raw(network, 9, 1);
  EXPECT_EQ(predict(back, raw), predict(network, raw));
}

}  // namespace
}  // namespace drst
