#include "ingest/producer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "stream/record.h"
#include "table/npy.h"

namespace drst {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
const std::string topic = "latencyTopic";

/// Two stages, 7 and 5 rows; the first of two experiments; the second with another counter; row 2 without
/// label.
std::vector<StageTable> small_stages() {
  Table first({"output_rate", "latency", "a"}, 7);
  for (std::size_t r = 0; r < 7; ++r) {
    first.column(std::size_t{0})[r] = 100 + static_cast<double>(r);
    first.column(std::size_t{1})[r] = 5;
    first.column(std::size_t{2})[r] = static_cast<double>(r);
  }
  first.column(std::size_t{0})[2] = nan_value;
  first.set_experiment_starts({0, 4});
  Table second({"a", "b", "output_rate"}, 5);
  for (std::size_t r = 0; r < 5; ++r) {
    second.column(std::size_t{0})[r] = 50 + static_cast<double>(r);
    second.column(std::size_t{1})[r] = r == 3 ? nan_value : 0.5;
    second.column(std::size_t{2})[r] = 200 + static_cast<double>(r);
  }
  return {{"calm", first}, {"storm", second}};
}

/// Dies at the k-th point.
class DiesAt final : public FaultPoint {
 public:
  int64_t left = -1;  // < 0: never
  int64_t reached_points = 0;
  void reached(std::string_view, std::string_view) override {
    ++reached_points;
    if (left >= 0 && left-- == 0) throw SimulatedCrash{};
  }
};

struct Stored {
  std::string key, value, headers;
  Time timestamp;
  bool operator==(const Stored&) const = default;
};

class World {
 public:
  explicit World(std::vector<StageTable> stages = small_stages()) : stages_(std::move(stages)) {
    log::set_level(log::Level::warning);
    settings.topic = topic;
    settings.lags = true;
    settings.batch = 4;
  }
  std::unique_ptr<Producer> producer() {
    return std::make_unique<Producer>(*log, *store, clock, settings, "run", targets, stages_, "chain-0");
  }
  /// A new process on the same disks.
  void restart(FaultPoint* faults = nullptr) {
    log = std::make_unique<MemoryLog>(log_disk, clock, faults);
    store = std::make_unique<MemoryStore>(store_disk, faults);
  }
  void finish() {
    auto p = producer();
    for (Step step = Step::worked; step != Step::done; step = p->step())
      if (step == Step::idle) clock.advance(seconds(1));
  }
  std::vector<Stored> content(const std::string& name, int partition) {
    std::vector<Stored> all;
    Batch batch;
    for (int64_t at = 0; at < log->watermarks(name, partition).end; at = batch.records().back().offset + 1) {
      log->read(name, partition, at, batch, {});
      for (const auto& r : batch.records()) {
        std::string headers;
        for (const auto& [key, value] : r.headers)
          headers += std::string(key) + "=" + std::string(value) + ";";
        all.push_back({std::string(r.key), std::string(r.value), headers, r.timestamp});
      }
    }
    return all;
  }
  std::map<std::string, std::vector<Stored>> everything() {
    std::map<std::string, std::vector<Stored>> all;
    for (const auto& name : log->topics())
      for (int p = 0; p < log->partitions(name); ++p) all[name + "/" + drst::to_text(p)] = content(name, p);
    all["truth"].push_back({"", store->get(truth_key).value_or("none"), "", Time{}});
    return all;
  }
  std::vector<std::string> values(int partition, const std::string& name = topic) {
    std::vector<std::string> all;
    for (const auto& record : content(name, partition)) all.push_back(record.value);
    return all;
  }

  VirtualClock clock;
  std::shared_ptr<MemoryLogDisk> log_disk = std::make_shared<MemoryLogDisk>();
  std::shared_ptr<MemoryDisk> store_disk = std::make_shared<MemoryDisk>();
  std::unique_ptr<MemoryLog> log = std::make_unique<MemoryLog>(log_disk, clock);
  std::unique_ptr<MemoryStore> store = std::make_unique<MemoryStore>(store_disk);
  ProducerSettings settings;
  std::vector<std::string> targets = {"output_rate"};

 private:
  std::vector<StageTable> stages_;
};

std::string row_text(const std::string& features, const std::string& label, const std::string& stage,
                     int row) {
  return "{\"features\":{" + features + "},\"label\":" + label +
         ",\"send_ts\":\"2026-01-01T00:00:00.000000Z\",\"stage\":\"" + stage + "\",\"id\":\"run-" +
         to_text(row) + "\"}";
}

TEST(Producer, WritesTheStream) {
  World world;
  world.finish();
  EXPECT_THAT(
      world.values(0),
      ElementsAre(row_text(R"("a":0)", "100", "calm", 0), row_text(R"("a":3,"a@-1":2)", "103", "calm", 3),
                  row_text(R"("a":6,"a@-1":5)", "106", "calm", 6),
                  row_text(R"("a":52,"b":0.5,"a@-1":51,"b@-1":0.5)", "202", "storm", 9), "__DRST_EOF__"));
  EXPECT_EQ(world.values(1)[1], row_text(R"("a":4)", "104", "calm", 4)) << "an experiment begins: no lag";
  EXPECT_EQ(world.values(1)[2], row_text(R"("a":50,"b":0.5)", "200", "storm", 7)) << "a stage begins: no lag";
  EXPECT_EQ(world.values(2)[0], row_text(R"("a":2,"a@-1":1)", "null", "calm", 2)) << "the table has no label";
  EXPECT_EQ(world.values(2)[3], row_text(R"("a":54,"b":0.5,"a@-1":53)", "204", "storm", 11));
  EXPECT_EQ(world.content(topic, 0)[0].headers, "run_id=run;");
  EXPECT_EQ(world.content(topic, 0)[4].headers, "drst-sentinel=1;drst-run-id=run;");
}

TEST(Producer, WritesTheTruth) {
  World world;
  world.settings.label_every = 0;
  world.finish();
  const auto truth = parse_npz(*world.store->get(truth_key), "truth");
  EXPECT_EQ(std::get<std::vector<std::string>>(truth.at("id").data)[11], "run-11");
  EXPECT_THAT(std::get<std::vector<std::string>>(truth.at("stage_names").data), ElementsAre("calm", "storm"));
  const auto& labels = std::get<std::vector<double>>(truth.at("label").data);
  EXPECT_EQ(labels[7], 200);
  EXPECT_TRUE(std::isnan(labels[2]));
  EXPECT_THAT(std::get<std::vector<int64_t>>(truth.at("offset").data),
              ElementsAre(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3));
  EXPECT_THAT(std::get<std::vector<int32_t>>(truth.at("partition").data),
              ElementsAre(0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2));
  EXPECT_EQ(std::get<std::vector<int32_t>>(truth.at("stage").data)[7], 1);
  for (const auto& text : world.values(0)) EXPECT_THAT(text, ::testing::Not(HasSubstr("\"label\":1")));
}

TEST(Producer, KeepsAChainTogetherByKey) {
  World world;
  world.settings.partitioner = "key";
  world.settings.stage_on_wire = false;
  world.finish();
  std::size_t partitions_with_rows = 0;
  for (int p = 0; p < 3; ++p) {
    const auto records = world.content(topic, p);
    if (records.size() == 1) continue;  // the sentinel
    ++partitions_with_rows;
    EXPECT_EQ(records.size(), 13u);
    EXPECT_EQ(records[0].key, "chain-0");
    EXPECT_THAT(records[0].value, HasSubstr("\"stage\":\"\""));
  }
  EXPECT_EQ(partitions_with_rows, 1u);
}

TEST(Producer, OneRowATickOnTheVirtualClock) {
  World world;
  world.settings.rate = 1;
  auto producer = world.producer();
  for (int64_t tick = 0; tick < 12; ++tick) {
    EXPECT_EQ(producer->rows_produced(), tick);
    EXPECT_EQ(producer->step(), Step::worked);
    EXPECT_EQ(producer->step(), Step::idle) << "nothing more is due in this second";
    world.clock.advance(seconds(1));
  }
  EXPECT_EQ(producer->step(), Step::done);
  EXPECT_EQ(producer->step(), Step::done);
  RecordDecoder decoder;
  const auto records = world.content(topic, 1);
  for (std::size_t i = 0; i + 1 < records.size(); ++i)
    EXPECT_EQ(records[i].timestamp, VirtualClock::default_epoch() + seconds(3 * i + 1));
}

TEST(Producer, EmitsWhatIsDue) {
  World world;
  world.settings.rate = 2.5;
  auto producer = world.producer();
  std::vector<int64_t> produced;
  for (int i = 0; i < 5; ++i) {
    producer->step();
    produced.push_back(producer->rows_produced());
    world.clock.advance(seconds(1));
  }
  EXPECT_THAT(produced, ElementsAre(1, 3, 6, 8, 11));
}

TEST(Producer, GoesOnAtItsPaceAfterALongStop) {
  World world;
  world.settings.rate = 1;
  world.settings.catch_up_s = 3;
  for (int tick = 0; tick < 3; ++tick) {
    world.producer()->step();
    world.clock.advance(seconds(1));
  }
  EXPECT_EQ(world.values(2).size(), 1u);
  world.clock.advance(seconds(2));  // short: rows 3, 4, 5 are due
  auto producer = world.producer();
  producer->step();
  EXPECT_EQ(producer->rows_produced(), 6);
  world.clock.advance(seconds(3600));
  producer = world.producer();
  producer->step();
  EXPECT_EQ(producer->rows_produced(), 7);
  producer.reset();
  EXPECT_EQ(world.producer()->step(), Step::idle) << "another restart in the same second";
  world.clock.advance(seconds(1));
  producer = world.producer();
  producer->step();
  EXPECT_EQ(producer->rows_produced(), 8);
}

/// All appends in the order in which they were made: "3" is row 3, "L3" its label, "E" a sentinel.
class Recorder final : public Log {
 public:
  explicit Recorder(Log& log) : log_(log) {}
  std::vector<std::string> seen;
  int appends_left = -1;  ///< then one fails, half done; < 0: never
  void ensure_topic(const std::string& name, int partitions) override { log_.ensure_topic(name, partitions); }
  int partitions(const std::string& name) override { return log_.partitions(name); }
  std::vector<std::string> topics() override { return log_.topics(); }
  int64_t append(const std::string& name, int partition, std::span<const NewRecord> records) override {
    if (appends_left >= 0 && appends_left-- == 0) {
      log_.append(name, partition, records.first(records.size() / 2));
      throw LogError(ExitCode::failed, "disk full");
    }
    RecordDecoder decoder;
    for (const auto& record : records) {
      RecordView view;
      view.value = record.value;
      if (name != topic) {
        seen.push_back("L" + to_text(split_id(decode_label(record.value)->id)->row));
      } else {
        seen.push_back(is_sentinel(view) ? "E" : to_text(decoder.decode(view)->row));
      }
    }
    return log_.append(name, partition, records);
  }
  void read(const std::string& name, int partition, int64_t from, Batch& batch,
            const PollLimits& limits) override {
    log_.read(name, partition, from, batch, limits);
  }
  Watermarks watermarks(const std::string& name, int partition) override {
    return log_.watermarks(name, partition);
  }
  std::unique_ptr<Consumer> subscribe(const ConsumerOptions& options) override {
    return log_.subscribe(options);
  }
  std::optional<int64_t> committed(const std::string& group, const std::string& name,
                                   int partition) override {
    return log_.committed(group, name, partition);
  }
  bool wait(std::chrono::milliseconds at_most) override { return log_.wait(at_most); }
  void sync() override { log_.sync(); }
  void trim(const std::string& name, int partition, int64_t offset) override {
    log_.trim(name, partition, offset);
  }

 private:
  Log& log_;
};

/// At every setting: each label after its row and before row + delay, sentinels last, inline labels only
/// without delay.
RC_GTEST_PROP(Producer, LabelsComeInTime, ()) {
  Random random(*rc::gen::arbitrary<uint64_t>());
  World world;
  world.settings.label_every = static_cast<int64_t>(random.below(5));
  world.settings.label_delay = static_cast<int64_t>(random.below(20));
  world.settings.batch = 1 + static_cast<int64_t>(random.below(12));
  world.settings.rate = random.chance(0.3) ? 1 + 3 * random.uniform() : 0;
  world.settings.partitions = 1 + static_cast<int64_t>(random.below(4));
  Recorder recorder(*world.log);
  Producer producer(recorder, *world.store, world.clock, world.settings, "run", {"output_rate"},
                    small_stages());
  while (producer.step() != Step::done) world.clock.advance(seconds(1));
  const auto& seen = recorder.seen;
  const auto place = [&](const std::string& what) {
    return std::find(seen.begin(), seen.end(), what) - seen.begin();
  };
  const auto size = static_cast<std::ptrdiff_t>(seen.size());
  int64_t labels = 0;
  const auto every = world.settings.label_every;
  const auto delay = world.settings.label_delay;
  for (int64_t row = 0; row < 12; ++row) {
    const bool late = every > 0 && delay > 0 && row % every == 0 && row != 2;
    labels += late ? 1 : 0;
    RC_ASSERT((place("L" + to_text(row)) < size) == late);
    RC_ASSERT(place(to_text(row)) < size);
    if (!late) continue;
    RC_ASSERT(place("L" + to_text(row)) > place(to_text(row)));
    if (row + delay < 12) RC_ASSERT(place("L" + to_text(row)) < place(to_text(row + delay)));
    for (int64_t early = row + 1; early < std::min<int64_t>(row + delay, 12); ++early)
      RC_ASSERT(place("L" + to_text(row)) > place(to_text(early)));
  }
  RC_ASSERT(size == 12 + labels + world.settings.partitions);
  for (auto i = size - world.settings.partitions; i < size; ++i)
    RC_ASSERT(seen[static_cast<std::size_t>(i)] == "E");
}

/// Killed at each point where it has or is about to have an effect, and restarted: the same log, record for
/// record, the same truth.
class ProducerCrash : public ::testing::TestWithParam<std::tuple<int64_t, std::string, double>> {};

TEST_P(ProducerCrash, LeavesNoTrace) {
  const auto& [delay, partitioner, rate] = GetParam();
  const auto prepare = [&delay = delay, &partitioner = partitioner, &rate = rate](World& world) {
    world.settings.label_delay = delay;
    world.settings.label_every = 2;
    world.settings.partitioner = partitioner;
    world.settings.rate = rate;
  };
  World calm;
  prepare(calm);
  DiesAt never;
  calm.restart(&never);
  calm.finish();
  calm.restart();
  const auto expected = calm.everything();
  ASSERT_GT(never.reached_points, 20);
  for (int64_t k = 0; k < never.reached_points; ++k) {
    World world;
    prepare(world);
    DiesAt faults;
    faults.left = k;
    world.restart(&faults);
    auto producer = world.producer();
    for (bool done = false; !done;) {
      try {
        const Step step = producer->step();
        done = step == Step::done;
        if (step == Step::idle) world.clock.advance(seconds(1));
      } catch (const SimulatedCrash&) {  // the same second: its process is started again at once
        producer.reset();
        world.restart(&faults);
        producer = world.producer();
      }
    }
    world.restart();
    ASSERT_EQ(world.everything() == expected, true) << "killed at point " << k;
    EXPECT_EQ(producer->rows_produced(), 12);
  }
}

INSTANTIATE_TEST_SUITE_P(Settings, ProducerCrash,
                         ::testing::Combine(::testing::Values(0, 1, 3),
                                            ::testing::Values("round-robin", "key"),
                                            ::testing::Values(0.0, 1.0, 2.5)));

/// Killed again and again, at random.
RC_GTEST_PROP(Producer, SurvivesManyCrashes, ()) {
  Random random(*rc::gen::arbitrary<uint64_t>());
  World world;
  world.settings.label_delay = static_cast<int64_t>(random.below(4));
  world.settings.batch = 1 + static_cast<int64_t>(random.below(12));
  World calm;
  calm.settings = world.settings;
  calm.finish();
  DiesAt faults;
  const auto reborn = [&] {
    faults.left = static_cast<int64_t>(random.below(15)) + (random.chance(0.2) ? 100 : 0);
    world.restart(&faults);
    return world.producer();
  };
  auto producer = reborn();
  for (bool done = false; !done;) {
    try {
      done = producer->step() == Step::done;
    } catch (const SimulatedCrash&) {
      producer.reset();
      producer = reborn();
    }
  }
  world.restart();
  RC_ASSERT(world.everything() == calm.everything());
}

TEST(Producer, AFailedAppendIsTriedAgainInTheNextStep) {
  World calm;
  calm.finish();
  World world;
  Recorder recorder(*world.log);
  Producer producer(recorder, *world.store, world.clock, world.settings, "run", {"output_rate"},
                    small_stages());
  int failed = 0;
  for (bool done = false; !done;) {
    recorder.appends_left = 2;
    try {
      done = producer.step() == Step::done;
    } catch (const LogError&) {
      ++failed;
    }
  }
  EXPECT_GT(failed, 1);
  EXPECT_EQ(world.everything() == calm.everything(), true);
}

TEST(Producer, AFinishedRunIsLeftAlone) {
  World world;
  world.finish();
  world.store->remove(truth_key);
  const auto before = world.content(topic, 0);
  EXPECT_EQ(world.producer()->step(), Step::done);
  EXPECT_EQ(world.content(topic, 0) == before, true);
  EXPECT_TRUE(world.store->exists(truth_key));
}

TEST(Producer, SharesATopicWithOtherRuns) {
  World world;
  {
    Producer old(*world.log, *world.store, world.clock, world.settings, "old", {"output_rate"},
                 small_stages());
    while (old.step() != Step::done) {
    }
  }
  world.finish();
  EXPECT_EQ(world.values(0).size(), 10u);
  const auto truth = parse_npz(*world.store->get(truth_key), "truth");
  EXPECT_EQ(std::get<std::vector<int64_t>>(truth.at("offset").data)[0], 5);
}

TEST(Producer, RefusesAnotherRunOfTheSameName) {
  World world;
  world.finish();
  auto shorter = small_stages();
  shorter.pop_back();
  Producer other(*world.log, *world.store, world.clock, world.settings, "run", {"output_rate"}, shorter);
  try {
    other.step();
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("choose another run id"));
  }
}

/// What a producer of run "run" with these stages and settings says, after another of that run has ended.
std::string refusal_after(const std::function<void(ProducerSettings&, std::vector<StageTable>&)>& change) {
  World world;
  world.finish();
  auto stages = small_stages();
  auto settings = world.settings;
  change(settings, stages);
  Producer other(*world.log, *world.store, world.clock, settings, "run", {"output_rate"}, stages);
  try {
    other.step();
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

TEST(Producer, RefusesOtherTablesAndSettingsOfTheSameRun) {
  EXPECT_EQ(refusal_after([](auto&, auto&) {}), "");
  EXPECT_THAT(refusal_after([](auto&, auto& stages) { stages[1].table.column(std::size_t{1})[0] = 0.25; }),
              HasSubstr("stage storm"));
  EXPECT_THAT(refusal_after([](auto&, auto& stages) {
                stages[0].table.set_experiment_starts({0, 3});
              }),
              HasSubstr("stage calm"));
  EXPECT_THAT(refusal_after([](auto&, auto& stages) {
                stages.push_back({"more", stages[1].table});
              }),
              HasSubstr("now 'stage more"));
  EXPECT_THAT(refusal_after([](auto& settings, auto&) { settings.lags = false; }),
              ::testing::AllOf(HasSubstr("'lags = true', now 'lags = false'"), HasSubstr("--run-id")));
  EXPECT_THAT(refusal_after([](auto& settings, auto&) { settings.label_every = 2; }),
              HasSubstr("label_every"));
  EXPECT_EQ(refusal_after([](auto& settings, auto&) { settings.batch = 1; }), "") << "the stream is the same";
}

TEST(Producer, IsTheOnlyOneOfItsRun) {
  World world;
  const auto first = world.producer();
  first->step();
  const auto second = world.producer();
  EXPECT_THROW(second->step(), InputError);
  Producer of_another_run(*world.log, *world.store, world.clock, world.settings, "two", {"output_rate"},
                          small_stages());
  EXPECT_EQ(of_another_run.step(), Step::worked);
  while (first->step() != Step::done) {
  }
  EXPECT_EQ(second->step(), Step::done) << "its place is free";
  EXPECT_EQ(world.values(0).size(), 7u) << "four rows, a sentinel, and two rows of the other run";
}

TEST(Producer, GoesOnAfterItHasLostItsPlaceToOneThatIsGone) {
  World whole, world;
  whole.finish();
  world.settings.rate = 1;
  auto first = world.producer();
  EXPECT_EQ(first->step(), Step::worked);
  world.clock.advance(seconds(60));                  // stopped for longer than its lease
  MemoryLog elsewhere(world.log_disk, world.clock);  // another process
  auto second = std::make_unique<Producer>(elsewhere, *world.store, world.clock, world.settings, "run",
                                           world.targets, small_stages(), "chain-0");
  EXPECT_EQ(second->step(), Step::worked);
  world.clock.advance(seconds(15));
  EXPECT_THROW(first->step(), LeaseLost);
  EXPECT_THROW(first->step(), PlaceTaken) << "while the other is there";
  second.reset();
  Step step = Step::worked;
  for (int steps = 0; steps < 1000 && step != Step::done; ++steps) {
    step = first->step();
    if (step == Step::idle) world.clock.advance(seconds(1));
  }
  EXPECT_EQ(step, Step::done);
  for (int p = 0; p < 3; ++p) EXPECT_EQ(world.content(topic, p).size(), whole.content(topic, p).size());
  EXPECT_EQ(first->rows_produced(), 12);
}

TEST(Producer, KeepsTheTruthOfEachRun) {
  World world;
  world.finish();
  const auto first = *world.store->get(truth_key);
  Producer two(*world.log, *world.store, world.clock, world.settings, "two", {"output_rate"}, small_stages());
  while (two.step() != Step::done) {
  }
  EXPECT_NE(*world.store->get(truth_key), first);
  EXPECT_EQ(*world.store->get(truth_key_of("run")), first);
  world.finish();
  EXPECT_EQ(*world.store->get(truth_key), first) << "of the run that was asked for last";
}

/// small_stages(), but that the second has a latency, too, which its row 1 (8 of the stream) lacks.
std::vector<StageTable> stages_of_two_targets() {
  auto stages = small_stages();
  stages[1].table.add_column("latency", {6, nan_value, 6.5, 7, 7.5});
  return stages;
}

TEST(Producer, LabelsOfFurtherTargetsTravelBesideTheFirst) {
  World one(stages_of_two_targets()), two(stages_of_two_targets());
  two.targets = {"output_rate", "latency"};
  one.finish();
  two.finish();
  EXPECT_EQ(one.store->get(truth_key)->find("label_latency"), std::string::npos);
  const auto truth = parse_npz(*two.store->get(truth_key), "truth");
  EXPECT_EQ(std::get<std::vector<double>>(truth.at("label").data)[8], 201);
  const auto& latency = std::get<std::vector<double>>(truth.at("label_latency").data);
  EXPECT_EQ(latency[6], 5);
  EXPECT_EQ(latency[7], 6);
  EXPECT_TRUE(std::isnan(latency[8]));
  // All else is as with one target.
  for (int p = 0; p < 3; ++p) {
    const auto plain = one.values(p), both = two.values(p);
    ASSERT_EQ(plain.size(), both.size());
    for (std::size_t i = 0; i < plain.size(); ++i) {
      auto text = both[i];
      const auto at = text.find(",\"labels\":");
      if (plain[i] == sentinel_value) continue;
      ASSERT_NE(at, std::string::npos) << text;
      text.erase(at, text.find('}', at) + 1 - at);
      EXPECT_EQ(text, plain[i]);
    }
  }
  EXPECT_THAT(two.values(2)[0], HasSubstr("\"label\":null,\"labels\":{\"latency\":5}"));
  EXPECT_THAT(two.values(2)[2], HasSubstr("\"label\":201,\"labels\":{\"latency\":null}"));
}

TEST(Producer, ALateLabelIsThereWhereAnyTargetHasOne) {
  World world(stages_of_two_targets());
  world.targets = {"output_rate", "latency"};
  world.settings.label_delay = 3;
  world.finish();
  const auto late = world.values(0, labels_topic(topic));
  ASSERT_EQ(late.size(), 12u);
  EXPECT_THAT(late[2], HasSubstr("\"id\":\"run-2\",\"label\":null,\"labels\":{\"latency\":5}"));
  EXPECT_THAT(late[8], HasSubstr("\"id\":\"run-8\",\"label\":201,\"labels\":{\"latency\":null}"));
  EXPECT_THAT(world.values(0)[0], HasSubstr("\"label\":null,\"labels\":{\"latency\":null}"));
  // A restart goes on after them.
  const auto before = world.everything();
  world.restart();
  world.finish();
  EXPECT_EQ(world.everything() == before, true);
}

TEST(Producer, SaysWhatIsWrongWithItsTables) {
  World world;
  const auto words = [&](std::vector<StageTable> stages, const std::string& target) -> std::string {
    try {
      Producer producer(*world.log, *world.store, world.clock, world.settings, "run", {target},
                        std::move(stages));
    } catch (const InputError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(words({}, "output_rate"), HasSubstr("no rows"));
  EXPECT_THAT(words(small_stages(), "latency"), HasSubstr("stage 'storm' has no column 'latency'"));
  EXPECT_THAT(words({{"s", Table({"output_rate", "latency"}, 3)}}, "output_rate"), HasSubstr("no counters"));
  EXPECT_THROW(check_stages(small_stages(), {"output_rate", "latency"}, world.settings.kpis), InputError);
}

}  // namespace
}  // namespace drst
