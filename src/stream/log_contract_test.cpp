// The contract of stream/log.h, run against every back end of ours: topics, appending, reading, retention,
// waiting. Groups are in log_group_test.cpp.
#include <chrono>
#include <string>
#include <thread>

#include "stream/log_test_bed.h"

namespace drst {
namespace {

using namespace std::chrono_literals;
using namespace drst::testing;

class LogContract : public ::testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] bool on_kafka() const { return GetParam() == "kafka"; }

  std::unique_ptr<LogBed> bed_ = make_bed(GetParam());
  std::unique_ptr<Log> log_ = bed_->open({});
};

INSTANTIATE_TEST_SUITE_P(BackEnds, LogContract, ::testing::ValuesIn(back_ends()),
                         [](const auto& instance) { return instance.param; });

TEST_P(LogContract, ReadsBackEveryPartOfARecord) {
  log_->ensure_topic("t", 2);
  const Time when = VirtualClock::default_epoch() + 5s;
  const std::string binary("\0\xff\n\0", 4);
  const std::string name = on_kafka() ? "\xff\n" : binary;  // Kafka's clients end a name at a zero byte
  const std::vector<NewRecord> records = {
      {.key = "chain-0",
       .value = "value",
       .headers = {{"run_id", "r1"}, {"run_id", "r2"}, {"", ""}},
       .timestamp = when},
      {.key = binary, .value = binary, .headers = {{name, binary}}, .timestamp = Time(Duration(-1))},
      {.key = "", .value = "", .headers = {}, .timestamp = {}}};
  EXPECT_EQ(log_->append("t", 1, records), 0);
  EXPECT_EQ(log_->append("t", 1, records), 3);
  EXPECT_EQ(log_->append("t", 1, {}), 6);

  Batch batch;
  log_->read("t", 1, 3, batch, {});
  ASSERT_EQ(batch.records().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const RecordView& read = batch.records()[i];
    EXPECT_EQ(read.partition, 1);
    EXPECT_EQ(read.offset, static_cast<int64_t>(3 + i));
    if (!on_kafka() || records[i].timestamp > Time{}) {
      EXPECT_EQ(read.timestamp, records[i].timestamp);
    }
    EXPECT_EQ(read.key, records[i].key);
    EXPECT_EQ(read.value, records[i].value);
    ASSERT_EQ(read.headers.size(), records[i].headers.size());
    for (std::size_t h = 0; h < read.headers.size(); ++h) {
      EXPECT_EQ(read.headers[h].first, records[i].headers[h].key);
      EXPECT_EQ(read.headers[h].second, records[i].headers[h].value);
    }
  }
  EXPECT_EQ(batch.records()[0].header("run_id"), "r1");
  EXPECT_FALSE(batch.records()[0].header("none").has_value());
  EXPECT_EQ(log_->watermarks("t", 0).end, 0);
  EXPECT_EQ(log_->watermarks("t", 1).end, 6);
}

TEST_P(LogContract, KeepsTopicsAsTheyWereMade) {
  log_->ensure_topic("b", 3);
  log_->ensure_topic("a", 1);
  log_->ensure_topic("b", 2);  // more than asked is fine
  EXPECT_EQ(log_->partitions("b"), 3);
  EXPECT_EQ(log_->partitions("nobody"), 0);
  EXPECT_EQ(log_->topics(), (std::vector<std::string>{"a", "b"}));
  EXPECT_THROW(log_->ensure_topic("b", 4), InputError);
  const auto again = bed_->open({});
  EXPECT_EQ(again->topics(), (std::vector<std::string>{"a", "b"}));
}

TEST_P(LogContract, RefusesBadNamesAndNumbers) {
  constexpr int input = static_cast<int>(ExitCode::input);
  for (const std::string name : {"", "a b", "a/b", "..", ".", "ä", "a\n"})
    EXPECT_EQ(refused_with([&] { log_->ensure_topic(name, 1); }), input) << name;
  EXPECT_EQ(refused_with([&] { log_->ensure_topic(std::string(201, 'x'), 1); }), input);
  EXPECT_EQ(refused_with([&] { log_->ensure_topic("t", 0); }), input);
  EXPECT_EQ(refused_with([&] { log_->ensure_topic("t", 1'000'000); }), input);
  log_->ensure_topic("t", 1);
  std::string message;
  EXPECT_EQ(refused_with([&] { append_text(*log_, "u", 0, "x"); }, &message), input);
  EXPECT_NE(message.find("u'"), std::string::npos) << message;
  EXPECT_EQ(refused_with([&] { append_text(*log_, "t", 1, "x"); }), input);
  EXPECT_EQ(refused_with([&] { append_text(*log_, "t", -1, "x"); }), input);
  EXPECT_EQ(refused_with([&] { (void)log_->watermarks("t", 7); }), input);
  Batch batch;
  EXPECT_EQ(refused_with([&] { log_->read("u", 0, 0, batch, {}); }), input);
}

TEST_P(LogContract, RefusesARecordOverTheLimitAndKeepsNothingOfItsAppend) {
  const auto log = bed_->open({.max_record_bytes = 1024});
  log->ensure_topic("t", 1);
  const std::vector<NewRecord> records = {text_record("ok"), text_record(std::string(1025, 'x'))};
  EXPECT_EQ(refused_with([&] { log->append("t", 0, records); }), static_cast<int>(ExitCode::input));
  EXPECT_EQ(log->watermarks("t", 0).end, 0);
}

TEST_P(LogContract, ReadsWithinItsLimits) {
  log_->ensure_topic("t", 1);
  for (int i = 0; i < 10; ++i) append_text(*log_, "t", 0, std::string(100, static_cast<char>('0' + i)));
  Batch batch;
  log_->read("t", 0, 2, batch, {.max_records = 3});
  ASSERT_EQ(batch.records().size(), 3u);
  EXPECT_EQ(batch.records()[0].offset, 2);
  log_->read("t", 0, 0, batch, {.max_records = 100, .max_bytes = 450});
  EXPECT_EQ(batch.records().size(), 4u);
  log_->read("t", 0, 0, batch, {.max_records = 100, .max_bytes = 1});
  EXPECT_EQ(batch.records().size(), 1u) << "at least one, however large";
  log_->read("t", 0, 10, batch, {});
  EXPECT_TRUE(batch.empty());
  log_->read("t", 0, 1'000'000, batch, {});
  EXPECT_TRUE(batch.empty());
  log_->read("t", 0, -5, batch, {});
  EXPECT_EQ(batch.records().size(), 10u);
}

TEST_P(LogContract, KeepsRecordsOfAllSizesInOrder) {
  log_->ensure_topic("t", 1);
  std::vector<std::string> written;
  for (const std::size_t size : {0u, 1u, 2300u, 40000u, 5u, 1'000'000u, 32768u, 7u, 16384u, 16384u, 16384u}) {
    written.push_back(std::string(size, static_cast<char>('a' + written.size())));
    append_text(*log_, "t", 0, written.back());
  }
  std::vector<NewRecord> many;
  for (int i = 0; i < 500; ++i) {
    written.push_back(std::string(static_cast<std::size_t>(i), 'z') + std::to_string(i));
    many.push_back(text_record(written.back()));
  }
  EXPECT_EQ(log_->append("t", 0, many), 11);
  EXPECT_EQ(read_all(*log_, "t", 0), written);
  EXPECT_EQ(read_all(*log_, "t", 0, 300), std::vector<std::string>(written.begin() + 300, written.end()));
}

TEST_P(LogContract, AppendsToSeveralPartitionsAtOnce) {
  log_->ensure_topic("t", 3);
  append_text(*log_, "t", 2, "before");
  std::vector<NewRecord> zero, two;
  for (int i = 0; i < 50; ++i) {
    zero.push_back(text_record("0-" + std::to_string(i)));
    two.push_back(text_record("2-" + std::to_string(i)));
  }
  const std::vector<PartitionRecords> parts = {{2, two}, {1, {}}, {0, zero}};
  std::vector<int64_t> firsts = {7};
  log_->append_each("t", parts, firsts);
  EXPECT_EQ(firsts, (std::vector<int64_t>{1, 0, 0}));
  std::vector<std::string> wanted_two = {"before"}, wanted_zero;
  for (const auto& record : two) wanted_two.push_back(record.value);
  for (const auto& record : zero) wanted_zero.push_back(record.value);
  EXPECT_EQ(read_all(*log_, "t", 0), wanted_zero);
  EXPECT_EQ(read_all(*log_, "t", 1), std::vector<std::string>{});
  EXPECT_EQ(read_all(*log_, "t", 2), wanted_two);
  log_->append_each("t", {}, firsts);
  EXPECT_TRUE(firsts.empty());
  const std::vector<PartitionRecords> absent = {{3, two}};
  EXPECT_EQ(refused_with([&] { log_->append_each("t", absent, firsts); }), static_cast<int>(ExitCode::input));
}

TEST_P(LogContract, TrimForgetsOldRecordsAndReusesNoOffset) {
  const auto log = bed_->open({.block_bytes = 1024});
  log->ensure_topic("t", 1);
  for (int i = 0; i < 100; ++i) append_text(*log, "t", 0, std::string(100, 'x') + std::to_string(i));
  log->trim("t", 0, 50);
  auto marks = log->watermarks("t", 0);
  EXPECT_GT(marks.begin, 30);
  EXPECT_LE(marks.begin, 50);
  EXPECT_EQ(marks.end, 100);
  Batch batch;
  log->read("t", 0, 0, batch, {.max_records = 1});
  ASSERT_EQ(batch.records().size(), 1u);
  EXPECT_EQ(batch.records()[0].offset, marks.begin);
  log->trim("t", 0, 1'000'000);
  EXPECT_EQ(log->watermarks("t", 0).end, 100);
  EXPECT_EQ(append_text(*log, "t", 0, "next"), 100);
  EXPECT_EQ(bed_->open({})->watermarks("t", 0).end, 101);
}

TEST_P(LogContract, RetentionKeepsWhatItMust) {
  if (on_kafka()) GTEST_SKIP() << "Kafka's own, in the background";
  const std::string text(100, 'x');
  {
    const auto log = bed_->open({.block_bytes = 1024, .retention_records = 30});
    log->ensure_topic("records", 1);
    for (int i = 0; i < 200; ++i) append_text(*log, "records", 0, text);
    const auto marks = log->watermarks("records", 0);
    EXPECT_EQ(marks.end, 200);
    EXPECT_GE(marks.end - marks.begin, 30);
    EXPECT_LE(marks.end - marks.begin, 50);
  }
  {
    const auto log = bed_->open({.block_bytes = 1024, .retention_bytes = 5000});
    log->ensure_topic("bytes", 1);
    for (int i = 0; i < 200; ++i) append_text(*log, "bytes", 0, text);
    const auto marks = log->watermarks("bytes", 0);
    EXPECT_GE((marks.end - marks.begin) * 150, 5000);  // frames count as well, so fewer than 50 records
    EXPECT_LE(marks.end - marks.begin, 60);
  }
  {
    const auto log = bed_->open({.block_bytes = 1024, .retention_age_s = 60});
    log->ensure_topic("age", 1);
    for (int i = 0; i < 200; ++i) {
      bed_->clock.advance(1s);
      const NewRecord record = text_record(text, bed_->clock.now());
      log->append("age", 0, {&record, 1});
    }
    const auto marks = log->watermarks("age", 0);
    EXPECT_GE(marks.end - marks.begin, 60);
    EXPECT_LE(marks.end - marks.begin, 80);
  }
}

TEST_P(LogContract, WaitSeesGrowthOfAnyThreadAndTopicOnce) {
  log_->ensure_topic("t", 1);
  log_->ensure_topic("u", 1);
  append_text(*log_, "u", 0, "before the first wait");
  EXPECT_TRUE(log_->wait(0ms));
  EXPECT_FALSE(log_->wait(1ms));
  append_text(*log_, "t", 0, "by this thread");
  EXPECT_TRUE(log_->wait(0ms));
  EXPECT_FALSE(log_->wait(0ms));
  const auto other = bed_->open({});
  std::thread writer([&] {
    std::this_thread::sleep_for(20ms);
    append_text(*other, "u", 0, "by another");
  });
  EXPECT_TRUE(log_->wait(10s));
  writer.join();
  EXPECT_FALSE(log_->wait(1ms));
}

TEST_P(LogContract, ManyThreadsLoseNothing) {
  constexpr int writers = 4;
  constexpr int each = 200;
  log_->ensure_topic("t", 2);
  std::vector<std::thread> threads;
  threads.reserve(writers);
  for (int w = 0; w < writers; ++w)
    threads.emplace_back([&, w] {
      for (int i = 0; i < each; ++i)
        append_text(*log_, "t", w % 2, std::to_string(w) + ":" + std::to_string(i));
    });
  std::vector<int> next(writers, 0);
  std::vector<int64_t> position(2, 0);
  Batch batch;
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  for (int seen = 0; seen < writers * each && std::chrono::steady_clock::now() < deadline;) {
    for (int p = 0; p < 2; ++p) {
      auto& from = position[static_cast<std::size_t>(p)];
      log_->read("t", p, from, batch, {});
      for (const auto& record : batch.records()) {
        ASSERT_EQ(record.offset, from++);
        const std::string value(record.value);
        const auto writer = static_cast<std::size_t>(value[0] - '0');
        ASSERT_EQ(value, std::to_string(writer) + ":" + std::to_string(next[writer]++));
        ++seen;
      }
    }
    log_->wait(5ms);
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(next, std::vector<int>(writers, each));
}

}  // namespace
}  // namespace drst
