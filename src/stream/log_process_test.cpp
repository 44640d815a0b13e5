// Several processes on one embedded log: working together, being killed, waking one another.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <set>
#include <thread>

#include "base/random.h"
#include "base/text.h"
#include "stream/log_environment.h"
#include "stream/log_test_bed.h"

namespace drst {
namespace {

using namespace std::chrono_literals;
using namespace drst::testing;
using std::chrono::steady_clock;

/// A forked process that runs `body` and tells its parent lines through a pipe; killed at the latest when
/// this goes out of scope.
class Child {
 public:
  using Tell = std::function<void(const std::string&)>;
  explicit Child(const std::function<void(const Tell&)>& body) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) throw FailedError("pipe");
    id_ = ::fork();
    if (id_ == 0) {
      ::close(ends[0]);
      int code = 0;
      try {
        body([&](const std::string& line) {
          if (::write(ends[1], (line + "\n").c_str(), line.size() + 1) < 0) ::_exit(3);
        });
      } catch (const std::exception& error) {
        std::fprintf(stderr, "child: %s\n", error.what());
        code = 2;
      }
      ::_exit(code);
    }
    ::close(ends[1]);
    pipe_ = Descriptor(ends[0]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { kill(); }

  void kill() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);
    (void)join();
  }
  /// The exit code; -1 if it was killed.
  int join() {
    int status = 0;
    ::waitpid(id_, &status, 0);
    id_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  /// The next line; empty at the end.
  std::string line() {
    for (;;) {
      if (const auto end = text_.find('\n'); end != std::string::npos) {
        auto line = text_.substr(0, end);
        text_.erase(0, end + 1);
        return line;
      }
      std::array<char, 4096> buffer{};
      const ssize_t got = ::read(pipe_.get(), buffer.data(), buffer.size());
      if (got <= 0) return {};
      text_.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  std::vector<std::string> rest() {
    std::vector<std::string> lines;
    for (auto next = line(); !next.empty(); next = line()) lines.push_back(next);
    return lines;
  }

 private:
  pid_t id_ = 0;
  Descriptor pipe_;
  std::string text_;
};

class LogProcesses : public ::testing::Test {
 protected:
  std::unique_ptr<EmbeddedLog> open(const LogSettings& settings = {},
                                    Durability durability = Durability::relaxed) {
    return std::make_unique<EmbeddedLog>(folder_, clock_, durability, settings);
  }

  TemporaryFolder temporary_{"drst-log"};
  std::filesystem::path folder_ = temporary_.path() / "log";
  SystemClock clock_;
};

TEST_F(LogProcesses, ProducersAndConsumersLoseNothingWhileAConsumerIsKilled) {
  constexpr int producers = 2;
  constexpr int each = 400;
  open()->ensure_topic("t", 3);

  const auto consume = [&](const std::string& member, const Child::Tell& tell) {
    const auto log = open();
    const auto consumer = log->subscribe({.group = "g", .member = member, .topic = "t", .lease = 500ms});
    Batch batch;
    for (auto idle_since = steady_clock::now(); steady_clock::now() - idle_since < 1200ms;) {
      consumer->poll(batch, {.max_records = 5});
      for (const auto& record : batch.records()) {
        tell(std::string(record.value) + " " + to_text(record.partition) + " " + to_text(record.offset));
        if (!consumer->commit(record.partition, record.offset + 1)) break;
      }
      if (!batch.empty()) idle_since = steady_clock::now();
      if (batch.empty()) log->wait(20ms);
    }
  };
  Child first([&](const auto& tell) { consume("a", tell); });
  Child second([&](const auto& tell) { consume("b", tell); });
  Child victim([&](const auto& tell) { consume("c", tell); });
  std::vector<std::unique_ptr<Child>> writers;
  for (int p = 0; p < producers; ++p)
    writers.push_back(std::make_unique<Child>([&, p](const auto&) {
      const auto log = open();
      for (int i = 0; i < each; ++i) {
        append_text(*log, "t", i % 3, to_text(p) + ":" + to_text(i));
        std::this_thread::sleep_for(200us);
      }
    }));
  std::set<std::string> seen;
  std::vector<std::string> lines;
  for (int i = 0; i < 20; ++i) lines.push_back(victim.line());  // in the middle of its work
  victim.kill();
  for (auto& writer : writers) EXPECT_EQ(writer->join(), 0);
  for (Child* child : {&victim, &first, &second}) {
    for (auto& line : child->rest()) lines.push_back(line);
    if (child != &victim) {
      EXPECT_EQ(child->join(), 0);
    }
  }
  std::map<std::string, int> times;
  for (const auto& line : lines) ++times[line];
  EXPECT_EQ(times.size(), static_cast<std::size_t>(producers * each));
  int repeats = 0;
  for (const auto& [line, count] : times) repeats += count - 1;
  // The record between the victim's effect and its commit, and as many more if a busy machine lets a lease
  // run out.
  EXPECT_LE(repeats, 10);
  const auto log = open();
  for (int p = 0; p < 3; ++p) EXPECT_EQ(log->committed("g", "t", p), log->watermarks("t", p).end);
}

TEST_F(LogProcesses, AWriterKilledInTheMiddleLeavesNoHoleAndNoPart) {
  open()->ensure_topic("t", 1);
  Random random(5);
  int64_t stored = 0;
  for (int round = 0; round < 25; ++round) {
    const auto durability = round % 2 == 0 ? Durability::relaxed : Durability::full;
    Child writer([&](const Child::Tell& tell) {
      const auto log = open({}, durability);
      Random sizes(static_cast<uint64_t>(round));
      int64_t next = log->watermarks("t", 0).end;
      tell("ready");
      for (;;) {
        std::vector<NewRecord> records(1 + sizes.below(30));
        for (auto& record : records) {
          record.value = to_text(next) + ":" + std::string(sizes.below(4000), 'x');
          record.key = to_text(next++);
        }
        log->append("t", 0, records);
        tell(to_text(next));
      }
    });
    ASSERT_EQ(writer.line(), "ready");
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(8000)));
    writer.kill();
    const auto told = writer.rest();
    const auto log = open();
    const int64_t end = log->watermarks("t", 0).end;
    if (!told.empty()) {
      EXPECT_GE(end, parse_int(told.back()).value_or(-1)) << "what was acknowledged stays";
    }
    Batch batch;
    int64_t next = stored;
    while (next < end) {
      log->read("t", 0, next, batch, {});
      ASSERT_FALSE(batch.empty());
      for (const auto& record : batch.records()) {
        ASSERT_EQ(record.offset, next);
        ASSERT_EQ(record.key, to_text(next));
        ASSERT_TRUE(record.value.starts_with(to_text(next) + ":"));
        ++next;
      }
    }
    stored = end;
  }
  EXPECT_GT(stored, 100);
}

TEST_F(LogProcesses, AWriterKilledInsideItsTransactionBlocksNobody) {
  const auto log = open();
  log->ensure_topic("t", 1);
  Child writer([&](const Child::Tell& tell) {
    LogEnvironment::open(folder_, Durability::relaxed, {})->write(0, [&](MDB_txn*) {
      tell("inside");
      std::this_thread::sleep_for(1h);
      return true;
    });
  });
  ASSERT_EQ(writer.line(), "inside");
  writer.kill();
  EXPECT_EQ(append_text(*log, "t", 0, "x"), 0);
}

TEST_F(LogProcesses, WaitWakesAcrossProcessesWithoutBusyWaiting) {
  const auto log = open();
  log->ensure_topic("t", 1);
  const auto cpu = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
  };
  const auto now_ns = [] {
    return steady_clock::now().time_since_epoch().count();
  };  // one clock for all processes
  Child sleeper([&](const Child::Tell& tell) {
    const auto mine = open();
    while (mine->wait(0ms)) {
    }
    const double before = cpu();
    tell("asleep");
    for (int i = 0; i < 5; ++i) {
      const bool woken = mine->wait(10s);
      tell(to_text(woken ? now_ns() : -1));
    }
    tell(to_text(cpu() - before));
  });
  ASSERT_EQ(sleeper.line(), "asleep");
  double shortest = 1;
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(60ms);
    const auto sent = now_ns();
    append_text(*log, "t", 0, "x");
    const auto woken = parse_int(sleeper.line()).value_or(-1);
    ASSERT_GE(woken, sent);
    shortest = std::min(shortest, 1e-9 * static_cast<double>(woken - sent));
  }
  EXPECT_LT(shortest, 0.01) << "s from before the append to after the wait";
  EXPECT_LT(parse_double(sleeper.line()).value_or(1), 0.02) << "s of CPU for five waits of 60 ms";
}

TEST_F(LogProcesses, AProcessFollowsTheGrowthOfAnother) {
  const auto log = open({.map_initial_mib = 1});
  log->ensure_topic("t", 1);
  append_text(*log, "t", 0, "small");
  Child writer([&](const Child::Tell&) {
    const auto mine = open({.map_initial_mib = 1});
    for (int i = 0; i < 50; ++i) append_text(*mine, "t", 0, std::string(200'000, 'x'));
  });
  EXPECT_EQ(writer.join(), 0);
  EXPECT_EQ(read_all(*log, "t", 0).size(), 51u);
  EXPECT_EQ(append_text(*log, "t", 0, "more"), 51);
}

TEST_F(LogProcesses, AKilledReaderDoesNotMakeTheFileGrow) {
  const auto log = open({.retention_records = 100});
  log->ensure_topic("t", 1);
  append_text(*log, "t", 0, "x");
  Child reader([&](const Child::Tell& tell) {
    LogEnvironment::ReadTransaction transaction(LogEnvironment::open(folder_, Durability::relaxed, {}));
    transaction.renew();
    tell("reading");
    std::this_thread::sleep_for(1h);
  });
  ASSERT_EQ(reader.line(), "reading");
  reader.kill();
  for (int i = 0; i < 4000; ++i) append_text(*log, "t", 0, std::string(2300, 'x'));
  // 9 MB of records went through, each append rewriting 16 kB on average; 256 appends may pass before the
  // slot is cleared.
  EXPECT_LT(std::filesystem::file_size(folder_ / "data.mdb"), 16u << 20);
}

TEST_F(LogProcesses, ANameIsFreeAsSoonAsItsProcessIsDead) {
  const auto log = open();
  log->ensure_topic("t", 2);
  append_text(*log, "t", 1, "x");
  const ConsumerOptions options{
      .group = "g", .member = "infer-0", .topic = "t", .lease = 1h, .exclusive = true};
  Child holder([&](const Child::Tell& tell) {
    const auto mine = open();
    const auto consumer = mine->subscribe(options);
    Batch batch;
    consumer->poll(batch, {});
    tell(to_text(consumer->assignment().size()));
    std::this_thread::sleep_for(1h);
  });
  ASSERT_EQ(holder.line(), "2");
  const auto consumer = log->subscribe(options);
  Batch batch;
  EXPECT_EQ(refused_with([&] { consumer->poll(batch, {}); }), static_cast<int>(ExitCode::input));
  holder.kill();
  consumer->poll(batch, {});
  EXPECT_EQ(consumer->assigned(), (std::vector<int>{0, 1}));
  EXPECT_EQ(values_of(batch), std::vector<std::string>{"x"});
}

}  // namespace
}  // namespace drst
