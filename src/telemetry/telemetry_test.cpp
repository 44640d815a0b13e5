#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "telemetry/metric_stream.h"
#include "telemetry/resources.h"

namespace drst {
namespace {

std::vector<nlohmann::json> lines_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(in, line);)
    lines.push_back(nlohmann::json::parse(line, nullptr, false));
  return lines;
}

/// Uses CPU for about `seconds` of this thread.
double burn(double seconds) {
  double sum = 0;
  const double end = thread_cpu_seconds() + seconds;
  while (thread_cpu_seconds() < end)
    for (int i = 0; i < 1000; ++i) sum += std::sqrt(static_cast<double>(i));
  return sum;
}

TEST(MetricStream, WritesOneJsonObjectALine) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "metrics" / "infer-0.jsonl";
  VirtualClock clock;
  {
    MetricStream stream(file, clock);
    stream.emit("infer-0", "batch", {{"acc@0.2", 0.5}, {"nothing", std::nan("")}, {"release", "a\"b\n"}});
    stream.emit("infer-0", "batch", {});
    EXPECT_EQ(stream.emitted(), 2u);
  }
  const auto lines = lines_of(file);
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["ts"], "2026-01-01T00:00:00.000000Z");
  EXPECT_EQ(lines[0]["component"], "infer-0");
  EXPECT_EQ(lines[0]["acc@0.2"], 0.5);
  EXPECT_TRUE(lines[0]["nothing"].is_null());
  EXPECT_EQ(lines[0]["release"], "a\"b\n");
}

TEST(MetricStream, GoesOnBehindALineThatACrashCutShort) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.jsonl";
  std::ofstream(file) << "{\"whole\":1}\n{\"cut\":";
  VirtualClock clock;
  {
    MetricStream stream(file, clock);
    stream.emit("a", "b", {});
  }
  const auto lines = lines_of(file);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_TRUE(lines[1].is_discarded());
  EXPECT_EQ(lines[2]["component"], "a");
}

TEST(MetricStream, MemoryIsBoundedWhileTheDiskRefuses) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.jsonl";
  VirtualClock clock;
  TelemetrySettings settings;
  settings.flush_bytes = 1;
  settings.buffer_bytes = 2048;
  // A process that may write only so much: what a full disk does.
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int result = 0;
    {
      MetricStream stream(file, clock, settings);
      for (int i = 0; i < 200; ++i) stream.emit("component", "metric", {{"i", static_cast<double>(i)}});
      if (stream.dropped() == 0 || stream.emitted() + stream.dropped() != 200 || stream.flush()) result = 1;
    }
    ::_exit(result);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(std::filesystem::file_size(file), 1000u);
}

TEST(MetricStream, ManyThreadsNeverMixTheirLines) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.jsonl";
  VirtualClock clock;
  TelemetrySettings settings;
  settings.flush_bytes = 300;
  {
    MetricStream stream(file, clock, settings);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&stream, t] {
        for (int i = 0; i < 200; ++i)
          stream.emit("t" + std::to_string(t), "m", {{"i", static_cast<double>(i)}});
      });
    for (auto& thread : threads) thread.join();
  }
  const auto lines = lines_of(file);
  ASSERT_EQ(lines.size(), 800u);
  for (const auto& line : lines) EXPECT_FALSE(line.is_discarded());
}

TEST(MetricStream, AFolderThatCannotBeMadeIsAnError) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "file") << "x";
  VirtualClock clock;
  EXPECT_THROW(MetricStream(folder.path() / "file" / "m.jsonl", clock), Error);
}

TEST(ScopedTimer, EmitsWhatTheScopeTook) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "m.jsonl";
  VirtualClock clock;
  {
    MetricStream stream(file, clock);
    const ScopedTimer timer(&stream, "retrainer", "search");
    const ScopedTimer silent(nullptr, "a", "b");
    burn(0.02);
  }
  const auto lines = lines_of(file);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0]["metric"], "search");
  EXPECT_GE(lines[0]["cpu_ms"].get<double>(), 19);
  EXPECT_GE(lines[0]["runtime_ms"].get<double>(), 19);
}

TEST(Resources, ThreadsAreToldApart) {
  ResourceSampler sampler;
  std::atomic<pid_t> id{0};
  std::atomic<bool> stop{false};
  std::thread worker([&] {
    burn(0.1);
    id = thread_id();
    while (!stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  });
  while (id == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  sampler.watch_thread("worker", id);
  sampler.add_cpu("by hand", 1.5);
  sampler.sample();
  stop = true;
  worker.join();
  sampler.sample();  // it is gone: what it used stays
  EXPECT_GE(sampler.usage().at("worker").cpu_s, 0.08);
  EXPECT_LT(sampler.usage().at("worker").cpu_s, 10);
  EXPECT_EQ(sampler.usage().at("by hand").cpu_s, 1.5);
  EXPECT_GT(sampler.usage().at("worker").rss_peak_mib, 1);
  EXPECT_GT(sampler.usage().at("worker").private_peak_mib, 0.1);
}

TEST(Resources, AProcessTreeCountsItsDescendants) {
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::close(done[1]);
    const auto grandchild = ::fork();
    if (grandchild == 0) {
      burn(0.15);
      (void)!::write(ready[1], "x", 1);
    }
    char byte = 0;
    (void)!::read(done[0], &byte, 1);
    if (grandchild > 0) ::waitpid(grandchild, nullptr, 0);
    ::_exit(0);
  }
  ::close(done[0]);
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ResourceSampler sampler;
  sampler.watch_process("tree", child);
  sampler.sample();
  EXPECT_GE(sampler.usage().at("tree").cpu_s, 0.12);
  EXPECT_LT(read_process(child).cpu_s, 0.12) << "the grandchild did the work";
  ::close(done[1]);
  ::waitpid(child, nullptr, 0);
  sampler.sample();
  EXPECT_GE(sampler.usage().at("tree").cpu_s, 0.12) << "what ended stays counted";
  EXPECT_EQ(sampler.usage().at("tree").rss_mib, 0);
  EXPECT_GT(sampler.usage().at("tree").rss_peak_mib, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(Resources, AProcessThatIsGoneIsNothing) {
  const auto usage = read_process(1 << 30);
  EXPECT_EQ(usage.cpu_s, 0);
  EXPECT_EQ(usage.rss_mib, 0);
}

}  // namespace
}  // namespace drst
