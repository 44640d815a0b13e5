// Consumer groups (stream/log.h, stream/group.h), run against every back end of ours.
#include <chrono>
#include <map>
#include <string>

#include "stream/group.h"
#include "stream/log_test_bed.h"

namespace drst {
namespace {

using namespace std::chrono_literals;
using namespace drst::testing;
using Ints = std::vector<int>;

class LogGroup : public ::testing::TestWithParam<std::string> {
 protected:
  LogGroup() { log_->ensure_topic("t", 3); }

  std::unique_ptr<Consumer> join(const std::string& member, bool exclusive = false) {
    return log_->subscribe(
        {.group = "g", .member = member, .topic = "t", .lease = 10s, .exclusive = exclusive});
  }
  Ints poll(Consumer& consumer) {
    consumer.poll(batch_, {});
    return consumer.assignment();
  }
  void fill(int records) {
    for (int i = 0; i < records; ++i) append_text(*log_, "t", i % 3, std::to_string(i));
  }

  std::unique_ptr<LogBed> bed_ = make_bed(GetParam());
  std::unique_ptr<Log> log_ = bed_->open({});
  Batch batch_;
};

INSTANTIATE_TEST_SUITE_P(BackEnds, LogGroup, ::testing::Values("memory", "embedded"),
                         [](const auto& instance) { return instance.param; });

TEST(GroupRange, DealsEveryPartitionOnceInRangesThatDifferByOneAtMost) {
  for (std::size_t partitions = 1; partitions < 20; ++partitions)
    for (std::size_t members = 1; members < 25; ++members) {
      std::vector<std::size_t> held(members, 0);
      std::size_t last = 0;
      for (std::size_t p = 0; p < partitions; ++p) {
        const auto owner = range_owner(p, partitions, members);
        ASSERT_LT(owner, members);
        ASSERT_GE(owner, last);
        last = owner;
        ++held[owner];
      }
      for (const auto count : held) {
        EXPECT_GE(count, partitions / members);
        EXPECT_LE(count, partitions / members + (partitions % members != 0));
      }
    }
}

TEST_P(LogGroup, OneMemberReadsAllPartitionsFairlyAndGoesOnFromItsCommits) {
  fill(300);
  auto consumer = join("a");
  consumer->poll(batch_, {.max_records = 9});
  EXPECT_EQ(consumer->assignment(), (Ints{0, 1, 2}));
  EXPECT_EQ(consumer->assigned(), (Ints{0, 1, 2}));
  std::map<int, int> shares;
  for (const auto& record : batch_.records()) ++shares[record.partition];
  EXPECT_EQ(shares, (std::map<int, int>{{0, 3}, {1, 3}, {2, 3}}));
  consumer->poll(batch_, {.max_records = 30});
  EXPECT_TRUE(consumer->assigned().empty());
  EXPECT_EQ(batch_.records().size(), 30u);
  EXPECT_FALSE(log_->committed("g", "t", 1).has_value());
  EXPECT_TRUE(consumer->commit(1, 5));
  EXPECT_EQ(log_->committed("g", "t", 1), 5);
  EXPECT_FALSE(log_->committed("other", "t", 1).has_value());
  consumer.reset();

  consumer = join("b");
  std::map<int, int64_t> first;
  consumer->poll(batch_, {.max_records = 300});
  for (const auto& record : batch_.records()) first.try_emplace(record.partition, record.offset);
  EXPECT_EQ(first, (std::map<int, int64_t>{{0, 0}, {1, 5}, {2, 0}}));
  EXPECT_EQ(batch_.records().size(), 295u)
      << "what one partition does not use of its share goes to the others";
}

TEST_P(LogGroup, PartitionsMoveInTwoStepsWithoutTwoOwners) {
  fill(3);
  auto b = join("b");
  EXPECT_EQ(poll(*b), (Ints{0, 1, 2}));
  auto a = join("a");
  EXPECT_EQ(poll(*a), Ints{}) << "b may still be working on them";
  EXPECT_TRUE(b->commit(0, 1)) << "and may commit what it has begun";
  EXPECT_EQ(poll(*b), Ints{2});
  EXPECT_EQ(b->revoked(), (Ints{0, 1}));
  EXPECT_FALSE(b->commit(0, 1));
  EXPECT_EQ(poll(*a), (Ints{0, 1}));
  EXPECT_EQ(a->assigned(), (Ints{0, 1}));
  EXPECT_EQ(values_of(batch_), std::vector<std::string>{"1"}) << "partition 0 was committed";
  auto c = join("c");
  poll(*c);
  poll(*b);
  poll(*a);
  EXPECT_EQ(poll(*b), Ints{1});
  EXPECT_EQ(poll(*c), Ints{2});
  EXPECT_EQ(a->assignment(), Ints{0});
  c.reset();
  EXPECT_EQ(poll(*a), Ints{0});
  poll(*b);
  poll(*a);
  poll(*b);
  EXPECT_EQ(a->assignment(), (Ints{0, 1}));
  EXPECT_EQ(b->assignment(), Ints{2});
}

TEST_P(LogGroup, AnExpiredLeaseFencesItsHolder) {
  fill(6);
  auto a = join("a");
  EXPECT_EQ(poll(*a), (Ints{0, 1, 2}));
  bed_->clock.advance(9s);
  auto b = join("b");
  EXPECT_EQ(poll(*b), Ints{});
  bed_->clock.advance(2s);
  EXPECT_EQ(poll(*b), (Ints{0, 1, 2}));
  EXPECT_EQ(batch_.records().size(), 6u) << "nothing was committed, so all is repeated";
  EXPECT_FALSE(a->commit(0, 1));
  const std::vector<PartitionOffset> all = {{0, 2}, {1, 1}, {9, 1}};
  EXPECT_EQ(a->commit_each(all), (Ints{0, 1, 9}));
  EXPECT_FALSE(log_->committed("g", "t", 0).has_value());
  EXPECT_EQ(b->commit_each(all), Ints{9});
  EXPECT_EQ(log_->committed("g", "t", 0), 2);
  EXPECT_EQ(log_->committed("g", "t", 1), 1);
  EXPECT_EQ(poll(*a), Ints{}) << "it lost all and is a new member now";
  EXPECT_EQ(a->revoked(), (Ints{0, 1, 2}));
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(poll(*b), Ints{2});
  EXPECT_EQ(poll(*a), (Ints{0, 1}));
  EXPECT_EQ(a->assigned(), (Ints{0, 1}));
  EXPECT_EQ(values_of(batch_), std::vector<std::string>{"4"});
}

TEST_P(LogGroup, AWokenHolderLearnsThatItHasAnHeir) {
  fill(3);
  auto first = join("a");
  EXPECT_FALSE(first->holds()) << "nothing is assigned";
  poll(*first);
  EXPECT_TRUE(first->holds());
  bed_->clock.advance(11s);
  EXPECT_TRUE(first->holds()) << "late, but without heir";
  bed_->clock.advance(11s);
  auto heir = join("b");
  ASSERT_EQ(poll(*heir), (Ints{0, 1, 2}));
  EXPECT_FALSE(first->holds());
  EXPECT_TRUE(heir->holds());
  first->close();
  EXPECT_FALSE(first->holds());
}

TEST_P(LogGroup, PollingRenewsTheLeaseAndALateHolderWithoutHeirGoesOn) {
  fill(3);
  auto a = join("a");
  auto b = join("b");
  poll(*a);
  for (int i = 0; i < 20; ++i) {
    bed_->clock.advance(4s);
    poll(*a);
    poll(*b);
  }
  EXPECT_EQ(a->assignment(), (Ints{0, 1}));
  b->close();
  poll(*a);
  bed_->clock.advance(60s);
  EXPECT_TRUE(a->commit(0, 1)) << "nobody took over, so the work counts";
  EXPECT_EQ(poll(*a), (Ints{0, 1, 2}));
  EXPECT_TRUE(a->revoked().empty());
}

TEST_P(LogGroup, ASecondOfTheSameNameIsRefusedWhileTheFirstLives) {
  auto first = join("a");
  poll(*first);
  auto second = join("a");
  std::string message;
  EXPECT_EQ(refused_with([&] { poll(*second); }, &message), static_cast<int>(ExitCode::input));
  EXPECT_NE(message.find("member 'a' of group 'g'"), std::string::npos) << message;
  EXPECT_EQ(poll(*first), (Ints{0, 1, 2}));

  bed_->clock.advance(11s);  // the first hangs: its name is free now
  EXPECT_EQ(poll(*second), (Ints{0, 1, 2}));
  EXPECT_FALSE(first->commit(0, 0));
  EXPECT_EQ(poll(*first), Ints{});
  EXPECT_EQ(first->revoked(), (Ints{0, 1, 2}));
  EXPECT_THROW(poll(*first), LeaseLost) << "it must stop, not fight for its name";
  first.reset();
  EXPECT_EQ(poll(*second), (Ints{0, 1, 2})) << "the fenced one takes no leave on behalf of the other";
}

TEST_P(LogGroup, AnExclusiveMemberIsAlone) {
  auto monitor = join("monitor", true);
  poll(*monitor);
  auto other = join("monitor-2", true);
  EXPECT_THROW(poll(*other), InputError);
  auto plain = join("plain");
  EXPECT_THROW(poll(*plain), InputError);
  EXPECT_EQ(poll(*monitor), (Ints{0, 1, 2}));
  monitor->close();
  EXPECT_EQ(poll(*plain), (Ints{0, 1, 2}));
  EXPECT_THROW(poll(*other), InputError);
  bed_->clock.advance(11s);
  EXPECT_EQ(poll(*other), (Ints{0, 1, 2}));
}

TEST_P(LogGroup, CommitsGoBackOnlyAfterASeek) {
  fill(30);
  auto a = join("a");
  poll(*a);
  EXPECT_TRUE(a->commit(0, 7));
  EXPECT_TRUE(a->commit(0, 3));
  EXPECT_EQ(log_->committed("g", "t", 0), 7);
  a->seek(0, 2);
  a->seek(1, 10);
  a->seek(2, 10);
  poll(*a);
  ASSERT_EQ(batch_.records().size(), 8u);
  EXPECT_EQ(batch_.records()[0].offset, 2);
  EXPECT_EQ(log_->committed("g", "t", 0), 7) << "seek moves the reading position only";
  EXPECT_TRUE(a->commit(0, 3));
  EXPECT_EQ(log_->committed("g", "t", 0), 3);
  EXPECT_THROW(a->commit(0, 11), LogError) << "beyond the end";
  EXPECT_THROW(a->commit(0, -1), LogError);
  EXPECT_FALSE(a->commit(9, 0));
  EXPECT_THROW(a->seek(9, 0), LogError);
  EXPECT_THROW(a->seek(0, -1), LogError);
  a->close();
  EXPECT_FALSE(a->commit(0, 4));
  EXPECT_THROW(poll(*a), LogError);
}

TEST_P(LogGroup, AConsumerMayComeBeforeItsTopic) {
  const auto consumer = log_->subscribe({.group = "g", .member = "a", .topic = "later"});
  EXPECT_EQ(poll(*consumer), Ints{});
  log_->ensure_topic("later", 2);
  append_text(*log_, "later", 1, "x");
  EXPECT_EQ(poll(*consumer), (Ints{0, 1}));
  EXPECT_EQ(values_of(batch_), std::vector<std::string>{"x"});
}

TEST_P(LogGroup, StartsAtTheBeginOfATrimmedLog) {
  const auto log = bed_->open({.block_bytes = 1024});
  for (int i = 0; i < 100; ++i) append_text(*log, "t", 0, std::string(100, 'x'));
  log->trim("t", 0, 80);
  auto a = join("a");
  poll(*a);
  ASSERT_FALSE(batch_.empty());
  EXPECT_EQ(batch_.records()[0].offset, log->watermarks("t", 0).begin);
}

TEST_P(LogGroup, GroupsDoNotKnowOneAnother) {
  fill(3);
  auto a = join("a");
  auto b = log_->subscribe({.group = "g2", .member = "a", .topic = "t"});
  poll(*a);
  EXPECT_EQ(poll(*b), (Ints{0, 1, 2}));
  EXPECT_TRUE(a->commit(0, 1));
  EXPECT_FALSE(log_->committed("g2", "t", 0).has_value());
}

}  // namespace
}  // namespace drst
