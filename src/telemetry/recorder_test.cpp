#include "telemetry/recorder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/fault.h"
#include "base/files.h"
#include "store/local_store.h"
#include "store/memory_store.h"
#include "telemetry/metric_shards.h"
#include "telemetry/resource_record.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

const Time noon = VirtualClock::default_epoch() + std::chrono::hours(12);

TEST(MetricShards, OneTableAMetricAndUpload) {
  MemoryStore store;
  MetricShards shards(store, "infer-0", {});
  shards.add(noon, "infer-0", "batch", {{"records", 3}, {"acc@0.2", 0.5}});
  shards.add(noon, "infer-0", "batch", {{"records", std::nan("")}, {"release", "a,\"b\"\nc"}});
  shards.add(noon, "guard", "load/ms", {{"runtime_ms", 1.5}});
  ASSERT_TRUE(shards.upload());
  EXPECT_TRUE(shards.upload()) << "nothing new: nothing is put";
  EXPECT_THAT(store.list("results/metrics/"), ElementsAre("results/metrics/infer-0/batch-000001.csv",
                                                          "results/metrics/infer-0/load_ms-000001.csv"));
  EXPECT_EQ(*store.get("results/metrics/infer-0/batch-000001.csv"),
            "ts,component,records,acc@0.2,release\r\n"
            "2026-01-01T12:00:00.000000Z,infer-0,3,0.5,\r\n"
            "2026-01-01T12:00:00.000000Z,infer-0,,,\"a,\"\"b\"\"\nc\"\r\n");
}

TEST(MetricShards, AnHeirNumbersOn) {
  MemoryStore store;
  for (int life = 0; life < 2; ++life) {
    MetricShards shards(store, "infer-0", {});
    for (int batch = 0; batch < 2; ++batch) {
      shards.add(noon, "infer-0", "batch", {{"life", static_cast<double>(life)}});
      ASSERT_TRUE(shards.upload());
    }
  }
  EXPECT_EQ(store.list("results/metrics/infer-0/").size(), 4u);
  EXPECT_EQ(store.list("results/metrics/infer-0/").back(), "results/metrics/infer-0/batch-000004.csv");
}

/// Refuses while it is told to.
class RefusingStore final : public FaultPoint {
 public:
  void reached(std::string_view point, std::string_view) override {
    if (refuse && point == "store.put_new.before") throw FailedError("no room");
  }
  bool refuse = true;
};

TEST(MetricShards, NothingIsLostWhileTheStoreRefusesAndMemoryIsBounded) {
  RefusingStore faults;
  MemoryStore store(nullptr, &faults);
  TelemetrySettings settings;
  settings.buffer_bytes = 2048;
  MetricShards shards(store, "s", settings);
  int added = 0;
  for (int i = 0; i < 200; ++i) {
    shards.add(noon, "c", "m", {{"i", static_cast<double>(i)}});
    if (shards.dropped() == 0) ++added;
    if (i % 10 == 0) {
      EXPECT_FALSE(shards.upload());
    }
  }
  EXPECT_TRUE(shards.half_full());
  EXPECT_GT(added, 10);
  EXPECT_LT(added, 100);
  EXPECT_EQ(shards.dropped(), static_cast<uint64_t>(200 - added));
  faults.refuse = false;
  ASSERT_TRUE(shards.upload());
  EXPECT_FALSE(shards.half_full());
  int lines = 0;
  for (const auto& key : store.list("results/metrics/s/")) {
    const auto text = *store.get(key);
    lines += static_cast<int>(std::count(text.begin(), text.end(), '\n')) - 1;
  }
  EXPECT_EQ(lines, added);
  shards.add(noon, "c", "m", {{"i", 1}});
  EXPECT_TRUE(shards.upload()) << "there is room again";
  EXPECT_EQ(shards.dropped(), static_cast<uint64_t>(200 - added));
}

TEST(Recorder, LeavesLinesTablesAndWhatTheProcessUsed) {
  const TemporaryFolder folder;
  LocalStore store(folder.path());
  const VirtualClock clock;
  TelemetrySettings settings;
  settings.sample_interval_s = 0.01;
  {
    Recorder recorder(store, clock, settings, "infer-0");
    ASSERT_NE(recorder.stream(), nullptr);
    EXPECT_EQ(recorder.stream("infer-0"), recorder.stream());
    recorder.stream("other")->emit("other", "batch", {{"x", 1}});
    {
      const ScopedTimer timer(recorder.stream(), "infer-0", "work");
      for (double end = monotonic_seconds() + 0.05; monotonic_seconds() < end;) {
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  int samples = 0, timers = 0;
  std::string text = read_file(folder.path() / "results" / "metrics" / "infer-0.jsonl");
  for (std::size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
    const auto line = nlohmann::json::parse(text.substr(at, end - at));
    samples += line["metric"] == "resources" && line["rss_mib"] > 1 ? 1 : 0;
    timers += line["metric"] == "work" && line["runtime_ms"] >= 49 ? 1 : 0;
  }
  EXPECT_GE(samples, 3);
  EXPECT_EQ(timers, 1);
  EXPECT_THAT(*store.get("results/metrics/other/batch-000001.csv"), StartsWith("ts,component,x\r\n"));
  EXPECT_TRUE(store.exists("results/metrics/infer-0/resources-000001.csv"));

  const std::string key = "results/resources/infer-0.json";
  const auto record = parse_resource_record(*store.get(key), key);
  EXPECT_EQ(record.member, "infer-0");
  EXPECT_GE(record.wall_s, 0.08);
  EXPECT_GT(record.cpu_s, 0);
  EXPECT_GT(record.rss_peak_mib, 1);
  EXPECT_GT(record.private_peak_mib, 0.1);
  EXPECT_LE(record.private_peak_mib, record.rss_peak_mib);
  ASSERT_GE(record.samples.size(), 3u);
  EXPECT_GT(record.samples.back().at_s, record.samples.front().at_s);
  EXPECT_EQ(to_json(record), *store.get(key));
  EXPECT_THROW(parse_resource_record("[]", "x"), InputError);
}

TEST(Recorder, NeverStopsTheWork) {
  const TemporaryFolder folder;
  LocalStore store(folder.path());
  write_file_atomic(folder.path() / "results", "a file where a folder belongs");
  const VirtualClock clock;
  Recorder recorder(store, clock, {}, "infer-0");
  EXPECT_EQ(recorder.stream(), nullptr);
  const ScopedTimer timer(recorder.stream(), "infer-0", "work");
  recorder.finish();
  Recorder odd(store, clock, {}, "no/../key");
  EXPECT_EQ(odd.stream(), nullptr);
}

TEST(Recorder, WithoutAFolderLinesLeaveAsTablesOnly) {
  MemoryStore store;
  const VirtualClock clock;
  {
    Recorder recorder(store, clock, {}, "m");
    recorder.stream()->emit("m", "batch", {{"x", 1}});
  }
  EXPECT_THAT(store.list("results/"),
              ElementsAre("results/metrics/m/batch-000001.csv", "results/metrics/m/resources-000001.csv",
                          "results/resources/m.json"));
}

}  // namespace
}  // namespace drst
