// Consumer groups on a real Kafka (kafka_consumer.h), in real time: what log_group_test.cpp asks of the
// others on a virtual clock. Only where DRST_TEST_KAFKA names a broker (tests/kafka_test.py).
#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "stream/kafka_handle.h"
#include "stream/kafka_log.h"
#include "stream/log_test_bed.h"

namespace drst {
namespace {

using namespace std::chrono_literals;
using namespace drst::testing;
using Ints = std::vector<int>;
using Steady = std::chrono::steady_clock;

class KafkaGroup : public ::testing::Test {
 protected:
  void SetUp() override {
    if (KafkaBed::address() == nullptr) GTEST_SKIP() << "DRST_TEST_KAFKA names no broker";
    bed_ = std::make_unique<KafkaBed>();
    if (cooperative()) bed_->kafka.assignment = "cooperative-sticky";
    if (const char* debug = std::getenv("DRST_TEST_KAFKA_DEBUG")) {
      bed_->kafka.properties["debug"] = debug;
      log::set_level(log::Level::debug);
    }
    log_ = bed_->open({});
    log_->ensure_topic("t", 3);
  }
  [[nodiscard]] virtual bool cooperative() const { return false; }

  std::unique_ptr<Consumer> join(const std::string& member, bool exclusive = false, Duration lease = 3s) {
    return log_->subscribe(
        {.group = "g", .member = member, .topic = "t", .lease = lease, .exclusive = exclusive});
  }
  void fill(int records) {
    for (int p = 0; p < 3; ++p) {
      std::vector<NewRecord> batch;
      for (int i = p; i < records; i += 3) batch.push_back(text_record(std::to_string(i)));
      if (!batch.empty()) log_->append("t", p, batch);
    }
  }
  /// Polls until `enough`, up to 20 s; keeps what it reads by partition: offsets.
  template <class Enough>
  void poll_until(Consumer& consumer, const Enough& enough, std::size_t most = 64) {
    const auto deadline = Steady::now() + 20s;
    while (!enough() && Steady::now() < deadline) {
      consumer.poll(batch_, {.max_records = most});
      for (const int p : consumer.revoked()) revoked_.insert(p);
      for (const auto& record : batch_.records()) read_[record.partition].push_back(record.offset);
      const auto [least, most_read] = std::minmax({read_[0].size(), read_[1].size(), read_[2].size()});
      most_apart_ = std::max(most_apart_, most_read - least);
      if (batch_.empty()) log_->wait(20ms);
    }
    EXPECT_TRUE(enough()) << "within 20 s";
  }
  void poll_until_assigned(Consumer& consumer, const Ints& partitions) {
    poll_until(consumer, [&] { return consumer.assignment() == partitions; });
  }
  void some_leave_while_they_join();
  /// Different ones.
  [[nodiscard]] std::size_t read_count() const {
    std::size_t count = 0;
    for (const auto& [p, offsets] : read_) count += std::set<int64_t>(offsets.begin(), offsets.end()).size();
    return count;
  }

  std::unique_ptr<KafkaBed> bed_;
  std::unique_ptr<Log> log_;
  Batch batch_;
  std::map<int, std::vector<int64_t>> read_;
  std::set<int> revoked_;
  std::size_t most_apart_ = 0;
};

/// As a member that found the group empty a moment ago and joins it now: nothing holds it back.
class Intruder {
 public:
  explicit Intruder(const std::string& assignment, const std::string& group) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"bootstrap.servers", KafkaBed::address()},
                                            {"client.id", "drst-b@elsewhere:1:1:1"},
                                            {"group.id", group},
                                            {"group.instance.id", "drst-only"},
                                            {"session.timeout.ms", "6000"},
                                            {"partition.assignment.strategy", assignment}})
      EXPECT_EQ(rd_kafka_conf_set(conf, name.c_str(), value.c_str(), nullptr, 0), RD_KAFKA_CONF_OK);
    handle_.reset(rd_kafka_new(RD_KAFKA_CONSUMER, conf, nullptr, 0));
  }
  void join(const std::string& topic) {
    rd_kafka_poll_set_consumer(handle_.get());
    const auto topics = kafka::one_partition(topic, RD_KAFKA_PARTITION_UA);
    EXPECT_EQ(rd_kafka_subscribe(handle_.get(), topics.get()), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void poll() { kafka::Message(rd_kafka_consumer_poll(handle_.get(), 50)); }

 private:
  kafka::Handle handle_;
};

class KafkaGroupCooperative : public KafkaGroup {
  [[nodiscard]] bool cooperative() const override { return true; }
};

/// A member of its own group that a second only member throws out `after` so long; what its poll then says.
std::string thrown_out(const KafkaSettings& settings, Duration lease, Duration after) {
  KafkaLog log("kafka://" + std::string(KafkaBed::address()), settings, {});
  const std::string name =
      "raced-" + std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
  log.ensure_topic(name, 1);
  const auto first =
      log.subscribe({.group = name, .member = "a", .topic = name, .lease = lease, .exclusive = true});
  Batch batch;
  const auto begin = Steady::now();
  Intruder second(settings.assignment, name + "-" + name);  // as kafka_log.h says
  bool came = false;
  try {
    while (Steady::now() - begin < after + 15s) {
      first->poll(batch, {});
      if (!came && !first->assignment().empty() && Steady::now() - begin >= after) {
        second.join(name);
        came = true;
      }
      if (came) second.poll();
    }
  } catch (const PlaceTaken&) {
    return "refused";
  } catch (const LeaseLost&) {
    return "lost";
  }
  return "nothing";
}

TEST_F(KafkaGroup, OfTwoOnlyMembersThatComeAtOneMomentTheLoserIsRefused) {
  EXPECT_EQ(thrown_out(bed_->kafka, 6s, 0s), "refused") << "it never was silent for its lease";
}

TEST_F(KafkaGroup, AnOnlyMemberThatIsThrownOutLongAfterItCameHasLostItsPlace) {
  EXPECT_EQ(thrown_out(bed_->kafka, 1s, 2s), "lost");
}

TEST_F(KafkaGroup, OneMemberReadsAllInOrderAndFairlyAndGoesOnFromItsCommits) {
  fill(3000);
  auto consumer = join("a");
  poll_until(
      *consumer, [&] { return read_count() >= 3000; }, 30);
  for (const auto& [p, offsets] : read_)
    for (std::size_t i = 0; i < offsets.size(); ++i) ASSERT_EQ(offsets[i], static_cast<int64_t>(i));
  EXPECT_LE(most_apart_, 10u) << "partitions advance alike";
  EXPECT_FALSE(log_->committed("g", "t", 1).has_value());
  EXPECT_TRUE(consumer->commit(1, 5));
  EXPECT_EQ(log_->committed("g", "t", 1), 5);
  EXPECT_FALSE(log_->committed("other", "t", 1).has_value());
  EXPECT_TRUE(consumer->commit(1, 3)) << "and stays";
  EXPECT_EQ(log_->committed("g", "t", 1), 5);
  EXPECT_FALSE(consumer->commit(9, 0));
  EXPECT_THROW(consumer->commit(0, 1001), LogError) << "beyond the end";
  EXPECT_THROW(consumer->commit(0, -1), LogError);
  consumer.reset();

  read_.clear();
  const auto begin = Steady::now();
  consumer = join("b");
  poll_until(*consumer, [&] { return read_count() == 2995; });
  EXPECT_EQ(read_[0].front(), 0);
  EXPECT_EQ(read_[1].front(), 5);
  EXPECT_LT(Steady::now() - begin, 2s) << "who closes leaves at once";
}

/// Groups of Kafka span topics, and two chains of one broker have members of the same names.
TEST_F(KafkaGroup, MembersOnTwoTopicsDoNotKnowOneAnother) {
  log_->ensure_topic("u", 2);
  fill(3);
  auto of_t = join("a", true);
  poll_until_assigned(*of_t, {0, 1, 2});
  auto of_u = log_->subscribe({.group = "g", .member = "a", .topic = "u", .lease = 3s, .exclusive = true});
  poll_until_assigned(*of_u, {0, 1});
  EXPECT_TRUE(of_t->commit(0, 1));
  EXPECT_EQ(log_->committed("g", "t", 0), 1);
  EXPECT_FALSE(log_->committed("g", "u", 0).has_value());
}

TEST_F(KafkaGroup, CommitsSeveralPartitionsAtOnce) {
  fill(300);
  auto consumer = join("a");
  poll_until(*consumer, [&] { return read_count() == 300; });
  const std::vector<PartitionOffset> several = {{0, 7}, {9, 0}, {2, 8}};
  EXPECT_EQ(consumer->commit_each(several), Ints{9});
  EXPECT_EQ(log_->committed("g", "t", 0), 7);
  EXPECT_FALSE(log_->committed("g", "t", 1).has_value());
  EXPECT_EQ(log_->committed("g", "t", 2), 8);
  const std::vector<PartitionOffset> beyond = {{1, 5}, {0, 101}};
  EXPECT_THROW((void)consumer->commit_each(beyond), LogError);
  EXPECT_FALSE(log_->committed("g", "t", 1).has_value()) << "all or nothing where the caller is wrong";
}

TEST_F(KafkaGroup, SeekMovesThePlaceAndCommitsMayFollow) {
  fill(30);
  auto a = join("a");
  poll_until(*a, [&] { return read_count() == 30; });
  EXPECT_TRUE(a->commit(0, 7));
  read_.clear();
  a->seek(0, 2);
  a->seek(1, 9);
  poll_until(*a, [&] { return read_count() == 9; });
  EXPECT_EQ(read_[0], (std::vector<int64_t>{2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(read_[1], (std::vector<int64_t>{9}));
  EXPECT_TRUE(a->commit(0, 3));
  EXPECT_EQ(log_->committed("g", "t", 0), 3);
  EXPECT_THROW(a->seek(9, 0), LogError);
  EXPECT_THROW(a->seek(0, -1), LogError);
  a->seek(2, 12);  // beyond the end: what comes there is read
  read_.clear();
  fill(12);
  poll_until(*a, [&] { return !read_[2].empty() && read_[2].back() == 13; });
  EXPECT_EQ(read_[2].front(), 12);
  a->close();
  EXPECT_FALSE(a->commit(0, 4));
  EXPECT_THROW(a->poll(batch_, {}), LogError);
}

TEST_F(KafkaGroup, SeekRightAfterTheAssignmentIsObeyed) {
  fill(300);
  auto a = join("a");
  poll_until(*a, [&] { return !a->assigned().empty(); });
  for (int p = 0; p < 3; ++p) a->seek(p, 90);
  read_.clear();
  poll_until(*a, [&] { return read_count() == 30; });
  for (int p = 0; p < 3; ++p) EXPECT_EQ(read_[p].front(), 90);
}

TEST_F(KafkaGroup, ARestartUnderTheOldNameNeedsNotWait) {
  fill(30);
  std::unique_ptr<Log> other = bed_->open({});
  auto a = join("a", false, 10s);
  poll_until_assigned(*a, {0, 1, 2});
  std::string message;
  auto second = other->subscribe({.group = "g", .member = "a", .topic = "t", .lease = 10s});
  EXPECT_EQ(refused_with([&] { second->poll(batch_, {}); }, &message), static_cast<int>(ExitCode::input));
  EXPECT_NE(message.find("already in the group under this name"), std::string::npos) << message;
}

TEST_F(KafkaGroup, AnExclusiveMemberIsAlone) {
  auto monitor = join("monitor", true);
  monitor->poll(batch_, {});
  EXPECT_EQ(monitor->assignment(), (Ints{0, 1, 2})) << "in, before anybody else may look";
  auto other = join("monitor-2", true);
  std::string message;
  EXPECT_EQ(refused_with([&] { other->poll(batch_, {}); }, &message), static_cast<int>(ExitCode::input));
  EXPECT_NE(message.find("'monitor'"), std::string::npos) << message;
  auto plain = join("plain");
  EXPECT_THROW(plain->poll(batch_, {}), InputError);
  monitor->close();
  poll_until_assigned(*plain, {0, 1, 2});
  EXPECT_THROW(other->poll(batch_, {}), InputError);
}

/// Threads that want all of the processor.
class BusyMachine {
 public:
  explicit BusyMachine(int threads) {
    for (int i = 0; i < threads; ++i)
      threads_.emplace_back([](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
        }
      });
  }

 private:
  std::vector<std::jthread> threads_;
};

/// A lease beyond the 20 s of poll_until(): who had to wait for it to run out would wait in vain.
void KafkaGroup::some_leave_while_they_join() {
  const BusyMachine busy(8);  // what is left half done is found out where threads have to wait for each other
  auto a = join("a", false, 60s);
  poll_until_assigned(*a, {0, 1, 2});
  for (int i = 0; i < 3; ++i) {
    auto b = join("b" + std::to_string(i), false, 60s);
    b->poll(batch_, {});  // has asked to be let in; a has not heard of it yet
    std::atomic<bool> left{false};
    std::jthread leaves([&] {
      b->close();
      left = true;
    });
    poll_until(*a, [&] { return left.load(); });
    poll_until_assigned(*a, {0, 1, 2});
    ASSERT_EQ(a->assignment(), (Ints{0, 1, 2}));
  }
}
TEST_F(KafkaGroup, WhoLeavesWhileItJoinsIsNotWaitedFor) { some_leave_while_they_join(); }
TEST_F(KafkaGroupCooperative, WhoLeavesWhileItJoinsIsNotWaitedFor) { some_leave_while_they_join(); }

TEST_F(KafkaGroup, AnOnlyMemberThatWasLateAndHasNoHeirGoesOn) {
  fill(30);
  auto monitor = join("monitor", true, 1s);
  poll_until(*monitor, [&] { return read_count() == 30; });
  EXPECT_TRUE(monitor->commit(0, 4));
  for (const bool asks : {false, true}) {  // before it polls
    std::this_thread::sleep_for(4s);
    EXPECT_TRUE(!asks || monitor->holds());
    revoked_.clear();
    read_.clear();
    fill(30);
    poll_until(*monitor, [&] { return read_count() == 30; });
    EXPECT_EQ(revoked_, std::set<int>());
    EXPECT_EQ(monitor->assignment(), (Ints{0, 1, 2}));
    EXPECT_EQ(read_[0].front(), asks ? 20 : 10) << "reads on where it was";
    EXPECT_TRUE(monitor->holds());
    EXPECT_TRUE(monitor->commit(0, asks ? 6 : 5));
  }
}

/// Twice: the one that was late comes back after its heir, and at the same moment.
TEST_F(KafkaGroup, AnOnlyMemberThatWasLateThrowsOutNobody) {
  const std::unique_ptr<Log> other = bed_->open({});
  for (const bool at_once : {false, true}) {
    auto first = join("first", true, 1s);
    poll_until_assigned(*first, {0, 1, 2});
    std::this_thread::sleep_for(3s);  // in a step of its work
    auto second =
        other->subscribe({.group = "g", .member = "second", .topic = "t", .lease = 1s, .exclusive = true});
    /// Until it is over for one of them, or for 3 s.
    std::atomic<bool> over{false};
    const auto live = [&](Consumer& member, bool& lives) {
      Batch batch;
      try {
        for (const auto end = Steady::now() + 3s; Steady::now() < end && !over;
             std::this_thread::sleep_for(20ms))
          member.poll(batch, {});
      } catch (const LeaseLost&) {
        lives = false;
      } catch (const PlaceTaken&) {
        lives = false;
      }
      if (!lives) over = true;
    };
    bool first_lives = true, second_lives = true;
    if (!at_once) second->poll(batch_, {});
    std::jthread one([&] { live(*first, first_lives); });
    std::jthread two([&] { live(*second, second_lives); });
    one.join();
    two.join();
    EXPECT_NE(first_lives, second_lives) << at_once;
    EXPECT_TRUE(at_once || second_lives);
    Consumer& winner = first_lives ? *first : *second;
    Consumer& loser = first_lives ? *second : *first;
    poll_until_assigned(winner, {0, 1, 2});
    EXPECT_TRUE(winner.holds());
    EXPECT_FALSE(loser.holds());
    EXPECT_FALSE(loser.commit(0, 0));
    std::this_thread::sleep_for(100ms);
    winner.poll(batch_, {});
    EXPECT_TRUE(winner.holds()) << "for good";
    loser.close();
    winner.close();
  }
}

TEST_F(KafkaGroup, AnHeirTakesOverFromOneThatHangs) {
  fill(30);
  auto a = join("a", false, 1s);
  poll_until(*a, [&] { return read_count() == 30; });
  EXPECT_TRUE(a->commit(0, 4));
  auto b = join("b", false, 1s);
  read_.clear();
  poll_until(*b, [&] { return read_count() == 26; });
  EXPECT_FALSE(a->commit(1, 10)) << "it was replaced";
  const std::vector<PartitionOffset> several = {{1, 10}, {2, 10}};
  EXPECT_EQ(a->commit_each(several), (Ints{1, 2}));
  EXPECT_FALSE(log_->committed("g", "t", 1).has_value());
  EXPECT_TRUE(b->commit(1, 10));
  EXPECT_EQ(log_->committed("g", "t", 1), 10);
  revoked_.clear();
  poll_until(*a, [&] { return revoked_ == std::set<int>{0, 1, 2}; });
}

TEST_F(KafkaGroup, StartsAtTheBeginOfATrimmedTopic) {
  fill(300);
  log_->trim("t", 0, 80);
  auto a = join("a");
  poll_until(*a, [&] { return read_count() == 220; });
  EXPECT_EQ(read_[0].front(), 80);
  EXPECT_TRUE(a->commit(0, 90));
  a.reset();
  log_->trim("t", 0, 95);  // overtakes the offset
  read_.clear();
  a = join("a");
  poll_until(*a, [&] { return read_count() == 205; });
  EXPECT_EQ(read_[0].front(), 95);
}

TEST_F(KafkaGroup, ATrimThatOvertakesAReaderIsNoticed) {
  fill(300);
  auto a = join("a");
  poll_until_assigned(*a, {0, 1, 2});
  poll_until(*a, [&] { return read_count() == 300; });
  a->seek(1, 10);
  log_->trim("t", 1, 50);
  read_.clear();
  poll_until(*a, [&] { return read_count() == 50; });
  EXPECT_EQ(read_[1].front(), 50);
}

/// Members come and go while records come; commits follow what was read. Nothing is skipped, and what a
/// member had committed is not read again.
void churn(LogBed& bed, Log& log, uint64_t seed) {
  constexpr int records = 3000;
  Random random(seed);
  std::map<std::string, std::unique_ptr<Consumer>> members;
  std::map<int, int64_t> committed;
  std::map<int, std::set<int64_t>> done;
  std::size_t repeats = 0;
  int appended = 0;
  Batch batch;
  const auto deadline = Steady::now() + 60s;
  const auto all_done = [&] {
    std::size_t count = 0;
    for (const auto& [p, offsets] : done) count += offsets.size();
    return count == records;
  };
  const std::unique_ptr<Log> second = bed.open({});
  auto next_change = Steady::now();
  while (!all_done() && Steady::now() < deadline) {
    if (Steady::now() > next_change) {
      next_change = Steady::now() + std::chrono::milliseconds(200 + random.below(600));
      const std::string name(1, static_cast<char>('a' + random.below(3)));
      auto& member = members[name];
      if (member) {
        member.reset();
      } else {
        member = (random.below(2) == 0 ? log : *second)
                     .subscribe({.group = "g", .member = name, .topic = "t", .lease = 3s});
      }
    }
    for (int i = 0; i < 20 && appended < records; ++i, ++appended)
      append_text(log, "t", appended % 3, std::to_string(appended));
    for (auto& [name, member] : members) {
      if (!member) continue;
      member->poll(batch, {.max_records = 20});
      std::map<int, std::vector<int64_t>> offsets;
      for (const auto& record : batch.records()) offsets[record.partition].push_back(record.offset);
      for (const auto& [p, read] : offsets) {
        if (!member->commit(p, read.back() + 1)) continue;  // lost, on a busy machine: an heir reads them
        EXPECT_EQ(read.front(), committed[p]) << "neither repeated nor skipped";
        committed[p] = read.back() + 1;
        for (const int64_t offset : read) repeats += done[p].insert(offset).second ? 0 : 1;
      }
    }
  }
  EXPECT_TRUE(all_done());
  for (const auto& [p, offset] : committed) EXPECT_EQ(log.committed("g", "t", p), offset);
  EXPECT_EQ(repeats, 0u) << "who gives up its partitions in a poll has committed before";
}

TEST_F(KafkaGroup, ChurnLosesAndRepeatsNothing) { churn(*bed_, *log_, 1); }
TEST_F(KafkaGroupCooperative, ChurnLosesAndRepeatsNothing) { churn(*bed_, *log_, 2); }

}  // namespace
}  // namespace drst
