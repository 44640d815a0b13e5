// A producer whose appends travel while the next ones are made, as Kafka lets them: nothing twice, nothing
// out of order, no hole, whatever fails on the way.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "base/log.h"
#include "base/random.h"
#include "ingest/producer.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "stream/record.h"

namespace drst {
namespace {

constexpr std::size_t rows = 200;

/// A log whose appends arrive when they are waited for, or when a later one is. An append may fail with a
/// prefix of it written; those begun after it fail, too, until its failure has been told.
class TravellingLog final : public Log {
 public:
  TravellingLog(std::shared_ptr<MemoryLogDisk> disk, const Clock& clock) : log_(std::move(disk), clock) {}

  std::size_t most_on_their_way = 0;
  std::function<bool()> fails = [] { return false; };
  std::function<std::size_t(std::size_t)> left_of = [](std::size_t) { return std::size_t{0}; };

  std::unique_ptr<Appending> begin_append(const std::string& topic,
                                          std::span<const PartitionRecords> parts) override {
    auto travelling = std::make_shared<Travelling>();
    travelling->topic = topic;
    for (const auto& [partition, records] : parts)
      travelling->parts.emplace_back(partition, std::vector<NewRecord>(records.begin(), records.end()));
    on_their_way_.push_back(travelling);
    most_on_their_way = std::max(most_on_their_way, on_their_way_.size());
    return std::make_unique<Handle>(*this, travelling);
  }
  void append_each(const std::string& topic, std::span<const PartitionRecords> parts,
                   std::vector<int64_t>& firsts) override {
    firsts = begin_append(topic, parts)->wait();
  }
  int64_t append(const std::string& topic, int partition, std::span<const NewRecord> records) override {
    const PartitionRecords part{partition, records};
    return begin_append(topic, {&part, 1})->wait().front();
  }
  void ensure_topic(const std::string& topic, int partitions) override {
    log_.ensure_topic(topic, partitions);
  }
  int partitions(const std::string& topic) override { return log_.partitions(topic); }
  std::vector<std::string> topics() override { return log_.topics(); }
  void read(const std::string& topic, int partition, int64_t from, Batch& batch,
            const PollLimits& limits) override {
    log_.read(topic, partition, from, batch, limits);
  }
  Watermarks watermarks(const std::string& topic, int partition) override {
    return log_.watermarks(topic, partition);
  }
  std::unique_ptr<Consumer> subscribe(const ConsumerOptions& options) override {
    return log_.subscribe(options);
  }
  std::optional<int64_t> committed(const std::string& group, const std::string& topic,
                                   int partition) override {
    return log_.committed(group, topic, partition);
  }
  bool wait(std::chrono::milliseconds) override { return false; }
  void sync() override { log_.sync(); }
  void trim(const std::string& topic, int partition, int64_t offset) override {
    log_.trim(topic, partition, offset);
  }

 private:
  struct Travelling {
    std::string topic;
    std::vector<std::pair<int, std::vector<NewRecord>>> parts;
    std::vector<int64_t> firsts;
    bool failed = false;
  };
  class Handle final : public Appending {
   public:
    Handle(TravellingLog& log, std::shared_ptr<Travelling> one) : log_(log), one_(std::move(one)) {}
    std::vector<int64_t> wait() override {
      log_.arrive(one_);
      if (one_->failed) throw LogError(ExitCode::unreachable, "lost on its way");
      return one_->firsts;
    }

   private:
    TravellingLog& log_;
    std::shared_ptr<Travelling> one_;
  };

  void arrive(const std::shared_ptr<Travelling>& last) {
    while (std::ranges::find(on_their_way_, last) != on_their_way_.end()) {
      const auto one = on_their_way_.front();
      on_their_way_.pop_front();
      if (broken_) {
        one->failed = true;
      } else {
        one->failed = broken_ = fails();
        for (auto& [partition, records] : one->parts) {
          if (one->failed) records.resize(left_of(records.size()));
          one->firsts.push_back(log_.append(one->topic, partition, records));
        }
      }
    }
    if (on_their_way_.empty()) broken_ = false;
  }

  MemoryLog log_;
  std::deque<std::shared_ptr<Travelling>> on_their_way_;
  bool broken_ = false;
};

Table table_of_rows() {
  Table table({"output_rate", "a"}, rows);
  for (std::size_t r = 0; r < rows; ++r) {
    table.column(std::size_t{0})[r] = static_cast<double>(r);
    table.column(std::size_t{1})[r] = 2 * static_cast<double>(r);
  }
  return table;
}

struct World {
  VirtualClock clock;
  std::shared_ptr<MemoryLogDisk> disk = std::make_shared<MemoryLogDisk>();
  TravellingLog log{disk, clock};
  MemoryStore store;
  ProducerSettings settings;

  World() {
    log::set_level(log::Level::error);
    settings.batch = 7;
    settings.appends_ahead = 2;
  }
  std::unique_ptr<Producer> producer() {
    std::vector<StageTable> stages;
    stages.push_back({"calm", table_of_rows()});
    return std::make_unique<Producer>(log, store, clock, settings, "run",
                                      std::vector<std::string>{"output_rate"}, std::move(stages));
  }
  /// Rows by partition in the order of the log; the sentinel is -1.
  std::vector<std::vector<int64_t>> content() {
    std::vector<std::vector<int64_t>> all;
    for (int partition = 0; partition < 3; ++partition) {
      auto& in_order = all.emplace_back();
      Batch batch;
      log.read(settings.topic, partition, 0, batch, {.max_records = 10'000});
      RecordDecoder decoder;
      for (const auto& record : batch.records())
        in_order.push_back(is_sentinel(record) ? -1 : decoder.decode(record)->row);
    }
    return all;
  }
  static std::vector<std::vector<int64_t>> wanted() {
    std::vector<std::vector<int64_t>> all(3);
    for (int64_t row = 0; row < static_cast<int64_t>(rows); ++row)
      all[static_cast<std::size_t>(row % 3)].push_back(row);
    for (auto& partition : all) partition.push_back(-1);
    return all;
  }
};

TEST(ProducerAhead, MakesTheNextWhileOthersTravel) {
  World world;
  auto producer = world.producer();
  while (producer->step() != Step::done) {
  }
  EXPECT_EQ(world.log.most_on_their_way, 3U);
  EXPECT_EQ(world.content(), World::wanted());
  EXPECT_EQ(producer->rows_produced(), static_cast<int64_t>(rows));
}

TEST(ProducerAhead, PacedAndDelayedRowsAreWaitedFor) {
  World paced;
  paced.settings.rate = 50;
  auto producer = paced.producer();
  for (Step step = Step::worked; step != Step::done; step = producer->step())
    if (step == Step::idle) paced.clock.advance(std::chrono::milliseconds(100));
  EXPECT_EQ(paced.log.most_on_their_way, 1U);
  World delayed;
  delayed.settings.label_delay = 5;
  producer = delayed.producer();
  while (producer->step() != Step::done) {
  }
  EXPECT_EQ(delayed.log.most_on_their_way, 1U);
  EXPECT_EQ(delayed.content(), World::wanted());
}

RC_GTEST_PROP(ProducerAhead, FailuresLeaveNoHoleAndNothingTwice, ()) {
  World world;
  Random random(*rc::gen::arbitrary<uint64_t>());
  const double often = random.uniform(0, 0.4);
  world.log.fails = [&] { return random.chance(often); };
  world.log.left_of = [&](std::size_t records) { return random.below(records + 1); };
  auto producer = world.producer();
  for (int steps = 0; steps < 10'000; ++steps) {
    try {
      if (producer->step() == Step::done) break;
    } catch (const LogError&) {
    }
    if (random.chance(0.05)) {  // a new process: what travels arrives or not
      producer.reset();
      producer = world.producer();
    }
  }
  // What a process left on its way may be repeated by its heir; readers take the first of a row.
  auto content = world.content();
  for (auto& partition : content) {
    std::vector<int64_t> once;
    for (const int64_t row : partition)
      if (std::ranges::find(once, row) == once.end()) once.push_back(row);
    partition = std::move(once);
  }
  RC_ASSERT(content == World::wanted());
}

}  // namespace
}  // namespace drst
