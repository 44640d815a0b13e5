#include "tuning/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tuning/refit.h"
#include "tuning/track.h"

namespace drst::tuning {
namespace {

using ::testing::ElementsAre;

TEST(Memory, JoinsLabelsThatComeLateEarlyOrNever) {
  Memory memory(10, 3);
  memory.set_columns({"a"});
  EXPECT_FALSE(memory.add_sample("r-0", 0, {1}, {}));
  EXPECT_FALSE(memory.add_label("r-1", 11)) << "its sample has not come";
  EXPECT_TRUE(memory.add_sample("r-1", 1, {2}, {}));
  EXPECT_TRUE(memory.add_label("r-0", 10));
  EXPECT_FALSE(memory.add_label("r-0", 99)) << "it has one";
  for (int i = 2; i < 8; ++i) EXPECT_FALSE(memory.add_sample("r-" + std::to_string(i), i, {3}, {}));
  EXPECT_FALSE(memory.add_label("r-2", 12)) << "forgotten: only three may wait";
  EXPECT_TRUE(memory.add_label("r-7", 17));
  EXPECT_FALSE(memory.add_label("r-6", std::nanf("")));
  ASSERT_EQ(memory.rows().size(), 3U);
  EXPECT_EQ(memory.rows()[0].row, 1);
  EXPECT_EQ(memory.rows()[1].label, 10);
  EXPECT_EQ(memory.labels_seen(), 3U);
}

TEST(Memory, IsBoundedAndFillsColumnsThatCameLater) {
  Memory memory(3, 10);
  memory.set_columns({"a"});
  memory.add_sample("0", 0, {1}, {});
  memory.add_label("0", 10);
  memory.set_columns({"a", "b"});
  for (int i = 1; i < 4; ++i) {
    memory.add_sample(std::to_string(i), i < 3 ? i : 7, {static_cast<float>(i + 1), 5}, {});
    memory.add_label(std::to_string(i), static_cast<float>(10 * i));
  }
  EXPECT_EQ(memory.rows().size(), 3U);
  EXPECT_EQ(memory.labels_seen(), 4U);
  const Dataset data = memory.dataset({"b", "a", "gone"}, 0, 3);
  EXPECT_THAT(data.y, ElementsAre(10, 20, 30));
  EXPECT_THAT(data.starts, ElementsAre(0, 2)) << "rows 3 to 6 are missing";
  EXPECT_EQ(data.row(1)[0], 5);
  EXPECT_EQ(data.row(1)[1], 3);
  EXPECT_TRUE(std::isnan(data.row(1)[2]));
}

TEST(Track, ComparesWhatWasPredictedWhenTheRowCame) {
  Memory memory(100, 100);
  for (int i = 0; i < 50; ++i) {
    const std::string id = std::to_string(i);
    memory.add_sample(id, i, {}, {.baseline = 150, .live = 110, .challenger = i < 30 ? 500.0F : 100.0F});
    memory.add_label(id, 100);
  }
  const Record record = compare(memory, 20, 1e-6, 3);
  EXPECT_EQ(record.rows, 20U);
  EXPECT_DOUBLE_EQ(record.baseline, 0.5);
  EXPECT_NEAR(record.live, 0.1, 1e-12);
  EXPECT_DOUBLE_EQ(record.challenger, 0);
  EXPECT_DOUBLE_EQ(record.challenger_gain, 0.5);
  EXPECT_NEAR(record.live_gain, 0.4, 1e-12);
  EXPECT_NEAR(record.challenger_error, 0, 1e-6) << "all differences are equal";
  const Record longer = compare(memory, 50, 1e-6, 3);
  EXPECT_DOUBLE_EQ(longer.challenger, 0.6) << "an error counts as 1 at most";
  EXPECT_GT(longer.challenger_error, 0.05);
  EXPECT_NEAR(compare(memory, 50, 1e-6, 12).challenger_error, 2 * longer.challenger_error, 1e-12)
      << "four times fewer facts, twice the standard error";
}

TEST(BoundedError, IsBoundedWhateverIsPredicted) {
  EXPECT_DOUBLE_EQ(bounded_error(80, 100, 1e-6), 0.2);
  EXPECT_DOUBLE_EQ(bounded_error(1e30F, 100, 1e-6), 1);
  EXPECT_DOUBLE_EQ(bounded_error(std::nanf(""), 100, 1e-6), 1);
  EXPECT_DOUBLE_EQ(bounded_error(0, 0, 1e-6), 0);
}

Network plain_network() {
  Network network;
  network.inputs = {"a"};
  network.impute = {3};
  network.log1p = {0};
  network.shift = {2};
  network.scale = {0.5F};
  network.low = {-1};
  network.high = {1};
  network.layers = make_layers(1, {4}, 7);
  network.output_scale = 2;
  return network;
}

TEST(Refit, NewInputsChangeNoPredictionUntilTheyAreLearned) {
  const Network network = plain_network();
  Dataset recent;
  recent.inputs = {"new", "a", "new@-1"};
  for (int i = 0; i < 10; ++i) {
    const auto value = static_cast<float>(i);
    recent.x.insert(recent.x.end(), {100 + value * value, value,
                                     value > 0 ? 100 + (value - 1) * (value - 1) : std::nanf("")});
    recent.y.push_back(value);
  }
  recent.starts = {0};
  const Network wider = with_new_inputs(network, {"a", "new", "new@-1"}, recent);
  wider.check();
  EXPECT_THAT(wider.inputs, ElementsAre("a", "new", "new@-1"));
  EXPECT_THAT(wider.stand_in, ElementsAre(-1, -1, 1));
  const float old_row[] = {2.5F};
  const float new_row[] = {2.5F, 140, std::nanf("")};
  float before = 0;
  float after = 0;
  Workspace workspace;
  forward(network, old_row, 1, {&before, 1}, workspace);
  forward(wider, new_row, 1, {&after, 1}, workspace);
  EXPECT_EQ(before, after);
}

TEST(Refit, LearnsTheRecentRowsAndWidensItsRange) {
  Network network = plain_network();
  Material material;
  material.recent.inputs = material.offline.inputs = network.inputs;
  for (int i = 0; i < 200; ++i) {
    const auto value = static_cast<float>(i % 20);
    material.recent.x.push_back(value);
    material.recent.y.push_back(10 + 3 * value);
    material.offline.x.push_back(value / 10);
    material.offline.y.push_back(10 + 3 * value / 10);
  }
  material.recent.starts = material.offline.starts = {0};
  TuningSettings settings;
  settings.refit_steps = 600;
  settings.refit_learning_rate = 2e-2;
  const double before = bounded_loss(network, material.recent, 1e-6);
  const Network fitted = refit(network, material, settings, 3);
  EXPECT_GT(before, 0.5);
  EXPECT_LT(bounded_loss(fitted, material.recent, 1e-6), 0.15);
  EXPECT_GE(fitted.high[0], (19 - 2) * 0.5F);
  EXPECT_EQ(fitted.layers[0].weights, refit(network, material, settings, 3).layers[0].weights)
      << "deterministic in its seed";
  EXPECT_NE(fitted.layers[0].weights, refit(network, material, settings, 4).layers[0].weights);
}

TEST(Refit, DrawsByWeight) {
  Network network = plain_network();
  Material material;
  material.recent.inputs = material.offline.inputs = network.inputs;
  for (int i = 0; i < 100; ++i) {
    material.recent.x.push_back(1);
    material.recent.y.push_back(1);
    material.offline.x.push_back(2);
    material.offline.y.push_back(2);
  }
  material.recent.starts = material.offline.starts = {0};
  TuningSettings settings;
  settings.memory_decay = 10;
  settings.offline_weight = 0.1;
  const Pool pool = make_pool(network, material, settings);
  EXPECT_EQ(pool.rows(), 200U);
  EXPECT_EQ(pool.draw(0), 0U) << "the oldest row has little weight, but it has some";
  EXPECT_EQ(pool.draw(0.99999999), 199U);
  // Recent rows weigh 1 / (1 - e^-0.1) = 10.51 together, the offline ones 10.
  EXPECT_LT(pool.draw(0.50), 100U);
  EXPECT_GE(pool.draw(0.52), 100U);
  EXPECT_GT(pool.draw(0.25), 90U) << "half of the recent weight lies on the newest seven rows";
}

TEST(Refit, DrawsLargeTargetsLessWhereTheyAreNoLogarithms) {
  Network network = plain_network();
  Material material;
  material.recent.inputs = material.offline.inputs = network.inputs;
  for (int i = 0; i < 100; ++i) {
    material.recent.x.push_back(1);
    material.recent.y.push_back(i < 90 ? 10 : 1000);
    material.offline.x.push_back(2);
    material.offline.y.push_back(500);
  }
  material.recent.starts = material.offline.starts = {0};
  TuningSettings settings;
  settings.memory_decay = 1e9;
  settings.offline_weight = 1;
  const Pool relative = make_pool(network, material, settings);
  EXPECT_NEAR(relative.cumulative[99], 100, 1e-4) << "labels and offline table keep their shares";
  EXPECT_NEAR(relative.cumulative[199], 200, 1e-4);
  EXPECT_NEAR(relative.cumulative[89] / 90 / ((relative.cumulative[99] - relative.cumulative[89]) / 10), 100,
              1e-3);
  settings.offline_weight = 0;
  EXPECT_NEAR(make_pool(network, material, settings).cumulative[199], 100, 1e-4) << "none stays none";
  network.exponential = true;
  EXPECT_NEAR(make_pool(network, material, settings).cumulative[89], 90, 1e-4);
}

TEST(Refit, TheLastStepsRateIsASetting) {
  const Network network = plain_network();
  Material material;
  material.recent.inputs = material.offline.inputs = network.inputs;
  material.recent.x = {0, 1, 2, 3};
  material.recent.y = {4, 5, 6, 7};
  material.recent.starts = {0};
  TuningSettings settings;
  settings.refit_steps = 2;
  settings.refit_final_rate_share = 0.5;  // what it falls to by itself
  const auto weights = refit(network, material, settings, 3).layers[0].weights;
  settings.refit_final_rate_share = 0.05;
  EXPECT_EQ(refit(network, material, settings, 3).layers[0].weights, weights);
  settings.refit_final_rate_share = 1;
  EXPECT_NE(refit(network, material, settings, 3).layers[0].weights, weights);
}

TEST(Refit, SmallTargetsAreLearnedAsTheModelsFloor) {
  Network network = plain_network();
  network.exponential = true;
  network.output_scale = 1;
  Material material;
  material.recent.inputs = material.offline.inputs = network.inputs;
  material.recent.x = {1, 2, 3};
  material.recent.y = {0, 100, 200};
  material.recent.starts = {0};
  material.target_floor_share = 0.2;
  EXPECT_FLOAT_EQ(make_pool(network, material, {}).z[0], std::log(20.0F));
  material.target_floor_share = 0.05;
  EXPECT_FLOAT_EQ(make_pool(network, material, {}).z[0], std::log(5.0F));
}

}  // namespace
}  // namespace drst::tuning
