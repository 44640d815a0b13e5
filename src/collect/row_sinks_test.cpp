#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "collect/csv_sink.h"
#include "collect/log_sink.h"
#include "collect/row_sink.h"
#include "stream/memory_log.h"
#include "table/csv.h"

namespace drst {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
constexpr double missing = std::numeric_limits<double>::quiet_NaN();

CollectedRow row_of(std::int64_t tick, bool follows, std::vector<double> values, double share = 1) {
  CollectedRow row;
  row.tick = tick;
  row.at = Time(std::chrono::seconds(1'000'000 + tick));
  row.follows = follows;
  row.shares.assign(values.size(), share);
  row.values = std::move(values);
  return row;
}

/// Throws what it is told to, as often as it is told to.
struct Moody final : RowSink {
  std::atomic<int> refusals = 0;
  std::atomic<bool> for_good = false;
  std::vector<std::int64_t> ticks;
  std::vector<bool> follows;
  std::vector<std::string> columns;
  bool finished = false;
  void begin(const std::vector<std::string>& names) override { columns = names; }
  void put(const CollectedRow& row) override {
    if (for_good) throw InputError("never");
    if (refusals > 0) {
      --refusals;
      throw Error(ExitCode::unreachable, "away");
    }
    ticks.push_back(row.tick);
    follows.push_back(row.follows);
  }
  void finish(bool) override { finished = true; }
};

TEST(QueuedSink, TriesAgainAndKeepsTheOrder) {
  Moody sink;
  sink.refusals = 2;
  {
    QueuedSink queue(sink, 100);
    queue.begin({"x"});
    for (int tick = 0; tick < 5; ++tick) queue.put(row_of(tick, tick > 0, {1}));
    queue.finish(true);
    EXPECT_EQ(queue.dropped(), 0);
  }
  EXPECT_THAT(sink.ticks, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_THAT(sink.columns, ElementsAre("x"));
  EXPECT_TRUE(sink.finished);
}

TEST(QueuedSink, DropsTheOldestAndSaysSo) {
  Moody sink;
  sink.refusals = 1;
  QueuedSink queue(sink, 3);
  queue.begin({"x"});
  for (int tick = 0; tick < 10; ++tick) queue.put(row_of(tick, true, {1}));
  queue.finish(true);
  EXPECT_GE(queue.dropped(), 6);
  EXPECT_EQ(sink.ticks.back(), 9);
  EXPECT_EQ(static_cast<std::int64_t>(sink.ticks.size()) + queue.dropped(), 10);
  for (std::size_t i = 1; i < sink.ticks.size(); ++i)
    EXPECT_EQ(sink.follows[i], sink.ticks[i] == sink.ticks[i - 1] + 1) << "no lag across what was dropped";
}

TEST(QueuedSink, WhatIsOfNoUseIsThrown) {
  Moody sink;
  sink.for_good = true;
  QueuedSink queue(sink, 3);
  queue.begin({"x"});
  queue.put(row_of(0, false, {1}));
  EXPECT_THROW(queue.finish(true), InputError);
}

TEST(QueuedSink, EndsThoughTheSinkIsAway) {
  Moody sink;
  sink.refusals = 1'000'000;
  QueuedSink queue(sink, 3);
  queue.set_patience(0.1);
  queue.begin({"x"});
  queue.put(row_of(0, false, {1}));
  EXPECT_THROW(queue.finish(true), FailedError);
}

class CsvSinks : public testing::Test {
 protected:
  [[nodiscard]] CsvSinkOptions options() const {
    CsvSinkOptions made;
    made.file = folder.path() / "deep" / "chain.csv";
    made.kpis = {"input_rate", "latency"};
    made.provenance = "{}\n";
    return made;
  }
  [[nodiscard]] std::string text(const char* name) const { return read_file(folder.path() / "deep" / name); }
  TemporaryFolder folder;
};

TEST_F(CsvSinks, IsATableThatReadersTakeWithGapsAsExperiments) {
  CsvSink sink(options());
  sink.begin({"a_cycles", "latency", "b_cycles"});
  sink.put(row_of(0, false, {1, 20, missing}, 0.25));
  sink.put(row_of(1, true, {2, missing, 4}));
  sink.put(row_of(7, false, {3, 22, 5}));
  sink.finish(true);
  const Table table = read_csv(options().file);
  EXPECT_THAT(table.names(), ElementsAre("latency", "a_cycles", "b_cycles"));
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0, 2));
  EXPECT_THAT(table.column("a_cycles"), ElementsAre(1, 2, 3));
  EXPECT_TRUE(std::isnan(table.column("b_cycles")[0]));
  const Table quality = read_csv(folder.path() / "deep" / "chain.quality.csv");
  EXPECT_THAT(quality.names(), ElementsAre("a_cycles", "b_cycles"));
  EXPECT_EQ(quality.column("a_cycles")[0], 0.25);
  EXPECT_THAT(text("chain.provenance.json"), HasSubstr("interval_s"));
}

TEST_F(CsvSinks, WhatIsThereIsNotTouchedUnasked) {
  {
    CsvSink sink(options());
    sink.begin({"a"});
    sink.put(row_of(0, false, {1}));
  }
  EXPECT_THROW(CsvSink{options()}, InputError);
  auto replacing = options();
  replacing.overwrite = true;
  CsvSink sink(replacing);
  sink.begin({"b"});
  EXPECT_THAT(text("chain.csv"), HasSubstr("b"));
}

TEST_F(CsvSinks, AppendsAndRemovesARowThatWasCutShort) {
  {
    CsvSink sink(options());
    sink.begin({"a", "b"});
    sink.put(row_of(0, false, {1, 2}));
    sink.put(row_of(1, true, {3, 4}));
  }
  std::ofstream(options().file, std::ios::app) << "2,5";  // a crash
  auto more = options();
  more.append = true;
  CsvSink sink(more);
  sink.begin({"a", "b"});
  sink.put(row_of(0, false, {6, 7}));
  sink.finish(false);
  const Table table = read_csv(options().file);
  EXPECT_THAT(table.column("a"), ElementsAre(1, 3, 6));
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0, 2));
}

TEST_F(CsvSinks, OtherColumnsAreNotAppended) {
  {
    CsvSink sink(options());
    sink.begin({"a"});
  }
  auto more = options();
  more.append = true;
  CsvSink sink(more);
  EXPECT_THROW(sink.begin({"c"}), InputError);
}

TEST_F(CsvSinks, OneThatWasNotBegunLeavesNothing) {
  { const CsvSink sink(options()); }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path() / "deep"));
}

TEST_F(CsvSinks, ATableHasOneWriter) {
  const CsvSink first(options());
  auto second = options();
  second.append = true;
  EXPECT_THROW(CsvSink{second}, InputError);
  second.append = false;
  second.overwrite = true;
  EXPECT_THROW(CsvSink{second}, InputError);
}

TEST_F(CsvSinks, WhatTheChainLacksNowIsMissingInATableThatIsGoneOnWith) {
  {
    CsvSink sink(options());
    sink.begin({"a", "pcm_x", "input_rate"});
    sink.put(row_of(0, false, {1, 2, 3}));
  }
  auto more = options();
  more.append = true;
  CsvSink sink(more);
  sink.begin({"a", "input_rate"});
  sink.put(row_of(0, false, {4, 6}));
  sink.begin({"a", "input_rate", "pcm_x"});  // its header came
  sink.put(row_of(1, true, {7, 9, 8}));
  const Table table = read_csv(options().file);
  EXPECT_THAT(table.column("a"), ElementsAre(1, 4, 7));
  EXPECT_TRUE(std::isnan(table.column("pcm_x")[1]));
  EXPECT_EQ(table.column("pcm_x")[2], 8);
}

TEST_F(CsvSinks, BothTablesAreCutToTheRowsThatBothHave) {
  const auto quality = folder.path() / "deep" / "chain.quality.csv";
  for (const bool of_quality : {false, true}) {
    auto fresh = options();
    fresh.overwrite = true;
    {
      CsvSink sink(fresh);
      sink.begin({"a"});
      for (int tick = 0; tick < 5; ++tick) sink.put(row_of(tick, tick > 0, {1.0 * tick}, 0.1 * tick));
    }
    const auto& shortened = of_quality ? quality : options().file;
    std::string text = read_file(shortened);
    text.resize(text.rfind('\n', text.size() - 2) + 1);  // what a power cut leaves: a row less in one
    write_file_atomic(shortened, text, Sync::no);
    auto more = options();
    more.append = true;
    CsvSink sink(more);
    sink.begin({"a"});
    sink.put(row_of(0, false, {9}, 0.9));
    EXPECT_THAT(read_csv(options().file).column("a"), ElementsAre(0, 1, 2, 3, 9));
    EXPECT_THAT(read_csv(quality).column("a"), ElementsAre(0, 0.1, 0.2, testing::DoubleEq(0.3), 0.9));
  }
  std::filesystem::remove(quality);
  auto more = options();
  more.append = true;
  EXPECT_THROW(CsvSink{more}, InputError);
}

TEST_F(CsvSinks, ATableHasOneInterval) {
  {
    CsvSink sink(options());
    sink.begin({"a"});
  }
  auto more = options();
  more.append = true;
  more.interval_s = 0.1;
  EXPECT_THROW(CsvSink{more}, InputError);
  more.interval_s = 1;
  const CsvSink sink(more);
  EXPECT_THAT(text("chain.provenance.json"), HasSubstr("appended"));
}

TEST_F(CsvSinks, WhatStandsBesideItIsNotReplacedUnasked) {
  std::filesystem::create_directories(folder.path() / "deep");
  write_file_atomic(folder.path() / "deep" / "chain.quality.csv", "mine\n", Sync::no);
  EXPECT_THROW(CsvSink{options()}, InputError);
  EXPECT_EQ(text("chain.quality.csv"), "mine\n");
}

TEST_F(CsvSinks, ATableThatIsRemovedMeanwhileIsAnError) {
  auto eager = options();
  eager.sync_s = 0;
  CsvSink sink(eager);
  sink.begin({"a"});
  sink.put(row_of(0, false, {1}));
  std::filesystem::remove_all(folder.path() / "deep");
  EXPECT_THROW(sink.put(row_of(1, true, {2})), FailedError);
}

TEST_F(CsvSinks, LateColumnsAreLeftOut) {
  CsvSink sink(options());
  sink.begin({"a"});
  sink.begin({"a", "b"});
  sink.put(row_of(0, false, {1, 2}));
  sink.finish(true);
  EXPECT_THAT(read_csv(options().file).names(), ElementsAre("a"));
}

TEST_F(CsvSinks, ARowThatFindsNoRoomIsTakenAsAWholeLater) {
  CsvSink sink(options());
  sink.begin({"a", "b"});
  sink.put(row_of(0, false, {1, 2}));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{std::filesystem::file_size(options().file) + 3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
  EXPECT_THROW(sink.put(row_of(1, true, {3.25, 4.25})), FailedError);
  EXPECT_THAT(read_csv(options().file).column("a"), ElementsAre(1));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  sink.put(row_of(1, true, {3.25, 4.25}));
  EXPECT_THAT(read_csv(options().file).column("b"), ElementsAre(2, 4.25));
  EXPECT_EQ(read_csv(folder.path() / "deep" / "chain.quality.csv").rows(), 2U);
}

TEST_F(CsvSinks, AFullDiskIsNamed) {
  auto full = options();
  std::filesystem::create_directories(full.file.parent_path());
  std::filesystem::create_symlink("/dev/full", full.file);
  full.overwrite = true;
  CsvSink sink(full);
  EXPECT_THROW(sink.begin({"a"}), DiskFullError);
}

class LogSinks : public testing::Test {
 protected:
  LogSinks() {
    settings.partitions = 2;
    settings.lags = true;
  }
  [[nodiscard]] std::unique_ptr<LogSink> open(const std::string& run = "live") {
    return std::make_unique<LogSink>(log, clock, settings, run, targets, "edge");
  }
  /// Decoded: id, label and the features by name, of both partitions by row.
  struct Seen {
    std::string id;
    std::optional<double> label;
    std::map<std::string, double> features;
  };
  std::map<std::int64_t, Seen> all(int* sentinels = nullptr) {
    std::map<std::int64_t, Seen> seen;
    for (int partition = 0; partition < 2; ++partition) {
      Batch batch;
      log.read(settings.topic, partition, 0, batch, {.max_records = 1000});
      RecordDecoder decoder;
      for (const auto& record : batch.records()) {
        if (is_sentinel(record)) {
          if (sentinels != nullptr) ++*sentinels;
          continue;
        }
        const auto sample = decoder.decode(record);
        if (!sample) ADD_FAILURE() << sample.error().reason;
        Seen& one = seen[sample->row];
        one.id = sample->id;
        one.label = sample->label;
        for (std::size_t i = 0; i < sample->values.size(); ++i)
          if (!std::isnan(sample->values[i])) one.features[decoder.columns()[i]] = sample->values[i];
      }
    }
    return seen;
  }
  VirtualClock clock;
  std::shared_ptr<MemoryLogDisk> disk = std::make_shared<MemoryLogDisk>();
  MemoryLog log{disk, clock};
  ProducerSettings settings;
  std::vector<std::string> targets = {"output_rate"};
};

TEST_F(LogSinks, RowsAreRecordsWithLagsAndLabels) {
  auto sink = open();
  sink->begin({"a_cycles", "output_rate"});
  sink->put(row_of(0, false, {10, 100}));
  sink->put(row_of(1, true, {11, missing}));
  sink->put(row_of(5, false, {12, 102}));
  int sentinels = 0;
  auto seen = all(&sentinels);
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(sentinels, 0);
  EXPECT_EQ(seen[0].id, "live-0");
  EXPECT_EQ(seen[0].label, 100);
  EXPECT_THAT(seen[0].features, ElementsAre(testing::Pair("a_cycles", 10)));
  EXPECT_EQ(seen[1].label, std::nullopt);
  EXPECT_EQ(seen[1].features.at("a_cycles@-1"), 10);
  EXPECT_EQ(seen[2].features.count("a_cycles@-1"), 0U) << "not across a gap";
  sink->finish(true);
  all(&sentinels);
  EXPECT_EQ(sentinels, 2);
}

TEST_F(LogSinks, ARestartGoesOnAfterTheLastRow) {
  {
    auto sink = open();
    sink->begin({"a", "output_rate"});
    for (int tick = 0; tick < 5; ++tick) sink->put(row_of(tick, tick > 0, {1.0 * tick, 2}));
    sink->finish(false);
  }
  auto sink = open();
  EXPECT_EQ(sink->rows(), 5);
  sink->begin({"a", "output_rate"});
  sink->put(row_of(0, false, {9, 2}));
  auto seen = all();
  EXPECT_EQ(seen.size(), 6U);
  EXPECT_EQ(seen[5].features.at("a"), 9);
}

TEST_F(LogSinks, AnotherRunInBetweenHidesNothing) {
  settings.partitions = 1;
  {
    auto sink = open("old");
    sink->begin({"a"});
    for (int tick = 0; tick < 3; ++tick) sink->put(row_of(tick, tick > 0, {1}));
  }
  {
    auto other = open("other");
    other->begin({"a"});
    for (int tick = 0; tick < 700; ++tick) other->put(row_of(tick, tick > 0, {1}));
  }
  EXPECT_EQ(open("old")->rows(), 3);
}

TEST_F(LogSinks, AnEndedRunIsNotGoneOnWith) {
  {
    auto sink = open();
    sink->begin({"a"});
    sink->put(row_of(0, false, {1}));
    sink->finish(true);
  }
  EXPECT_THROW((void)open(), InputError);
}

TEST_F(LogSinks, ARunHasOneCollector) {
  const auto first = open();
  MemoryLog elsewhere(disk, clock);
  EXPECT_THROW(LogSink(elsewhere, clock, settings, "live", targets, "edge"), InputError);
  EXPECT_NO_THROW(std::make_unique<LogSink>(elsewhere, clock, settings, "another", targets, "edge"));
}

TEST_F(LogSinks, WhoLostItsPlaceReadsWhatAnotherAppendedMeanwhile) {
  auto sleeper = open();
  sleeper->begin({"a"});
  sleeper->put(row_of(0, false, {1}));
  clock.advance(std::chrono::minutes(5));
  {
    MemoryLog elsewhere(disk, clock);
    LogSink heir(elsewhere, clock, settings, "live", targets, "edge");
    heir.begin({"a"});
    heir.put(row_of(0, false, {2}));
    EXPECT_THROW(sleeper->put(row_of(1, false, {3})), LeaseLost);
  }
  sleeper->put(row_of(1, false, {3}));
  const auto seen = all();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen.at(1).features.at("a"), 2);
  EXPECT_EQ(seen.at(2).features.at("a"), 3);
}

TEST_F(LogSinks, OnlyKpisAreNoChain) {
  auto sink = open();
  EXPECT_THROW(sink->begin({"output_rate"}), InputError);
}

TEST_F(LogSinks, ColumnsMayBeAppended) {
  auto sink = open();
  sink->begin({"a"});
  sink->put(row_of(0, false, {1}));
  sink->begin({"a", "b"});
  sink->put(row_of(1, true, {2, 3}));
  sink->put(row_of(2, true, {4, 5}));
  auto seen = all();
  EXPECT_EQ(seen[1].features.count("a@-1"), 0U);
  EXPECT_EQ(seen[1].features.at("b"), 3);
  EXPECT_EQ(seen[2].features.at("b@-1"), 3);
}

}  // namespace
}  // namespace drst
