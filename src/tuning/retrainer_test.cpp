#include "tuning/retrainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/random.h"
#include "learn/metrics.h"
#include "learn/model.h"
#include "learn/offline.h"
#include "learn/shares.h"
#include "registry/events.h"
#include "registry/handover.h"
#include "registry/judgement.h"
#include "store/memory_store.h"
#include "stream/experts.h"
#include "stream/memory_log.h"
#include "stream/record.h"
#include "tuning/judge.h"

namespace drst {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::vector<std::string> columns = {"a", "b"};

/// The rate is a power law of two counters; in the second world it is half of that.
struct World {
  Random random{11};
  double factor = 1;
  std::vector<double> counters() {
    return {1e9 * std::exp(random.uniform(-1, 1)), 1e6 * std::exp(random.uniform(-1, 1))};
  }
  [[nodiscard]] double rate(const std::vector<double>& x) const {
    return factor * 1000 * std::sqrt(x[0] / 1e9) * x[1] / 1e6;
  }
};

Table offline_table() {
  World world;
  std::vector<double> a, b, rate;
  for (int r = 0; r < 300; ++r) {
    const auto x = world.counters();
    a.push_back(x[0]);
    b.push_back(x[1]);
    rate.push_back(world.rate(x));
  }
  Table table;
  table.add_column("output_rate", rate);
  table.add_column("a", a);
  table.add_column("b", b);
  table.set_experiment_starts({0, 100, 200});
  return table;
}

ModelSettings model_settings(const std::string& family = "ridge") {
  ModelSettings model;
  model.family = family;
  model.lags = "off";
  model.trees = 20;
  model.gbt_rounds = 40;
  model.gbt_learning_rate = 0.2;
  return model;
}

TuningSettings tuning_settings() {
  TuningSettings tuning;
  tuning.refit_every_labels = 20;
  tuning.refit_steps = 60;
  tuning.refit_learning_rate = 2e-2;
  tuning.memory_decay = 30;
  // The second world contradicts the first row by row; nothing may be held on to.
  tuning.offline_weight = 0.002;
  tuning.grid.a.hidden = {{8}};
  tuning.threads = 2;
  return tuning;
}

struct Labels {
  int every = 1;
  int delay = 0;
};

/// A stream, tick by tick, before retrainer and judge; a stand-in for consumers predicts each row with what
/// the pointer names, and, as the adaptive prediction, with the experts' weighted median.
struct Bed {
  VirtualClock clock;
  std::shared_ptr<MemoryLogDisk> disk = std::make_shared<MemoryLogDisk>();
  MemoryLog log{disk, clock};
  MemoryStore store;
  Registry registry{store, clock};
  TuningSettings tuning = tuning_settings();
  RetrainerOptions options;
  World world;
  RecordEncoder encoder{columns};
  std::unique_ptr<Retrainer> retrainer;
  std::unique_ptr<Judge> judge;
  JudgeSettings judging;
  Labels labels;
  int64_t row = 0;
  bool blank = false;  // all counters are missing
  std::map<int64_t, double> late;
  Scores adaptive{1e-6};
  Scores frozen{1e-6};
  Scores live_scores{1e-6};
  std::unique_ptr<const Model> baseline;
  OfflineResult offline;

  explicit Bed(TuningSettings settings = tuning_settings(), const std::string& family = "ridge")
      : tuning(std::move(settings)) {
    log.ensure_topic("latencyTopic", 2);
    offline = run_offline(offline_table(), model_settings(family), store, registry, {1, "test"});
    baseline = load_model(registry.load({offline.baseline.model_key, offline.baseline.metrics_key})->onnx);
    options.run_id = "run1";
    options.model = model_settings(family);
    start();
  }
  void start() {
    retrainer.reset();
    retrainer =
        std::make_unique<Retrainer>(log, store, clock, tuning, RegistrySettings{}, options, offline_table());
    judge.reset();
    JudgeOptions who;
    who.run_id = options.run_id;
    judging.neighbours.most_residual = 0.01;  // they say what the frozen model says: not what is tested here
    judge = std::make_unique<Judge>(log, store, clock, judging, RegistrySettings{}, who);
  }
  void settle() {
    for (int i = 0; i < 10'000 && retrainer->step() == Step::worked; ++i) {
    }
    for (int i = 0; i < 10'000 && judge->step() == Step::worked; ++i) {
    }
  }
  double predict(const Model& model, const std::vector<double>& x) {
    std::vector<float> raw;
    for (const auto& input : model.inputs()) raw.push_back(static_cast<float>(x[input == "a" ? 0 : 1]));
    float y = 0;
    const auto scratch = model.make_scratch();
    model.predict(raw, 1, {&y, 1}, *scratch);
    return static_cast<double>(y);
  }
  double mixed(const std::vector<double>& x, double served) {
    ExpertFollower follower(log, "latencyTopic", "run1");
    if (!follower.refresh()) return served;
    std::vector<float> voices;
    std::vector<double> weights;
    for (const auto& expert : follower.state()->experts) {
      double voice = std::nan("");
      if (expert.name == expert_frozen || expert.name == expert_neighbours) voice = predict(*baseline, x);
      if (expert.name == expert_live) voice = served;
      if (!expert.model_key.empty())
        voice = predict(*load_model(registry.load({expert.model_key, expert.metrics_key})->onnx), x);
      voices.push_back(static_cast<float>(voice));
      weights.push_back(expert.weight);
    }
    return static_cast<double>(weighted_median(voices, weights));
  }
  std::string live() { return (*registry.pointer())->model_key; }

  void tick(bool score = false) {
    const auto x = world.counters();
    const double y = world.rate(x);
    const bool labelled = labels.every > 0 && row % labels.every == 0;
    if (score) {
      const double served = predict(*load_model(registry.load(**registry.pointer())->onnx), x);
      live_scores.add(served, y);
      adaptive.add(mixed(x, served), y);
      frozen.add(predict(*baseline, x), y);
    }
    const std::vector<double> sent = blank ? std::vector<double>(x.size(), std::nan("")) : x;
    std::optional<double> inline_label;
    if (labelled && labels.delay == 0) inline_label = y;
    NewRecord record;
    record.value = std::string(encoder.encode(make_id("run1", row), sent, inline_label, clock.now(), "s"));
    record.headers = {{std::string(run_id_header), "run1"}};
    log.append("latencyTopic", static_cast<int>(row % 2), {&record, 1});
    if (labelled && labels.delay > 0) late[row + labels.delay - 1] = y;
    if (const auto due = late.find(row); due != late.end()) {
      NewRecord label;
      label.value = encode_label(make_id("run1", row - labels.delay + 1), due->second, clock.now());
      log.ensure_topic(labels_topic("latencyTopic"), 1);
      log.append(labels_topic("latencyTopic"), 0, {&label, 1});
    }
    settle();
    ++row;
    clock.advance(std::chrono::seconds(1));
  }
  void ticks(int n, bool score = false) {
    for (int i = 0; i < n; ++i) tick(score);
  }
  void raise(Tier tier = Tier::A) {
    DriftWindow window;
    window.columns = columns;
    Handover(store).raise({"run1-" + std::to_string(row - 1), tier, row - 1, "output_rate"}, window,
                          clock.now(), std::chrono::seconds(600));
    settle();
  }
  void end() {
    for (int p = 0; p < 2; ++p) {
      const NewRecord sentinel = make_sentinel("run1", clock.now());
      log.append("latencyTopic", p, {&sentinel, 1});
    }
    store.put("results/monitor_done.flag", "1");
    settle();
  }
  /// The process dies; its heir completes the same answer and makes no second release.
  void expect_the_heir_completes(const std::string& release) {
    start();
    settle();
    EXPECT_EQ(releases("retrain"), 1);
    ASSERT_TRUE(Handover(store).done().has_value());
    EXPECT_EQ(Handover(store).done()->release, release);
  }
  int releases(const std::string& role) {
    int n = 0;
    for (const auto& info : registry.list()) n += info.role == role ? 1 : 0;
    return n;
  }
};

TEST(Retrainer, LeavesAGoodBaselineAlone) {
  Bed bed;
  bed.ticks(200, true);
  EXPECT_GT(bed.frozen.metrics().acc02, 0.99);
  EXPECT_GE(bed.adaptive.metrics().acc02, bed.frozen.metrics().acc02 - 0.005);
  bed.end();
  EXPECT_EQ(bed.retrainer->step(), Step::done);
}

TEST(Retrainer, RefitsFollowTheWorldAndServeOnEvidence) {
  Bed bed;
  bed.ticks(100);
  bed.world.factor = 0.5;
  bed.ticks(150, true);
  EXPECT_LT(bed.frozen.metrics().acc02, 0.05);
  EXPECT_GT(bed.adaptive.metrics().acc02, 0.5);
  EXPECT_LT(bed.live_scores.metrics().bounded, 0.5 * bed.frozen.metrics().bounded);
  EXPECT_GT(bed.retrainer->counts().published_refits, 0U);
  for (const auto& info : bed.registry.list()) {
    if (info.role != "refit") continue;
    if (bed.registry.was_live(info.model_key)) {
      EXPECT_GT(info.gain_over_baseline, 0);
    }
    EXPECT_FALSE(info.parent.empty());
    EXPECT_EQ(info.data_sha256.size(), 64U);
  }
  EXPECT_TRUE(bed.registry.verify().empty());
}

TuningSettings tree_settings() {
  auto settings = tuning_settings();
  settings.tree_refit_every_labels = 10;
  settings.gbt_refit_rounds = 20;
  settings.gbt_refit_learning_rate = 0.2;
  return settings;
}

class RetrainerOfTrees : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Families, RetrainerOfTrees, ::testing::Values("extra_trees", "gbt"));

TEST_P(RetrainerOfTrees, RefitsFollowTheWorldAndServeOnEvidence) {
  Bed bed(tree_settings(), GetParam());
  bed.ticks(100);
  bed.world.factor = 0.5;
  bed.ticks(90);
  bed.ticks(60, true);
  EXPECT_LT(bed.frozen.metrics().acc02, 0.1);
  EXPECT_GT(bed.adaptive.metrics().acc02, 0.7);
  EXPECT_LT(bed.live_scores.metrics().bounded, 0.5 * bed.frozen.metrics().bounded);
  EXPECT_EQ(bed.retrainer->counts().refits, 25U);
  EXPECT_EQ(bed.retrainer->counts().restarts, 0U) << "each begins anew";
  for (const auto& info : bed.registry.list()) {
    if (info.role != "refit") continue;
    EXPECT_EQ(info.family, GetParam());
    const auto model = load_model(bed.registry.load({info.model_key, info.metrics_key})->onnx);
    ASSERT_NE(model->trees(), nullptr);
    EXPECT_EQ(model->trees()->trees.size(), std::string(GetParam()) == "gbt" ? 60U : 20U)
        << "a correction takes the place of the last one";
  }
  EXPECT_TRUE(bed.registry.verify().empty());
}

TEST_P(RetrainerOfTrees, AnswersADriftAndIsJudgedOnRowsItNeverSaw) {
  auto settings = tree_settings();
  settings.tree_refit_every_labels = 0;
  for (const Tier tier : {Tier::A, Tier::C}) {
    Bed bed(settings, GetParam());
    bed.ticks(60);
    bed.world.factor = 0.5;
    bed.ticks(120);
    bed.raise(tier);
    const auto done = Handover(bed.store).done();
    ASSERT_TRUE(done.has_value());
    EXPECT_TRUE(done->published) << done->reason;
    const auto events = read_retrain_events(bed.store);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].candidates, std::string(GetParam()) == "gbt" && tier == Tier::C ? 2 : 1);
    EXPECT_LT(events[0].val_loss, events[0].live_val_loss);
    bed.ticks(60);
    EXPECT_EQ(bed.live(), done->release);
    EXPECT_EQ(bed.retrainer->counts().refits, 0U);

    // An heir completes the same answer and makes no second release.
    bed.store.remove("results/retrain_done.flag");
    for (const auto& key : bed.store.list("results/retrains/")) bed.store.remove(key);
    bed.expect_the_heir_completes(done->release);
  }
}

TEST_P(RetrainerOfTrees, SaysWhyAnAnswerIsNotBetter) {
  Bed calm(tree_settings(), GetParam());
  calm.ticks(150);
  calm.raise();
  ASSERT_TRUE(Handover(calm.store).done().has_value());
  EXPECT_FALSE(Handover(calm.store).done()->published);
  EXPECT_THAT(Handover(calm.store).done()->reason, HasSubstr("newest labelled rows"));
  Bed few(tree_settings(), GetParam());
  few.labels.every = 10;
  few.ticks(80);
  few.raise();
  ASSERT_TRUE(Handover(few.store).done().has_value());
  EXPECT_FALSE(Handover(few.store).done()->published);
  EXPECT_THAT(Handover(few.store).done()->reason, HasSubstr("too few"));
}

TEST(Retrainer, ABaselineOfNeitherNetworksNorTreesOfItsOwnIsAnsweredWithAReason) {
  Bed bed(tree_settings(), "extra_trees");
  auto loaded = bed.registry.load({bed.offline.baseline.model_key, bed.offline.baseline.metrics_key});
  const std::shared_ptr<const Model> trees = load_model(loaded->onnx);
  auto info = loaded->info;
  bed.clock.advance(std::chrono::seconds(1));
  bed.store.remove("models/baseline.txt");
  bed.registry.set_baseline(
      bed.registry.publish(make_mixture({{trees, 1}, {trees, 1}}, true, "mixture")->to_onnx({}), info));
  bed.start();
  bed.ticks(60);
  bed.world.factor = 0.5;
  bed.ticks(120);
  bed.raise();
  const auto done = Handover(bed.store).done();
  ASSERT_TRUE(done.has_value());
  EXPECT_FALSE(done->published);
  EXPECT_THAT(done->reason, HasSubstr("neither networks nor trees"));
  EXPECT_EQ(bed.retrainer->counts().refits, 0U);
}

TEST(Retrainer, RefitsOnLabelsThatAreNearOneAnotherOnly) {
  for (const int64_t span : {0, 30, 100}) {
    auto settings = tuning_settings();
    settings.refit_span_rows = span;  // twenty labels are a refit
    Bed bed(settings);
    bed.labels.every = 2;
    bed.ticks(161);
    EXPECT_EQ(bed.retrainer->counts().refits, span == 30 ? 0U : 4U) << span;
  }
}

TEST(Retrainer, AnswersADriftOnceAndSaysSo) {
  auto settings = tuning_settings();
  settings.refit_every_labels = 0;
  Bed bed(settings);
  bed.ticks(60);
  bed.world.factor = 0.5;
  bed.ticks(120);
  const std::string before = bed.live();
  bed.raise();
  const auto done = Handover(bed.store).done();
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->event, "run1-179");
  EXPECT_TRUE(done->published) << done->reason;
  EXPECT_EQ(bed.live(), before) << "a challenger does not serve before it has proven itself";
  EXPECT_FALSE(bed.registry.was_live(done->release));
  const auto events = read_retrain_events(bed.store);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].id, "run1-179");
  EXPECT_EQ(events[0].tier, "A");
  EXPECT_GT(events[0].candidates, 1);
  EXPECT_LT(events[0].val_loss, events[0].live_val_loss);
  EXPECT_EQ(events[0].labels, 180);
  bed.ticks(40);
  EXPECT_EQ(bed.live(), done->release);
  bed.ticks(50, true);
  EXPECT_GT(bed.adaptive.metrics().acc02, 0.8);

  // The process dies before the done flag: its heir completes the same answer and makes no second release.
  bed.store.remove("results/retrain_done.flag");
  bed.expect_the_heir_completes(done->release);

  // And before the event was written, too.
  bed.store.remove("results/retrain_done.flag");
  for (const auto& key : bed.store.list("results/retrains/")) bed.store.remove(key);
  bed.expect_the_heir_completes(done->release);
  EXPECT_EQ(read_retrain_events(bed.store).size(), 1U);
}

/// The monitor tells of counters that all vanished at a row that has none.
TEST(Retrainer, AnswersADriftOfABlankStream) {
  auto settings = tuning_settings();
  settings.refit_every_labels = 0;
  Bed bed(settings);
  bed.ticks(100);
  bed.blank = true;
  bed.ticks(60);
  bed.raise();
  const auto done = Handover(bed.store).done();
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->event, "run1-159");
  EXPECT_EQ(bed.retrainer->counts().samples, 100U);
  EXPECT_EQ(bed.retrainer->counts().labels, 100U) << "nothing is learned from a record without counters";
}

TEST(Retrainer, AnswersABareFlagOfAnotherProgramOnce) {
  Bed bed;
  bed.ticks(80);
  bed.store.put("results/retrain_grid.flag", "A");
  bed.settle();
  const auto done = Handover(bed.store).done();
  ASSERT_TRUE(done.has_value());
  EXPECT_FALSE(done->reason.empty());
  const auto answers = bed.retrainer->counts().answers;
  EXPECT_EQ(answers, 1U);
  bed.ticks(3);
  bed.start();
  bed.settle();
  EXPECT_EQ(read_retrain_events(bed.store).size(), 1U);
  EXPECT_EQ(Handover(bed.store).done()->event, done->event);
}

TEST(Retrainer, AWorseWinnerIsNotPublished) {
  auto settings = tuning_settings();
  settings.refit_every_labels = 0;
  settings.grid.a.learning_rates = {10};  // nothing good comes of such
  settings.refit_learning_rate = 10;
  Bed bed(settings);
  bed.ticks(150);
  const std::string before = bed.live();
  bed.raise(Tier::A);
  const auto done = Handover(bed.store).done();
  ASSERT_TRUE(done.has_value());
  EXPECT_FALSE(done->published);
  EXPECT_NE(done->reason.find("no better than"), std::string::npos) << done->reason;
  EXPECT_EQ(bed.live(), before);
}

TEST(Retrainer, WithoutLabelsItSaysSo) {
  Bed bed;
  bed.labels.every = 0;
  bed.ticks(80);
  bed.raise(Tier::B);
  EXPECT_TRUE(bed.store.exists("results/retrain_skipped_no_labels.flag"));
  const auto done = Handover(bed.store).done();
  ASSERT_TRUE(done.has_value());
  EXPECT_FALSE(done->published);
  EXPECT_NE(done->reason.find("no labels"), std::string::npos);
}

TEST(Retrainer, AFewLabelsAreNotEnough) {
  Bed bed;
  bed.labels.every = 10;
  bed.ticks(80);
  bed.raise(Tier::C);
  ASSERT_TRUE(Handover(bed.store).done().has_value());
  EXPECT_FALSE(Handover(bed.store).done()->published);
  EXPECT_FALSE(bed.store.exists("results/retrain_skipped_no_labels.flag"));
}

TEST(Retrainer, LateLabelsCountFromWhenTheyArrive) {
  Bed bed;
  bed.labels = {.every = 1, .delay = 30};
  bed.ticks(40);
  EXPECT_EQ(bed.retrainer->counts().labels, 11U);
  bed.world.factor = 0.5;
  bed.ticks(200, true);
  EXPECT_GT(bed.adaptive.metrics().acc02, bed.frozen.metrics().acc02 + 0.3);
}

TEST(Retrainer, GoesBackWhenTheLiveModelFallsBehindTheBaseline) {
  auto settings = tuning_settings();
  settings.refit_every_labels = 0;
  Bed bed(settings);
  bed.ticks(60);
  bed.world.factor = 0.5;
  bed.ticks(120);
  bed.raise();
  bed.ticks(60);
  ASSERT_NE(bed.live(), bed.offline.first.model_key);
  bed.world.factor = 1;
  bed.ticks(60);
  EXPECT_EQ(bed.live(), bed.offline.first.model_key);
  EXPECT_EQ(bed.judge->counts().rollbacks, 1U);
  EXPECT_TRUE(bed.registry.was_replaced(bed.live())) << "consumers see a rollback";
  const auto events = read_retrain_events(bed.store);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, "answer");
  EXPECT_EQ(events[1].kind, "rollback");
  EXPECT_EQ(events[1].release, bed.live());
  EXPECT_FALSE(events[1].published);
  EXPECT_GT(events[1].row, events[0].row);
  EXPECT_GT(read_judgements(bed.store, "run1").back().gain, 0);
  EXPECT_NE(events[1].reason.find("labels"), std::string::npos);
}

TEST(Retrainer, ALineThatFellBehindBeginsAnewFromTheBaseline) {
  Bed bed;
  bed.ticks(60);
  bed.world.factor = 0.3;
  bed.ticks(200);
  EXPECT_EQ(bed.retrainer->counts().restarts, 0U);
  bed.world.factor = 1;
  bed.ticks(200);
  EXPECT_GT(bed.retrainer->counts().restarts, 0U);
}

TEST(Retrainer, BusyRowsPassBeforeAResultServes) {
  Bed bed;
  bed.options.busy_rows = 7;
  bed.tuning.refit_every_labels = 0;
  bed.start();
  bed.ticks(40);
  bed.world.factor = 0.5;
  bed.ticks(120);
  bed.raise();
  for (int i = 0; i < 6; ++i) {
    bed.tick();
    ASSERT_EQ(bed.releases("retrain"), 0) << i;
    ASSERT_FALSE(Handover(bed.store).done().has_value());
  }
  bed.tick();
  EXPECT_EQ(bed.releases("retrain"), 1);
  EXPECT_TRUE(Handover(bed.store).done().has_value());
}

std::map<std::string, std::string> run_once(int64_t threads, int restart_at,
                                            const std::string& family = "ridge") {
  auto settings = family == "ridge" ? tuning_settings() : tree_settings();
  settings.threads = threads;
  Bed bed(settings, family);
  std::map<std::string, std::string> models;
  for (int i = 0; i < 260; ++i) {
    if (i == 90) bed.world.factor = 0.5;
    if (i == restart_at) bed.start();
    bed.tick();
    if (i == 150) bed.raise(Tier::A);
  }
  bed.end();
  for (const auto& info : bed.registry.list()) {
    EXPECT_TRUE(models.emplace(info.role + " " + info.trigger, info.sha256).second || info.trigger.empty())
        << info.trigger << " is published twice";
  }
  return models;
}

TEST(Retrainer, IsDeterministicWhateverTheThreads) {
  const auto once = run_once(1, -1);
  EXPECT_GT(once.size(), 3U);
  EXPECT_EQ(once, run_once(2, -1));
}

/// Up to row 200, at which the second run had its retrainer restarted.
void expect_the_same(const std::map<std::string, std::string>& undisturbed,
                     const std::map<std::string, std::string>& restarted) {
  for (const auto& [key, digest] : undisturbed) {
    const auto row = key.rfind('-') == std::string::npos ? 0 : std::atoi(key.c_str() + key.rfind('-') + 1);
    if (row < 200) {
      EXPECT_EQ(restarted.at(key), digest) << key;
    }
  }
}

TEST(Retrainer, ARestartAdoptsWhatWasPublishedAndRepeatsNothing) {
  expect_the_same(run_once(1, -1), run_once(1, 200));
}

TEST_P(RetrainerOfTrees, IsDeterministicWhateverTheThreadsAndARestartRepeatsNothing) {
  const auto once = run_once(1, -1, GetParam());
  EXPECT_GT(once.size(), 10U);
  EXPECT_EQ(once, run_once(2, -1, GetParam()));
  const auto restarted = run_once(2, 200, GetParam());
  expect_the_same(once, restarted);
  EXPECT_EQ(once.size(), restarted.size()) << "the heir refits where the other would have";
}

TEST(Retrainer, EndsWhenNothingComes) {
  Bed bed;
  bed.ticks(5);
  bed.clock.advance(std::chrono::seconds(28));
  bed.settle();
  EXPECT_EQ(bed.retrainer->step(), Step::idle);
  bed.clock.advance(std::chrono::seconds(3));
  EXPECT_EQ(bed.retrainer->step(), Step::done);
}

TEST(Retrainer, AwaitsAProducerThatIsStartedAfterTheIdleTimeOut) {
  Bed bed;
  bed.clock.advance(std::chrono::seconds(500));
  bed.settle();
  bed.ticks(50);
  EXPECT_EQ(bed.retrainer->counts().labels, 50U);
  bed.end();
  EXPECT_EQ(bed.retrainer->step(), Step::done);
}

/// What step() fails with.
std::string failure_of(Bed& bed) {
  try {
    for (int i = 0; i < 100; ++i) bed.retrainer->step();
  } catch (const FailedError& error) {
    return error.what();
  }
  return "no failure";
}

TEST(Retrainer, FailsIfNoRecordOrNoModelComesAtAll) {
  Bed bed;
  bed.clock.advance(std::chrono::seconds(600));
  EXPECT_THAT(failure_of(bed), AllOf(HasSubstr("latencyTopic"), HasSubstr("drst produce")));
  bed.store.remove("models/baseline.txt");
  bed.start();
  EXPECT_EQ(bed.retrainer->step(), Step::idle) << "offline training may still run";
  bed.clock.advance(std::chrono::seconds(600));
  EXPECT_THAT(failure_of(bed), AllOf(HasSubstr("no baseline"), HasSubstr("drst offline")));
}

TEST(Retrainer, NamesABrokenModelAndWhatToDo) {
  Bed bed;
  const auto broken = bed.offline.baseline.model_key;
  bed.store.put(broken, bed.store.get(broken)->substr(0, 100));
  EXPECT_THAT(failure_of(bed), AllOf(HasSubstr(broken), HasSubstr("drst models verify")));
  Bed other;
  other.store.remove(other.live());
  EXPECT_THAT(failure_of(other), AllOf(HasSubstr(other.live()), HasSubstr("drst models rollback")));
}

TEST(Retrainer, KnowsThatItsStreamHasEndedBefore) {
  Bed bed;
  bed.options.run_id.clear();
  bed.start();
  bed.ticks(10);
  bed.end();
  EXPECT_EQ(bed.retrainer->step(), Step::done);
  bed.start();
  bed.settle();
  EXPECT_EQ(bed.retrainer->step(), Step::done) << "its place is committed: there is nothing left to come";
}

TEST(Retrainer, WithoutATargetColumnThereIsNoRetrainer) {
  Bed bed;
  bed.options.target = "latency";
  EXPECT_THROW(bed.start(), InputError);
}

}  // namespace
}  // namespace drst
