#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "learn/families.h"
#include "learn/fit_trees.h"
#include "tuning/refit_line.h"

namespace drst::tuning {
namespace {

ModelSettings model_settings() {
  ModelSettings model;
  model.trees = 30;
  model.gbt_rounds = 60;
  model.gbt_learning_rate = 0.2;
  return model;
}

/// y = 2 a offline; 2 a b in the stream, with a column b that only its newest rows have.
struct World {
  Memory memory{2000, 10};
  Table offline;
  std::unique_ptr<RefitLine> line;
  TuningSettings settings;

  World(const std::string& family, int rows, int with_b, double factor = 1) {
    Random random(5);
    std::vector<double> a, y;
    for (int r = 0; r < 200; ++r) {
      a.push_back(random.uniform(1, 3));
      y.push_back(2 * a.back());
    }
    offline.add_column("output_rate", y);
    offline.add_column("a", a);
    memory.set_columns({"a", "b"});
    for (int r = 0; r < rows; ++r) {
      const auto x = static_cast<float>(random.uniform(1, 3));
      const auto b = r < rows - with_b ? std::numeric_limits<float>::quiet_NaN()
                                       : static_cast<float>(random.uniform(2, 4));
      const std::string id = std::to_string(r);
      memory.add_sample(id, r, {x, b}, {.baseline = 2 * x, .live = 2 * x, .challenger = 2 * x});
      memory.add_label(id, static_cast<float>(factor) * 2 * x * (std::isnan(b) ? 1 : b));
    }
    settings.new_column_rows = 30;
    line = make_tree_line(
        fit_trees(family, make_dataset(offline, {"a"}, "output_rate"), {}, model_settings(), 1), true,
        model_settings(), settings);
  }
  [[nodiscard]] Material material() const {
    return {memory.dataset({"a"}, 0, memory.rows().size()), make_dataset(offline, {"a"}, "output_rate"),
            0.01};
  }
  Answer answer(Tier tier) {
    return line->answer({&memory, {}, &offline, "output_rate", tier, {}, 1e-6, 0.01, 9});
  }
};

float said(const Model& model, float a, float b = 0) {
  float y = 0;
  std::vector<float> raw = {a};
  if (model.inputs().size() > 1) raw.push_back(b);
  model.predict(raw, 1, {&y, 1}, *model.make_scratch());
  return y;
}

class TreeLine : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Families, TreeLine, ::testing::Values("extra_trees", "gbt"));

TEST_P(TreeLine, ARefitKnowsTheMemoryAndDoesNotBuildOnTheLastOne) {
  World world(GetParam(), 300, 0, 0.5);
  const auto first = world.line->refit(world.material(), false, 3);
  EXPECT_NEAR(said(*first, 2), 2, 0.4) << "the stream says half of what the table says";
  world.line->advance(first, 300);
  EXPECT_EQ(world.line->newest(), first);
  EXPECT_EQ(first->to_onnx({}), world.line->refit(world.material(), false, 3)->to_onnx({}));
  EXPECT_NE(first->to_onnx({}), world.line->refit(world.material(), false, 4)->to_onnx({}));
  EXPECT_FALSE(world.line->goes_on());
}

TEST_P(TreeLine, TheOfflineTableCountsAsMuchAsItsWeightSays) {
  double last = 0;
  for (const double weight : {0.0, 1.0, 10.0}) {
    World world(GetParam(), 100, 0, 0.5);
    world.settings.offline_weight = weight;
    world.line = make_tree_line(world.line->newest(), true, model_settings(), world.settings);
    const auto model = world.line->refit(world.material(), false, 3);
    EXPECT_GT(said(*model, 2), last + 0.3) << weight;
    last = static_cast<double>(said(*model, 2));
  }
  EXPECT_GT(last, 3);
}

TEST_P(TreeLine, ModelsOfAnotherKindAreIgnored) {
  World world(GetParam(), 10, 0);
  const auto before = world.line->newest();
  Network network;
  network.inputs = {"a"};
  network.impute = {1};
  network.log1p = {0};
  network.shift = {0};
  network.scale = {1};
  network.layers = make_layers(1, {}, 1);
  world.line->advance(make_model(network, "ridge"), 5);
  EXPECT_EQ(world.line->newest(), before);
}

TEST_P(TreeLine, AnAnswerTakesUpAColumnThatTheNewestRowsHave) {
  World world(GetParam(), 400, 250);
  Answer found = world.answer(Tier::A);
  ASSERT_TRUE(found.better) << found.reason;
  EXPECT_EQ(found.model->inputs(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(found.candidates, 1);
  EXPECT_NEAR(said(*found.model, 2, 2.5F), 10, 2);
  EXPECT_NEAR(said(*found.model, 2, 3.5F), 14, 2);
}

TEST_P(TreeLine, AnAnswerLearnsFromTheJudgingRowsOnlyOnceTheyHaveJudged) {
  // Another rate in the newest rows, which all judge: what was learned before them is no better.
  World world(GetParam(), 100, 0);
  Random random(8);
  for (int r = 100; r < 120; ++r) {
    const auto x = static_cast<float>(random.uniform(1, 3));
    world.memory.add_sample(std::to_string(r), r, {x, 0},
                            {.baseline = 2 * x, .live = 2 * x, .challenger = 2 * x});
    world.memory.add_label(std::to_string(r),
                           0.8F * x * std::exp(0.3F * static_cast<float>(random.normal())));
  }
  world.settings.min_validation = 20;
  world.settings.validation_share = 0.1;
  world.line = make_tree_line(world.line->newest(), true, model_settings(), world.settings);
  const Answer found = world.answer(Tier::C);
  EXPECT_FALSE(found.better) << found.reason;
  EXPECT_EQ(found.model, nullptr);
  EXPECT_GT(found.val_loss, 0.5);
  EXPECT_EQ(found.candidates, std::string(GetParam()) == "gbt" ? 2 : 1);
}

}  // namespace
}  // namespace drst::tuning
