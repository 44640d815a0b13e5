// On real processes of this machine: the kernel counts software events everywhere.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <ctime>
#include <limits>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "collect/monotonic.h"
#include "collect/perf_counters.h"
#include "collect/processes.h"
#include "collect/source.h"

namespace drst {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

void burn() {
  for (std::atomic<unsigned> n = 0;; ++n) {
  }
}

double cpu_ms_of(pid_t pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) * 1e3 + static_cast<double>(used.tv_nsec) * 1e-6;
}

/// A process that works in `threads` threads until it is killed.
class Worker {
 public:
  explicit Worker(int threads = 1, const char* name = "drst-worker") : pid_(::fork()) {
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, name);
    for (int thread = 1; thread < threads; ++thread) std::thread(burn).detach();
    burn();
  }
  ~Worker() { end(); }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] double cpu_ms() const { return cpu_ms_of(pid_); }

 private:
  pid_t pid_;
};

void nap(double seconds) {
  const timespec length{static_cast<time_t>(seconds), static_cast<long>(std::fmod(seconds, 1) * 1e9)};
  ::nanosleep(&length, nullptr);
}

struct Taken {
  std::vector<double> values, shares;
};

Taken take(Source& source, double interval_s) {
  Taken taken;
  const double missing = std::numeric_limits<double>::quiet_NaN();
  taken.values.assign(source.columns().size(), missing);
  taken.shares.assign(source.columns().size(), missing);
  const std::int64_t now = monotonic_ns();
  source.take({0, now, now, interval_s}, taken.values, taken.shares);
  return taken;
}

SourceSpec spec_of(std::vector<std::string> events) {
  SourceSpec spec;
  spec.where = "chain.toml:3";
  spec.type = "perf";
  spec.vnf = "nat";
  spec.events = std::move(events);
  return spec;
}

TEST(PerfSource, CountsAllThreadsAsTheKernelDoes) {
  const Worker worker(3);
  nap(0.1);  // its threads are there
  auto spec = spec_of({"task-clock", "{context-switches,page-faults}"});
  spec.pid = worker.pid();
  const auto source = make_perf_source(spec, {});
  EXPECT_THAT(source->columns(), ElementsAre("nat_task-clock", "nat_context-switches", "nat_page-faults"));
  take(*source, 0.5);
  const std::int64_t begin_ns = monotonic_ns();
  const double before = worker.cpu_ms();
  nap(0.5);
  const double used = worker.cpu_ms() - before;
  const double seconds = static_cast<double>(monotonic_ns() - begin_ns) * 1e-9;
  const Taken taken = take(*source, 0.5);
  ASSERT_TRUE(source->state().present) << source->state().words;
  EXPECT_GT(used, 50);
  EXPECT_NEAR(taken.values[0], used * 0.5 / seconds, 0.03 * used + 5);
  EXPECT_EQ(taken.shares[0], 1);
  EXPECT_GE(taken.values[1], 0);
}

TEST(PerfSource, NewThreadsAndChildrenAreInherited) {
  int begin[2];
  ASSERT_EQ(::pipe(begin), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    char go = 0;
    (void)!::read(begin[0], &go, 1);
    std::thread(burn).detach();
    ::pause();
  }
  auto spec = spec_of({"task-clock"});
  spec.pid = pid;
  const auto source = make_perf_source(spec, {});
  nap(0.2);
  EXPECT_LT(take(*source, 0.2).values[0], 50);
  ASSERT_EQ(::write(begin[1], "g", 1), 1);
  nap(0.3);
  EXPECT_GT(take(*source, 0.3).values[0], 50);
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  ::close(begin[0]);
  ::close(begin[1]);
}

TEST(PerfSource, ARestartedProcessIsPickedUpAgain) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "nat.pid";
  auto spec = spec_of({"task-clock"});
  spec.pid_file = file.string();
  Worker first;
  write_file_atomic(file, to_text(first.pid()) + "\n", Sync::no);
  const auto source = make_perf_source(spec, {});
  nap(0.2);
  EXPECT_GT(take(*source, 0.2).values[0], 0);
  first.end();
  EXPECT_TRUE(std::isnan(take(*source, 0.2).values[0])) << "a row is a whole interval";
  EXPECT_FALSE(source->state().present);
  EXPECT_THAT(source->state().words, HasSubstr("names no running process"));
  EXPECT_TRUE(std::isnan(take(*source, 0.2).values[0]));
  const Worker second;
  write_file_atomic(file, to_text(second.pid()), Sync::no);
  nap(1);  // it looks once a second
  take(*source, 0.2);
  nap(0.2);
  EXPECT_GT(take(*source, 0.2).values[0], 0);
  EXPECT_TRUE(source->state().present);
}

TEST(PerfSource, ByNameAllProcessesOfIt) {
  const Worker one(1, "drst-wrk-many"), two(1, "drst-wrk-many"), other(1, "drst-wrk-other");
  nap(0.05);
  EXPECT_THAT(ProcessTable().named("drst-wrk-many", monotonic_ns()),
              testing::UnorderedElementsAre(one.pid(), two.pid()));
  auto spec = spec_of({"task-clock"});
  spec.process = "drst-wrk-many";
  const auto source = make_perf_source(spec, {});
  take(*source, 0.3);
  const double before = one.cpu_ms() + two.cpu_ms();
  nap(0.3);
  const double used = one.cpu_ms() + two.cpu_ms() - before;
  EXPECT_NEAR(take(*source, 0.3).values[0], used, 0.1 * used + 10);
}

TEST(PerfSource, ForkedWorkersOfTheNameAreCountedOnce) {
  const TemporaryFolder folder;
  const auto go = folder.path() / "go";
  const pid_t parent = ::fork();
  if (parent == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::prctl(PR_SET_NAME, "drst-forking");
    while (!std::filesystem::exists(go)) nap(0.01);
    if (::fork() == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      burn();
    }
    for (;;) ::pause();
  }
  nap(0.05);
  auto spec = spec_of({"task-clock"});
  spec.process = "drst-forking";
  const auto source = make_perf_source(spec, {});
  write_file_atomic(go, "", Sync::no);
  nap(1);
  take(*source, 0.3);  // it looks once a second
  const auto both = ProcessTable().named("drst-forking", monotonic_ns());
  ASSERT_EQ(both.size(), 2U);
  const auto used = [&] { return cpu_ms_of(both[0]) + cpu_ms_of(both[1]); };
  take(*source, 0.3);
  const double before = used();
  nap(0.3);
  const double truth = used() - before;
  EXPECT_NEAR(take(*source, 0.3).values[0], truth, 0.1 * truth + 10);
  EXPECT_THAT(source->state().words, HasSubstr("2 processes summed"));
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
}

TEST(PerfSource, APidFileThatNamesAnotherIsFollowed) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "nat.pid";
  auto spec = spec_of({"task-clock"});
  spec.pid_file = file.string();
  const Worker old, young;
  write_file_atomic(file, to_text(old.pid()), Sync::no);
  const auto source = make_perf_source(spec, {});
  nap(0.2);
  EXPECT_GT(take(*source, 0.2).values[0], 0);
  ::kill(old.pid(), SIGSTOP);  // at its last work
  write_file_atomic(file, to_text(young.pid()), Sync::no);
  nap(1);
  take(*source, 0.2);
  nap(0.2);
  EXPECT_GT(take(*source, 0.2).values[0], 0);
}

TEST(PerfSource, AnEventThatIsCountedInPartIsLeftOut) {
  const Worker worker(30);
  nap(0.1);
  const pid_t limited = ::fork();  // who lowers its limits may not raise them again
  if (limited == 0) {
    const rlimit few{20, 20};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) ::_exit(3);
    auto spec = spec_of({"task-clock"});
    spec.pid = worker.pid();
    const auto source = make_perf_source(spec, {});
    nap(0.2);
    if (!std::isnan(take(*source, 0.2).values[0])) ::_exit(1);
    const auto state = source->state();
    ::_exit(!state.present && state.words.find("in part only: too many open files") != std::string::npos ? 0
                                                                                                         : 2);
  }
  int status = 0;
  ::waitpid(limited, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(PerfSource, WithoutTheKernelsShareNothingIsTakenFor0) {
  const Worker worker;
  const pid_t unprivileged = ::fork();
  if (unprivileged == 0) {
    // As another user, on a process of its own.
    if (::setresgid(65534, 65534, 65534) != 0 || ::setresuid(65534, 65534, 65534) != 0) ::_exit(77);
    auto spec = spec_of({"task-clock", "context-switches"});
    spec.pid = ::getpid();
    const auto source = make_perf_source(spec, {});
    for (int n = 0; n < 20; ++n) nap(0.01);
    const Taken taken = take(*source, 0.2);
    const bool whole = !source->state().present || counting_rights().find("is 2") == std::string::npos;
    ::_exit(whole ? 78 : std::isnan(taken.values[1]) && taken.values[0] > 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(unprivileged, &status, 0);
  if (WEXITSTATUS(status) == 77 || WEXITSTATUS(status) == 78) GTEST_SKIP() << "needs root and level 2";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(PerfSource, WhatTheKernelRefusesIsMissingAndTheRestGoesOn) {
  const Worker worker;
  // No processor has a raw event of all ones.
  auto spec = spec_of({"task-clock", "rffffffffffffffff"});
  spec.pid = worker.pid();
  const auto source = make_perf_source(spec, {});
  nap(0.2);
  const Taken taken = take(*source, 0.2);
  EXPECT_GT(taken.values[0], 0);
  EXPECT_TRUE(std::isnan(taken.values[1]));
  EXPECT_TRUE(source->state().present);
  EXPECT_THAT(source->state().words, HasSubstr("rffffffffffffffff: "));
}

TEST(PerfSource, WhatCanNeverWorkIsNamedByItsLine) {
  for (auto wrong : {spec_of({"instruction"}), spec_of({"{cycles"})}) {
    wrong.pid = 1;
    try {
      (void)make_perf_source(wrong, {});
      FAIL();
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr("chain.toml:3"));
    }
  }
}

TEST(PerfSource, WholeCpus) {
  auto spec = spec_of({"cpu-clock"});
  spec.cpus = "0";
  const auto source = make_perf_source(spec, {});
  nap(0.3);
  const Taken taken = take(*source, 0.3);
  if (!source->state().present) {
    EXPECT_THAT(source->state().words, HasSubstr("not permitted"));
    return;
  }
  EXPECT_NEAR(taken.values[0], 300, 15);
}

TEST(Processes, PidFilesOfAnyContent) {
  const TemporaryFolder folder;
  const auto file = (folder.path() / "x").string();
  EXPECT_EQ(process_of_file(file), 0);
  for (const char* text : {"", "abc", "-3", "99999999999999", "12 13"}) {
    write_file_atomic(file, text, Sync::no);
    EXPECT_EQ(process_of_file(file), 0) << text;
  }
  write_file_atomic(file, " 12\n", Sync::no);
  EXPECT_EQ(process_of_file(file), 12);
  EXPECT_EQ(process_of_file(folder.path().string()), 0);
}

TEST(Processes, AnEndedOneIsNoticed) {
  Worker worker;
  const ProcessWatch watch(worker.pid());
  EXPECT_TRUE(watch.running());
  worker.end();
  EXPECT_FALSE(watch.running());
  EXPECT_FALSE(ProcessWatch(1 << 21).running());
}

}  // namespace
}  // namespace drst
