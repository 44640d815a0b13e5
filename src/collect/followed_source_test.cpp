// Sources that follow real files and commands, on their thread.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "collect/source.h"

namespace drst {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

struct Taken {
  std::vector<double> values, shares;
};
Taken take(Source& source, double interval_s = 1) {
  Tick tick;
  tick.now_ns = now_ns();
  tick.interval_s = interval_s;
  source.ask(tick);
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  Taken taken{std::vector<double>(source.columns().size(), nan),
              std::vector<double>(source.columns().size(), nan)};
  source.take(tick, taken.values, taken.shares);
  return taken;
}
bool until(const std::function<bool()>& enough) {
  for (int i = 0; i < 500; ++i) {
    if (enough()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

TEST(FollowedSource, AFileThatGrows) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "pcm.csv";
  std::ofstream out(path);
  out << "System,Core0\nDate,IPC\n2024-03-05,1\n" << std::flush;  // too few columns to be PCM's
  SourceSpec spec;
  spec.type = "pcm";
  spec.file = path.string();
  const auto source = make_followed_source(spec, {});
  EXPECT_EQ(source->name(), "pcm " + path.string());
  ASSERT_FALSE(source->state().present);
  ASSERT_TRUE(
      until([&] { return source->state().words.find("no line of values yet") != std::string::npos; }));
  out.close();
  std::ofstream(path) << "System,System,Core0\nDate,Time,IPC\n2024-03-05,09:30:01,1.25\n";
  ASSERT_TRUE(until([&] { return source->knows_columns(); }));
  ASSERT_TRUE(until([&] { return !take(*source).values.empty() && take(*source).values[0] == 1.25; }));
  EXPECT_THAT(source->columns(), ElementsAre("pcm_Core0-IPC"));
  EXPECT_TRUE(source->state().present);
  EXPECT_GE(source->age_s(), 0);
  EXPECT_LT(source->age_s(), 1.5);
}

TEST(FollowedSource, ACommandWhoseCountsAreScaledToTheGrid) {
  SourceSpec spec;
  spec.type = "perf_stat";
  spec.vnf = "fw";
  spec.events = {"cycles"};
  spec.command = {"sh", "-c",
                  "for i in 1 2 3; do echo $i.000000000,100,,cycles,1,50.00,, >&2; done; exec sleep 60"};
  const auto source = make_followed_source(spec, {});
  EXPECT_EQ(source->name(), "perf_stat fw");
  EXPECT_TRUE(source->knows_columns());
  Taken taken;
  ASSERT_TRUE(until([&] {
    taken = take(*source, 0.5);
    return taken.values[0] == 50;
  }));
  EXPECT_EQ(taken.shares[0], 0.5);
  EXPECT_THAT(source->columns(), ElementsAre("fw_cycles"));
  ASSERT_TRUE(until([&] { return std::isnan(take(*source, 0.5).values[0]); })) << "it went stale";
  EXPECT_FALSE(source->state().present);
  EXPECT_THAT(source->state().words, HasSubstr("no new line for"));
}

TEST(FollowedSource, TheRealPerf) {
  if (std::system("perf stat -e page-faults true >/dev/null 2>&1") != 0) GTEST_SKIP() << "no perf here";
  SourceSpec spec;
  spec.type = "perf_stat";
  spec.vnf = "shell";
  spec.events = {"page-faults", "no-such-event"};
  CollectSettings settings;
  settings.interval_s = 0.2;
  for (const char* form : {"-x,", "-x;", "-j"}) {
    spec.command = {"perf",
                    "stat",
                    form,
                    "-I",
                    "100",
                    "-e",
                    "page-faults,context-switches",
                    "sh",
                    "-c",
                    "while :; do sleep 0.01; done"};
    const auto source = make_followed_source(spec, settings);
    Taken taken;
    EXPECT_TRUE(until([&] {
      taken = take(*source, settings.interval_s);
      return taken.values[0] > 0;
    })) << form
        << ": " << source->state().words;
    EXPECT_EQ(taken.shares[0], 1) << form;
    EXPECT_TRUE(std::isnan(taken.values[1]));
    EXPECT_THAT(source->state().words, HasSubstr("no count of no-such-event"));
  }
}

TEST(FollowedSource, WhatIsNotThereIsMissingAndSaid) {
  SourceSpec spec;
  spec.type = "latency";
  spec.file = "/nonexistent/latency.txt";
  const auto source = make_followed_source(spec, {});
  EXPECT_TRUE(std::isnan(take(*source).values[0]));
  EXPECT_TRUE(until([&] { return source->state().words.find("is not there") != std::string::npos; }));
  EXPECT_FALSE(source->state().present);
  EXPECT_TRUE(std::isnan(source->age_s()));
}

TEST(FollowedSource, AFolderIsRefusedByItsPlaceInTheChainFile) {
  const TemporaryFolder folder;
  SourceSpec spec;
  spec.type = "latency";
  spec.file = folder.path().string();
  spec.where = "chain.toml:7";
  try {
    (void)make_followed_source(spec, {});
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("chain.toml:7: "));
  }
}

}  // namespace
}  // namespace drst
