#include "tuning/answer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "learn/dataset.h"

namespace drst::tuning {
namespace {

/// y = 2 a, then 2 a + b with a column b that the model does not know; what was in service knew neither.
struct World {
  Memory memory{1000, 10};
  Table offline;
  Network start;

  explicit World(int rows, int with_b) {
    Random random(5);
    std::vector<double> a, y;
    for (int r = 0; r < 60; ++r) {
      a.push_back(random.uniform(1, 3));
      y.push_back(2 * a.back());
    }
    offline.add_column("output_rate", y);
    offline.add_column("a", a);
    memory.set_columns({"a", "b"});
    for (int r = 0; r < rows; ++r) {
      const auto x = static_cast<float>(random.uniform(1, 3));
      const auto b = r < rows - with_b ? std::numeric_limits<float>::quiet_NaN()
                                       : static_cast<float>(random.uniform(1, 3));
      const std::string id = std::to_string(r);
      memory.add_sample(id, r, {x, b}, {.baseline = 100, .live = 100, .challenger = 100});
      memory.add_label(id, 2 * x + (std::isnan(b) ? 0 : b));
    }
    start.inputs = {"a"};
    start.impute = {2};
    start.log1p = {0};
    start.shift = {2};
    start.scale = {1};
    start.layers = make_layers(1, {}, 1);
    start.output_shift = 4;
    start.output_scale = 1;
  }
  [[nodiscard]] Answer answer(const TuningSettings& settings) const {
    Question question;
    question.memory = &memory;
    question.offline = &offline;
    question.target = "output_rate";
    question.tier = Tier::A;
    question.starts = {{start, 0}};
    return answer_drift(question, settings);
  }
};

TEST(Answer, TakesUpAColumnThatTheNewestRowsHave) {
  const World world(150, 60);  // the newest 23 of them judge
  TuningSettings settings;
  settings.new_column_rows = 30;
  Answer found = world.answer(settings);
  ASSERT_TRUE(found.better) << found.reason;
  EXPECT_EQ(found.model->inputs(), (std::vector<std::string>{"a", "b"}));
  settings.new_column_rows = 100;  // less than half of so many have it
  found = world.answer(settings);
  ASSERT_TRUE(found.better) << found.reason;
  EXPECT_EQ(found.model->inputs(), std::vector<std::string>{"a"});
}

TEST(Answer, WhatCountsAsAFactDecidesWhetherAFewRowsTell) {
  const World world(150, 0);
  TuningSettings settings;
  EXPECT_TRUE(world.answer(settings).better);
  settings.rows_a_fact = 1e9;
  const Answer doubted = world.answer(settings);
  EXPECT_FALSE(doubted.better);
  EXPECT_NE(doubted.reason.find("too few rows"), std::string::npos) << doubted.reason;
}

}  // namespace
}  // namespace drst::tuning
