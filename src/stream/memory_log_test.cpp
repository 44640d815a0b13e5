// The fault model of the in-memory log: what a simulated crash leaves behind.
#include "stream/memory_log.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "stream/log_test_bed.h"

namespace drst {
namespace {

using namespace std::chrono_literals;
using namespace drst::testing;

/// Crashes at the nth point of this name.
class CrashAt final : public FaultPoint {
 public:
  CrashAt(std::string operation, int nth) : operation_(std::move(operation)), left_(nth) {}
  void reached(std::string_view operation, std::string_view subject) override {
    seen_.emplace_back(std::string(operation) + " " + std::string(subject));
    if (operation == operation_ && --left_ == 0) throw SimulatedCrash();
  }
  [[nodiscard]] const std::vector<std::string>& seen() const { return seen_; }

 private:
  std::string operation_;
  int left_;
  std::vector<std::string> seen_;
};

class MemoryLogTest : public ::testing::Test {
 protected:
  MemoryLogTest() { healthy_.ensure_topic("t", 1); }
  static std::unique_ptr<Consumer> join(Log& log) {
    return log.subscribe({.group = "g", .member = "a", .topic = "t", .lease = 10s});
  }

  std::shared_ptr<MemoryLogDisk> disk_ = std::make_shared<MemoryLogDisk>();
  VirtualClock clock_;
  MemoryLog healthy_{disk_, clock_};
  Batch batch_;
};

TEST_F(MemoryLogTest, ACrashBetweenRecordsLeavesAPrefix) {
  const std::vector<NewRecord> records = {text_record("a"), text_record("b"), text_record("c")};
  const auto stored_after = [&](const std::string& point, int nth) {
    disk_ = std::make_shared<MemoryLogDisk>();
    CrashAt fault(point, nth);
    MemoryLog log(disk_, clock_, &fault);
    log.ensure_topic("t", 1);
    EXPECT_THROW(log.append("t", 0, records), SimulatedCrash);
    EXPECT_THROW(log.append("t", 0, records), SimulatedCrash) << "a dead process does nothing more";
    MemoryLog successor(disk_, clock_);
    return read_all(successor, "t", 0).size();
  };
  EXPECT_EQ(stored_after("log.append.before", 1), 0u);
  EXPECT_EQ(stored_after("log.append.between", 1), 1u);
  EXPECT_EQ(stored_after("log.append.between", 2), 2u);
  EXPECT_EQ(stored_after("log.append.after", 1), 3u);
}

TEST_F(MemoryLogTest, ACrashAroundACommitEitherKeepsItOrNot) {
  append_text(healthy_, "t", 0, "x");
  for (const bool after : {false, true}) {
    CrashAt fault(after ? "log.commit.after" : "log.commit.before", 1);
    MemoryLog log(disk_, clock_, &fault);
    const auto consumer = join(log);
    consumer->poll(batch_, {});
    EXPECT_THROW(consumer->commit(0, 1), SimulatedCrash);
    EXPECT_EQ(healthy_.committed("g", "t", 0).has_value(), after);
  }
}

TEST_F(MemoryLogTest, ADeadProcessTakesNoLeaveAndItsNameIsFreeAtOnce) {
  auto log = std::make_unique<MemoryLog>(disk_, clock_);
  auto consumer = join(*log);
  consumer->poll(batch_, {});
  log->crash();
  EXPECT_THROW(consumer->poll(batch_, {}), SimulatedCrash);
  consumer.reset();
  log.reset();
  auto other = healthy_.subscribe({.group = "g", .member = "b", .topic = "t", .lease = 10s});
  other->poll(batch_, {});
  EXPECT_TRUE(other->assignment().empty()) << "the dead one's lease still runs";
  other.reset();
  const auto successor = join(healthy_);
  successor->poll(batch_, {});
  EXPECT_EQ(successor->assigned(), std::vector<int>{0});
}

TEST_F(MemoryLogTest, EveryEffectIsAFaultPoint) {
  CrashAt fault("never", 1);
  MemoryLog log(disk_, clock_, &fault);
  log.ensure_topic("u", 1);
  log.append("u", 0, std::vector<NewRecord>{text_record("a"), text_record("b")});
  const auto consumer = log.subscribe({.group = "g", .member = "a", .topic = "u"});
  consumer->poll(batch_, {});
  consumer->commit(0, 1);
  consumer->commit(0, 1);  // changes nothing, so there is nothing to crash after
  log.trim("u", 0, 1);
  log.sync();
  consumer->close();
  EXPECT_EQ(fault.seen(),
            (std::vector<std::string>{"log.ensure_topic.before u", "log.ensure_topic.after u",
                                      "log.append.before u", "log.append.between u", "log.append.after u",
                                      "log.poll.before u", "log.poll.after u", "log.commit.before u",
                                      "log.commit.after u", "log.commit.before u", "log.trim.before u",
                                      "log.trim.after u", "log.sync.before ", "log.sync.after ",
                                      "log.leave.before u", "log.leave.after u"}));
}

TEST_F(MemoryLogTest, APowerCutKillsAllHandlesAndLosesOnlyWhatThePlantedBugDidNotSync) {
  for (const auto mode : {MemoryLogDisk::Unsynced::kept, MemoryLogDisk::Unsynced::lost}) {
    const auto disk = std::make_shared<MemoryLogDisk>(mode);
    MemoryLog log(disk, clock_);
    log.ensure_topic("t", 1);
    append_text(log, "t", 0, "a");
    const auto consumer = join(log);
    consumer->poll(batch_, {});
    consumer->commit(0, 0);
    log.sync();
    append_text(log, "t", 0, "b");
    consumer->commit(0, 1);
    disk->crash();
    EXPECT_THROW(log.watermarks("t", 0), SimulatedCrash);
    MemoryLog successor(disk, clock_);
    const bool lost = mode == MemoryLogDisk::Unsynced::lost;
    EXPECT_EQ(read_all(successor, "t", 0).size(), lost ? 1u : 2u);
    EXPECT_EQ(successor.committed("g", "t", 0), lost ? 0 : 1);
  }
}

}  // namespace
}  // namespace drst
