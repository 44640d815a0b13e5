#include "tuning/judge.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "learn/model.h"
#include "nn/network.h"
#include "registry/events.h"
#include "registry/judgement.h"
#include "store/memory_store.h"
#include "stream/experts.h"
#include "stream/memory_log.h"
#include "stream/record.h"

namespace drst {
namespace {

const std::string topic = "latencyTopic";

/// Predicts `factor` times its one input, whatever comes.
std::unique_ptr<const Model> times(float factor) {
  Network network;
  network.inputs = {"a"};
  network.impute = {1};
  network.log1p = {0};
  network.shift = {0};
  network.scale = {1};
  network.layers = {{1, 1, {factor}, {0}}};
  return make_model(std::move(network), "ridge");
}

/// A stream whose target is `truth` times its one counter, and a judge.
struct Bed {
  VirtualClock clock;
  std::shared_ptr<MemoryLogDisk> disk = std::make_shared<MemoryLogDisk>();
  MemoryLog log{disk, clock};
  MemoryStore store;
  Registry registry{store, clock};
  JudgeSettings settings;
  std::unique_ptr<Judge> judge;
  RecordEncoder encoder{{"a"}};
  Random random{3};
  double truth = 1;
  int64_t row = 0;
  ReleaseInfo first;
  int label_every = 1, label_delay = 0;
  bool blank = false;  // all counters are missing

  Bed() {
    log.ensure_topic(topic, 2);
    log.ensure_topic(labels_topic(topic), 1);
    const auto baseline = publish(1, "baseline");
    registry.set_baseline(baseline);
    first = publish(1, "offline");
    registry.point_to(first, "offline", "first");
    start();
  }
  void start() {
    judge.reset();
    JudgeOptions options;
    options.run_id = "run1";
    judge = std::make_unique<Judge>(log, store, clock, settings, RegistrySettings{}, options);
  }
  ReleaseInfo publish(float factor, const std::string& role) {
    ReleaseInfo info;
    info.family = "ridge";
    info.target = "output_rate";
    info.inputs = {"a"};
    info.role = role;
    info.gain_over_baseline = 0.1;
    clock.advance(std::chrono::seconds(1));
    return registry.publish(times(factor)->to_onnx({}), info);
  }
  ReleaseInfo propose(float factor, const std::string& line = "refit", bool candidate = true) {
    const auto release = publish(factor, "refit");
    log.ensure_topic(proposals_topic(topic), 1);
    const auto record = make_record(
        Proposal{"run1", row - 1, line, release.model_key, release.metrics_key, candidate}, clock.now());
    log.append(proposals_topic(topic), 0, {&record, 1});
    return release;
  }
  void settle() {
    for (int i = 0; i < 10'000 && judge->step() == Step::worked; ++i) {
    }
  }
  [[nodiscard]] double counter(int64_t r) const { return 100 + static_cast<double>(r % 7) * 10; }
  void append_label(int64_t r) {
    NewRecord label;
    label.value = encode_label(make_id("run1", r), truth * counter(r), clock.now());
    log.append(labels_topic(topic), 0, {&label, 1});
  }
  void tick() {
    const bool labelled = label_every > 0 && row % label_every == 0;
    if (label_delay > 0 && row >= label_delay && (row - label_delay) % label_every == 0)
      append_label(row - label_delay);
    const double noisy = counter(row) * std::exp(0.03 * random.normal());
    std::optional<double> at_once;
    if (labelled && label_delay == 0) at_once = truth * counter(row);
    NewRecord record;
    record.value = std::string(encoder.encode(
        make_id("run1", row), std::vector<double>{blank ? std::nan("") : noisy}, at_once, clock.now(), "s"));
    record.headers = {{std::string(run_id_header), "run1"}};
    log.append(topic, static_cast<int>(row % 2), {&record, 1});
    ++row;
    settle();
    clock.advance(std::chrono::seconds(1));
  }
  void ticks(int n) {
    for (int i = 0; i < n; ++i) tick();
  }
  /// After a change of the world to which it fits.
  ReleaseInfo make_challenger_live() {
    ticks(20);
    truth = 0.6;
    auto release = propose(0.6F);
    ticks(60);
    return release;
  }
  std::string live() { return (*registry.pointer())->model_key; }
  std::optional<ExpertState> state() {
    ExpertFollower follower(log, topic, "run1");
    follower.refresh();
    return follower.state();
  }
  double weight(std::string_view name) {
    const auto now = state();
    for (const auto& expert : now->experts)
      if (expert.name == name) return expert.weight;
    return -1;
  }
};

TEST(Judge, ADriftAlarmSetsTheWeightsBack) {
  Bed bed;
  bed.settings.frozen_weight = 0.9;
  bed.start();
  bed.ticks(20);
  bed.truth = 0.6;
  bed.propose(0.6F, "refit", false);
  bed.ticks(30);
  EXPECT_LT(bed.weight("frozen"), 0.3);
  DriftEvent event;
  event.id = "run1-50";
  event.row = 50;
  event.tier = "B";
  write_event(bed.store, event);
  event.id = "run2-50";
  write_event(bed.store, event);
  bed.label_every = 0;
  bed.tick();
  EXPECT_NEAR(bed.weight("frozen"), 0.9, 1e-12);
  EXPECT_EQ(bed.judge->counts().restarts, 1U) << "another run's alarm is nothing to it";
  bed.label_every = 1;
  bed.ticks(30);
  const double after = bed.weight("frozen");
  EXPECT_LT(after, 0.3) << "and they learn again";
  EXPECT_EQ(bed.judge->counts().restarts, 1U) << "once an alarm";
  bed.start();  // an heir meets the alarm at its row
  bed.ticks(1);
  EXPECT_EQ(bed.judge->counts().restarts, 1U);
  EXPECT_NEAR(bed.weight("frozen"), after, 0.05);

  Bed other;
  other.settings.restart_on_drift = false;
  other.start();
  event.id = "run1-5";
  event.row = 5;
  write_event(other.store, event);
  other.ticks(10);
  EXPECT_EQ(other.judge->counts().restarts, 0U);
}

TEST(Judge, AChallengerThatIsBetterBecomesLiveAndTheEvidenceIsKept) {
  Bed bed;
  bed.ticks(20);
  bed.truth = 0.6;
  const auto release = bed.propose(0.6F);
  bed.ticks(4);
  EXPECT_EQ(bed.live(), bed.first.model_key) << "four labels prove nothing at 0.01";
  bed.ticks(40);
  EXPECT_EQ(bed.live(), release.model_key);
  EXPECT_EQ(bed.judge->counts().promotions, 1U);
  const auto judgements = read_judgements(bed.store, "run1");
  ASSERT_EQ(judgements.size(), 1U);
  EXPECT_EQ(judgements[0].kind, "promotion");
  EXPECT_EQ(judgements[0].from, bed.first.model_key);
  EXPECT_EQ(judgements[0].to, release.model_key);
  EXPECT_GE(judgements[0].log_e, -std::log(bed.settings.alpha));
  EXPECT_GT(judgements[0].gain, 0.3);
  EXPECT_GT(judgements[0].labels, 4);
  EXPECT_EQ(bed.registry.audit().back().actor, "judge");
}

TEST(Judge, AChallengerThatIsNoBetterStaysOne) {
  Bed bed;
  bed.ticks(10);
  bed.propose(1.02F);
  bed.ticks(300);
  EXPECT_EQ(bed.live(), bed.first.model_key);
  EXPECT_EQ(bed.judge->counts().proposals, 1U);
}

TEST(Judge, AChallengerWithoutEvidenceGivesWayToANewerOne) {
  Bed bed;
  bed.ticks(5);
  bed.propose(1.001F);
  bed.ticks(60);
  bed.truth = 0.6;
  const auto better = bed.propose(0.6F);
  bed.ticks(60);
  EXPECT_EQ(bed.live(), better.model_key);
}

TEST(Judge, SaysThatItIsThereWithoutLabelsAndThatTheStreamHasEnded) {
  Bed bed;
  bed.label_every = 1000;
  ExpertFollower follower(bed.log, topic, "run1");
  Time said{};
  for (int i = 0; i < 60; ++i) {
    bed.ticks(1);
    follower.refresh();
    ASSERT_TRUE(follower.state().has_value());
    EXPECT_LE(bed.clock.now() - follower.state()->at, std::chrono::seconds(11));
    if (i == 0) said = follower.state()->at;
  }
  EXPECT_GT(follower.state()->at, said);
  EXPECT_FALSE(follower.state()->ended);
  for (int p = 0; p < 2; ++p) {
    const NewRecord sentinel = make_sentinel("run1", bed.clock.now());
    bed.log.append(topic, p, {&sentinel, 1});
  }
  bed.settle();
  follower.refresh();
  EXPECT_TRUE(follower.state()->ended);
}

/// A stream of which all counters are gone goes on, and so does the judge; nobody is judged by it.
TEST(Judge, ABlankStreamIsNeitherSilenceNorEvidence) {
  Bed bed;
  bed.ticks(5);
  bed.blank = true;
  bed.label_delay = 1;
  bed.ticks(100);
  bed.blank = false;
  bed.ticks(5);
  const auto counts = bed.judge->counts();
  EXPECT_EQ(counts.samples, 10U);
  EXPECT_EQ(counts.unmatched_labels, 100U);
  const auto told = bed.state();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->row, bed.row - 1);
}

TEST(Judge, WhatIsNoCandidateIsAnExpertOnly) {
  Bed bed;
  // How high an expert can rise depends on where weights begin.
  bed.settings.frozen_weight = 0.7;
  bed.settings.neighbours_weight = 0.25;
  bed.start();
  bed.truth = 0.6;
  bed.ticks(10);
  bed.propose(0.6F, "refit", false);
  bed.ticks(60);
  EXPECT_EQ(bed.live(), bed.first.model_key);
  EXPECT_GT(bed.weight("refit"), 0.8);
}

TEST(Judge, WeightsFollowTheLabelsAndNameTheReleases) {
  Bed bed;
  bed.ticks(10);
  EXPECT_NEAR(bed.weight("frozen"), bed.settings.frozen_weight, 0.02);
  const auto release = bed.propose(0.5F);
  bed.ticks(5);
  EXPECT_LT(bed.weight("refit"), 0.01) << "it errs";
  bed.truth = 0.5;
  bed.ticks(10);
  EXPECT_GT(bed.weight("refit"), 0.5);
  const auto state = bed.state();
  for (const auto& expert : state->experts) {
    if (expert.name == "refit") {
      EXPECT_EQ(expert.model_key, release.model_key);
    }
  }
  EXPECT_EQ(state->labels, 25U);
  EXPECT_EQ(*state->last_label, 0.5 * bed.counter(24));
}

TEST(Judge, ErrorsBeyondAWholeOneWeighTheSame) {
  for (const double whole : {0.25, 1.0}) {
    Bed bed;
    bed.settings.whole_error = whole;
    bed.start();
    bed.ticks(2);
    bed.truth = 2;  // the frozen model errs by half, the other by three tenths
    bed.propose(1.4F, "refit", false);
    bed.ticks(1);  // before it may serve
    const double before = bed.weight("refit") / bed.weight("frozen");
    bed.ticks(20);
    const double gained = bed.weight("refit") / bed.weight("frozen") / before;
    if (whole < 0.3)
      EXPECT_NEAR(gained, 1, 0.2) << "both err wholly";
    else
      EXPECT_GT(gained, 10);
  }
}

TEST(Judge, AFormerModelReturnsWithItsWorld) {
  Bed bed;
  bed.ticks(10);
  bed.truth = 0.6;
  const auto other = bed.propose(0.6F);
  bed.ticks(60);
  ASSERT_EQ(bed.live(), other.model_key);
  bed.truth = 1;
  bed.ticks(60);
  EXPECT_EQ(bed.live(), bed.first.model_key);
  bed.truth = 0.6;
  bed.ticks(60);
  EXPECT_EQ(bed.live(), other.model_key) << "its old release is found again";
  EXPECT_EQ(bed.judge->counts().rollbacks, 2U);
  EXPECT_EQ(read_judgements(bed.store, "run1").back().kind, "return");
}

TEST(Judge, LateLabelsMeetTheirSamplesRepeatsAndStrangersAreCounted) {
  Bed bed;
  bed.label_delay = 5;
  bed.ticks(20);
  EXPECT_EQ(bed.judge->counts().labels, 15U);
  bed.append_label(3);
  bed.append_label(9999);
  NewRecord broken;
  broken.value = R"({"id": "run1-4", "label": "much"})";
  bed.log.append(labels_topic(topic), 0, {&broken, 1});
  bed.ticks(1);
  EXPECT_EQ(bed.judge->counts().labels, 16U);
}

TEST(Judge, WithoutLabelsNothingMoves) {
  Bed bed;
  bed.label_every = 0;
  bed.propose(0.5F);
  bed.ticks(100);
  EXPECT_EQ(bed.live(), bed.first.model_key);
  ASSERT_TRUE(bed.state().has_value()) << "the new line is told";
  EXPECT_NEAR(bed.weight("frozen"), bed.settings.frozen_weight, 1e-12);
}

TEST(Judge, AnHeirRepeatsWhatWasJudgedAndTellsNothingTwice) {
  Bed bed;
  const auto release = bed.make_challenger_live();
  ASSERT_EQ(bed.live(), release.model_key);
  const auto before = bed.state();
  const auto moves = bed.registry.audit().size();
  const auto remembered = bed.log.watermarks(memory_topic(topic), 0).end;
  bed.start();
  bed.settle();
  EXPECT_EQ(bed.live(), release.model_key);
  EXPECT_EQ(bed.registry.audit().size(), moves);
  EXPECT_EQ(bed.log.watermarks(memory_topic(topic), 0).end, remembered);
  EXPECT_EQ(bed.judge->counts().labels, 80U);
  bed.ticks(1);
  const auto after = bed.state();
  ASSERT_EQ(after->experts.size(), before->experts.size());
  EXPECT_EQ(after->row, before->row + 1);
  for (std::size_t i = 0; i < before->experts.size(); ++i)
    EXPECT_NEAR(after->experts[i].weight, before->experts[i].weight, 0.05) << before->experts[i].name;
}

/// More rows lie before the promotion than one step reads.
TEST(Judge, AnHeirLeavesThePointerAloneWhileItRepeats) {
  Bed bed;
  bed.ticks(200);
  const auto release = bed.make_challenger_live();
  const auto moves = bed.registry.audit().size();
  bed.start();
  while (bed.judge->step() == Step::worked) ASSERT_EQ(bed.live(), release.model_key);
  EXPECT_EQ(bed.judge->counts().pointer_repairs, 0U);
  EXPECT_EQ(bed.registry.audit().size(), moves);
}

/// Late labels are read again before the samples that they belong to.
TEST(Judge, AnHeirMeetsLateLabelsAgain) {
  Bed bed;
  bed.label_delay = 5;
  bed.ticks(60);
  const auto before = bed.judge->counts();
  ASSERT_EQ(before.labels, 55U);
  const auto remembered = bed.log.watermarks(memory_topic(topic), 0).end;
  bed.start();
  bed.settle();
  EXPECT_EQ(bed.judge->counts().labels, before.labels);
  EXPECT_EQ(bed.judge->counts().unmatched_labels, 0U);
  EXPECT_EQ(bed.judge->counts().earlier_labels, 0U);
  EXPECT_EQ(bed.log.watermarks(memory_topic(topic), 0).end, remembered);

  // One that left when nothing came begins behind what it had read.
  bed.clock.advance(std::chrono::seconds(40));
  bed.settle();
  ASSERT_EQ(bed.judge->step(), Step::done);
  bed.start();
  bed.ticks(10);
  EXPECT_EQ(bed.judge->counts().samples, 10U);
  EXPECT_EQ(bed.judge->counts().labels, 5U) << "of the rows that this life has predicted";
  EXPECT_EQ(bed.judge->counts().earlier_labels, 60U);
  EXPECT_EQ(bed.judge->counts().unmatched_labels, 0U);
}

TEST(Judge, ACrashBetweenJudgementAndPointerIsRepaired) {
  Bed bed;
  const auto release = bed.make_challenger_live();
  ASSERT_EQ(bed.live(), release.model_key);
  bed.registry.point_to(bed.first, "test", "as if the pointer had not been moved");
  bed.start();
  bed.settle();
  EXPECT_EQ(bed.live(), release.model_key);
}

TEST(Judge, APersonsMoveIsRespected) {
  Bed bed;
  const auto release = bed.make_challenger_live();
  ASSERT_EQ(bed.live(), release.model_key);
  bed.truth = 1;
  const auto mine = bed.publish(1.01F, "mine");
  bed.registry.point_to(mine, "a person", "I know better");
  bed.ticks(3);
  EXPECT_EQ(bed.live(), mine.model_key);
}

/// The write that a judge was stopped in front of, done when it wakes.
TEST(Judge, AMoveByAJudgeWithoutALeaseIsUndone) {
  Bed bed;
  const auto release = bed.make_challenger_live();
  ASSERT_EQ(bed.live(), release.model_key);
  bed.registry.point_to(bed.first, "judge", "the race that remains");
  bed.judge->step();
  EXPECT_EQ(bed.live(), release.model_key);
  EXPECT_EQ(bed.judge->counts().pointer_repairs, 1U);
  bed.ticks(3);
  EXPECT_EQ(bed.judge->counts().pointer_repairs, 1U);
}

TEST(Judge, WritesNothingOnceAnotherHasTheLease) {
  Bed bed;
  bed.ticks(20);
  // Another process of the group, after this one was stopped for longer than its lease.
  bed.clock.advance(std::chrono::minutes(5));
  const auto heir = bed.log.subscribe(
      {.group = "drst-judge", .member = "heir", .topic = topic, .lease = std::chrono::minutes(1)});
  Batch batch;
  heir->poll(batch, {});
  ASSERT_FALSE(heir->assignment().empty());
  const auto before = bed.log.watermarks(experts_topic(topic), 0).end;
  EXPECT_THROW(bed.judge->step(), Error) << "its heartbeat is due";
  EXPECT_EQ(bed.log.watermarks(experts_topic(topic), 0).end, before);
}

/// Labels come from a probe over a topic that others write to, too.
TEST(Judge, LabelsThatMeetNothingOrAreAbsurdAreCountedAndMoveNothingWild) {
  Bed bed;
  bed.ticks(20);
  const auto before = bed.judge->counts();
  const auto say = [&](const std::string& id, double value) {
    NewRecord label;
    label.value = encode_label(id, value, bed.clock.now());
    bed.log.append(labels_topic(topic), 0, {&label, 1});
  };
  say(make_id("run1", 9999), 100);  // of no row
  say("a probe's own id", 100);
  say(make_id("run1", 5), 100);  // its label came with it
  say(make_id("run1", 6), 1e300);
  bed.tick();
  EXPECT_EQ(bed.judge->counts().unmatched_labels, before.unmatched_labels + 2);
  EXPECT_EQ(bed.judge->counts().duplicate_labels, before.duplicate_labels + 1);
  EXPECT_EQ(bed.judge->counts().labels, before.labels + 1) << "of the row of this tick";
  for (const double value : {-1e38, -1.0, 0.0, 3e38, -0.0, 1e-45}) {
    bed.label_every = 0;
    bed.tick();
    say(make_id("run1", bed.row - 1), value);
  }
  bed.label_every = 1;
  bed.ticks(2);
  EXPECT_EQ(bed.judge->counts().labels, before.labels + 9);
  const auto state = bed.state();
  double sum = 0;
  for (const auto& expert : state->experts) {
    EXPECT_GE(expert.weight, 0) << expert.name;
    sum += expert.weight;
  }
  EXPECT_NEAR(sum, 1, 1e-9);
  EXPECT_EQ(bed.live(), bed.first.model_key);
}

TEST(Judge, ABrokenChallengerIsCountedAndPassedOver) {
  Bed bed;
  bed.ticks(5);
  const auto release = bed.propose(0.5F);
  bed.store.put(release.model_key, "no model");
  NewRecord nonsense;
  nonsense.value = "{";
  bed.log.append(proposals_topic(topic), 0, {&nonsense, 1});
  bed.ticks(5);
  EXPECT_EQ(bed.judge->counts().unusable_proposals, 2U);
  EXPECT_EQ(bed.judge->counts().proposals, 0U);
}

TEST(ExpertState, RoundTripAndRefusals) {
  ExpertState state{
      "run1", 7, 3, 12.5, {{"frozen", "", "", 0.7}, {"refit", "models/m.onnx", "models/m.json", 0.3}}};
  const auto back = decode_experts(make_record(state, Time{}).value);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->run_id, "run1");
  EXPECT_EQ(back->row, 7);
  EXPECT_EQ(back->labels, 3U);
  EXPECT_EQ(*back->last_label, 12.5);
  ASSERT_EQ(back->experts.size(), 2U);
  EXPECT_EQ(back->experts[1].metrics_key, "models/m.json");
  for (const char* wrong : {"", "[]", "{}", R"({"experts":[]})", R"({"experts":[{"name":"a","weight":2}]})",
                            R"({"experts":[{"name":"a","weight":0.5}]})", R"({"experts":[{"weight":1}]})"})
    EXPECT_FALSE(decode_experts(wrong)) << wrong;
  EXPECT_FALSE(decode_experts(std::string(100'000, ' ')));
  for (const char* wrong : {"", "{}", R"({"row":1,"line":"refit","model_key":"m"})"})
    EXPECT_FALSE(decode_proposal(wrong)) << wrong;
  const LabelledSample sample{5, 2, 1.5F, {1, 2, 3}};
  const std::string bytes = make_record(sample, "run1", Time{}).value;
  EXPECT_EQ(decode_labelled(bytes)->raw, sample.raw);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(decode_labelled(bytes.substr(0, cut))) << cut;
}

TEST(Judge, AwaitsALateProducerButNotForEver) {
  Bed bed;
  bed.clock.advance(std::chrono::seconds(500));
  bed.settle();
  bed.ticks(5);
  EXPECT_EQ(bed.judge->counts().labels, 5U);
  bed.clock.advance(std::chrono::seconds(30));
  EXPECT_EQ(bed.judge->step(), Step::done);
  Bed other;
  other.clock.advance(std::chrono::seconds(600));
  EXPECT_THROW(other.settle(), FailedError);
}

}  // namespace
}  // namespace drst
