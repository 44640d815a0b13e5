#include "inference/mixer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "inference/test_world.h"
#include "nn/network.h"

namespace drst {
namespace {

using testing::InferenceWorld;
using testing::Member;

/// Predicts 100 whatever comes; one input, standardised by 10.
std::shared_ptr<const Model> constant_model() {
  Network network;
  network.inputs = {"a"};
  network.impute = {0};
  network.log1p = {0};
  network.shift = {0};
  network.scale = {0.1F};
  network.layers = {{1, 1, {0}, {0}}};
  network.exponential = true;
  network.output_shift = std::log(100.0F);
  return make_model(std::move(network), "ridge");
}

struct Bed {
  VirtualClock clock;
  MemoryLog log{std::make_shared<MemoryLogDisk>(), clock};
  Mixer mixer{log, "t", "run", constant_model(), NeighbourSettings{}, std::chrono::seconds(60)};
  std::vector<float> lines;
  const float input = 5;
  bool ended = false;  // the judge says so

  void tell(std::vector<ExpertShare> experts, std::optional<double> last = {},
            const std::string& run = "run") {
    log.ensure_topic(experts_topic("t"), 1);
    const NewRecord record =
        make_record(ExpertState{run, 3, 2, last, std::move(experts), ended, {}}, clock.now());
    log.append(experts_topic("t"), 0, {&record, 1});
  }
  void remember(float label) {
    log.ensure_topic(memory_topic("t"), 1);
    const NewRecord record = make_record(LabelledSample{1, label, 100, {input}}, "run", clock.now());
    log.append(memory_topic("t"), 0, {&record, 1});
  }
  float mix(float live = 110) {
    mixer.refresh();
    mixer.hear(clock.now());
    return mixer.mix({100'000, {&input, 1}, 100, live, lines});
  }
};

TEST(Mixer, WithoutAJudgeTheLiveModelDecides) {
  Bed bed;
  EXPECT_EQ(bed.mix(), 110);
  EXPECT_TRUE(bed.mixer.voices().empty());
  EXPECT_TRUE(bed.mixer.text().empty());
  bed.log.ensure_topic(experts_topic("t"), 1);
  EXPECT_EQ(bed.mix(), 110);
}

TEST(Mixer, WhoHasMoreThanHalfDecidesAlone) {
  Bed bed;
  bed.tell({{"frozen", "", "", 0.7}, {"live", "", "", 0.2}, {"neighbours", "", "", 0.1}});
  bed.remember(50);
  EXPECT_EQ(bed.mix(), 100);
  EXPECT_TRUE(std::isnan(bed.mixer.voices()[2])) << "nobody else is asked";
  bed.tell({{"frozen", "", "", 0.1}, {"live", "", "", 0.9}});
  EXPECT_EQ(bed.mix(), 110);
}

TEST(Mixer, ElseTheWeightedMedianAndSleepersHaveNoVote) {
  Bed bed;
  bed.tell(
      {{"frozen", "", "", 0.3}, {"live", "", "", 0.3}, {"refit", "models/m.onnx", "models/m.json", 0.4}});
  EXPECT_EQ(bed.mix(), 100) << "the line is not served yet: frozen and live are left, the lower half decides";
  ASSERT_EQ(bed.mixer.wanted().size(), 1U);
  EXPECT_EQ(bed.mixer.wanted()[0].line, "refit");
  ServedExperts served;
  served.lines.push_back({"refit", std::make_unique<ServedModel>()});
  served.lines.back().served->release = "models/m.onnx";
  bed.mixer.set_lines(served);
  bed.lines = {104};
  EXPECT_EQ(bed.mix(), 104);
  EXPECT_THAT(bed.mixer.text(), ::testing::HasSubstr("refit 0.4 models/m.onnx"));
  bed.lines = {std::nanf("")};
  EXPECT_EQ(bed.mix(), 100);
}

TEST(Mixer, TheFrozenModelDecidesWhileTheJudgeIsSilent) {
  Bed bed;
  bed.clock.advance(std::chrono::hours(1000));
  bed.tell({{"frozen", "", "", 0.1}, {"live", "", "", 0.9}});
  bed.clock.advance(std::chrono::seconds(60));
  EXPECT_EQ(bed.mix(), 110);
  bed.clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(bed.mix(), 100);
  EXPECT_TRUE(bed.mixer.judge_is_silent());
  EXPECT_EQ(bed.mixer.text(), "frozen 1") << "whoever recomputes the prediction finds what it was made of";
  ASSERT_EQ(bed.mixer.voices().size(), 1U);
  EXPECT_EQ(bed.mixer.voices()[0], 100);
  bed.ended = true;
  bed.tell({{"frozen", "", "", 0.1}, {"live", "", "", 0.9}});
  EXPECT_EQ(bed.mix(), 110) << "it is back";
  bed.clock.advance(std::chrono::hours(1));
  EXPECT_EQ(bed.mix(), 110) << "and has said its last word";
}

TEST(Mixer, NeighboursAreReadFromTheLog) {
  Bed bed;
  bed.remember(50);
  bed.tell({{"frozen", "", "", 0.1}, {"live", "", "", 0.1}, {"neighbours", "", "", 0.8}});
  const float before = bed.mix();
  EXPECT_NEAR(before, 50, 0.5);
  EXPECT_EQ(bed.mixer.memory_offset(), 1);
  for (int i = 0; i < 20; ++i) bed.remember(200);
  bed.tell({{"frozen", "", "", 0.1}, {"live", "", "", 0.1}, {"neighbours", "", "", 0.8}});
  EXPECT_GT(bed.mix(), 150);
}

TEST(Mixer, TheLastLabelAndStatesOfOthersOrOfNoSense) {
  Bed bed;
  bed.tell({{"frozen", "", "", 0.2}, {"last-label", "", "", 0.8}}, 77.0);
  EXPECT_EQ(bed.mix(), 77);
  bed.tell({{"frozen", "", "", 1}}, 1.0, "another run");
  NewRecord nonsense;
  nonsense.value = R"({"experts": 7})";
  nonsense.headers = {{std::string(run_id_header), "run"}};
  bed.log.append(experts_topic("t"), 0, {&nonsense, 1});
  EXPECT_EQ(bed.mix(), 77);
  bed.tell({{"frozen", "", "", 0.2}, {"crystal ball", "", "", 0.8}});
  EXPECT_EQ(bed.mix(), 100) << "an expert of a later version sleeps";
}

TEST(Consumer, ServesTheLinesThatTheJudgeNames) {
  InferenceWorld world;
  const auto line = world.publish(9, 0.1, {"cycles", "misses"});
  const auto tell = [&](double of_line) {
    const NewRecord record = make_record(
        ExpertState{"run",
                    1,
                    1,
                    {},
                    {{"frozen", "", "", 1 - of_line}, {"refit", line.model_key, line.metrics_key, of_line}}},
        world.clock.now());
    world.log().append(experts_topic(world.topic), 0, {&record, 1});
  };
  world.log().ensure_topic(experts_topic(world.topic), 1);
  Member member(world);
  world.produce(0, 12);
  member.run();
  tell(0.9);
  member.run();
  world.produce(12, 24);
  world.finish();
  ASSERT_TRUE(member.run());
  EXPECT_EQ(member.guard.counts().experts, 1U);
  for (const auto& row : world.traces().rows) {
    EXPECT_EQ(row.pred_live, testing::predict(world, world.first.model_key, row.row)) << row.row;
    if (row.row < 12) {
      EXPECT_EQ(row.pred_adj, row.pred_live) << row.row;
      EXPECT_TRUE(row.mixture.empty());
    } else {
      EXPECT_EQ(row.pred_adj, testing::predict(world, line.model_key, row.row)) << row.row;
      EXPECT_THAT(row.mixture, ::testing::HasSubstr(line.model_key));
      ASSERT_EQ(row.voices_used, 2);
      EXPECT_EQ(row.voices[1], row.pred_adj);
    }
  }
}

TEST(Consumer, ALineThatCannotBeUsedSleeps) {
  InferenceWorld world;
  const auto line = world.publish(9, 0.1, {"cycles", "misses"});
  world.store.put(line.model_key, "no model");
  world.log().ensure_topic(experts_topic(world.topic), 1);
  const NewRecord record = make_record(
      ExpertState{
          "run", 1, 1, {}, {{"frozen", "", "", 0.1}, {"refit", line.model_key, line.metrics_key, 0.9}}},
      world.clock.now());
  world.log().append(experts_topic(world.topic), 0, {&record, 1});
  Member member(world);
  world.produce(0, 12);
  world.finish();
  ASSERT_TRUE(member.run());
  EXPECT_EQ(member.guard.counts().experts, 0U);
  EXPECT_GT(member.guard.counts().failures, 0U);
  for (const auto& row : world.traces().rows) {
    EXPECT_EQ(row.pred_adj, row.pred_orig);
  }
}

}  // namespace
}  // namespace drst
