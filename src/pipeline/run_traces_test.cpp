#include "pipeline/run_traces.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/log.h"
#include "pipeline/foreign_run.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "stream/record.h"
#include "table/npy.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RunTraces : public ::testing::Test {
 protected:
  RunTraces() : log_(std::make_shared<MemoryLogDisk>(), clock_) {
    log::set_level(log::Level::warning);
    log_.ensure_topic("t", 2);
    log_.ensure_topic("t-trace", 2);
  }
  void append(const std::string& topic, int partition, const std::string& value, const std::string& run) {
    NewRecord record;
    record.value = value;
    record.headers = {{std::string(run_id_header), run}};
    record.timestamp = clock_.now();
    log_.append(topic, partition, {&record, 1});
  }
  void predict(int partition, int64_t offset, int64_t row, const std::string& id, const std::string& run) {
    TraceRow made;
    made.partition = partition;
    made.offset = offset;
    made.row = row;
    made.id = id;
    made.pred_orig = made.pred_adj = made.pred_live = 10;
    made.set_voices(std::array<float, 2>{1, 2});
    made.memory_offset = 5;
    made.release = "models/m.onnx";
    made.consumer = "infer-0";
    append("t-trace", partition, encode_trace({made}), run);
  }
  std::vector<TraceRow> stored() {
    return read_trace_file(store_.get(trace_file_key("infer-0")).value(), trace_file_key("infer-0"));
  }

  VirtualClock clock_;
  MemoryLog log_;
  MemoryStore store_;
};

TEST_F(RunTraces, WhatRetentionTakesFromTheLogStaysInTheStore) {
  RunFacts facts;
  facts.run_id = "r";
  for (int64_t row = 0; row < 3; ++row) predict(0, row, row, make_id("r", row), "r");
  auto told = write_traces(log_, store_, "t", facts);
  EXPECT_EQ(told.predictions, 3);
  EXPECT_THAT(told.retention, IsEmpty());
  log_.trim("t-trace", 0, 2);
  const auto begin = log_.watermarks("t-trace", 0).begin;
  ASSERT_GT(begin, 0);
  told = write_traces(log_, store_, "t", facts);
  EXPECT_EQ(told.predictions, 3);
  const auto rows = stored();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].id, make_id("r", 0));
  EXPECT_EQ(rows[0].voices_used, 2);
  EXPECT_EQ(rows[0].voices[1], 2);
  EXPECT_EQ(rows[0].memory_offset, 5);
  ASSERT_EQ(told.retention.size(), 1U);
  EXPECT_THAT(told.retention[0], HasSubstr("topic t-trace before offset " + std::to_string(begin)));

  store_.remove(trace_file_key("infer-0"));
  told = write_traces(log_, store_, "t", facts);
  EXPECT_EQ(told.predictions, 3 - begin);
}

TEST_F(RunTraces, ARunOfAnotherProducerIsKnownFromItsRecords) {
  const auto sample = [](double label, int second, const char* stage) {
    return R"({"features":{"a":1},"label":)" + std::to_string(label) + R"(,"send_ts":"2026-01-01T00:00:0)" +
           std::to_string(second) + R"(Z","stage":")" + stage + "\"}";
  };
  append("t", 0, sample(10, 1, "calm"), "theirs");
  append("t", 1, sample(20, 0, "calm"), "theirs");
  append("t", 1, R"({"features":{"a":1},"label":null,"send_ts":"2026-01-01T00:00:03Z","stage":"busy"})",
         "theirs");
  append("t", 0, sample(99, 2, "calm"), "others");
  predict(0, 0, -1, "", "theirs");
  predict(1, 0, -1, "", "theirs");
  predict(1, 1, -1, "", "theirs");
  predict(0, 1, -1, "", "others");

  RunFacts facts;
  EXPECT_THROW(adopt_foreign_run(log_, store_, "t", facts, {}), InputError) << "which of the two?";
  EXPECT_THROW(adopt_foreign_run(log_, store_, "absent", facts, {}), InputError);
  facts.run_id = "nobodys";
  EXPECT_THROW(adopt_foreign_run(log_, store_, "t", facts, {}), InputError);
  facts.run_id = "theirs";
  auto run = adopt_foreign_run(log_, store_, "t", facts, {});
  ASSERT_EQ(run.notes.size(), 1U);
  EXPECT_THAT(run.notes[0], HasSubstr("has not ended"));
  for (int p = 0; p < 2; ++p) {
    const NewRecord sentinel = make_sentinel("theirs", clock_.now());
    log_.append("t", p, {&sentinel, 1});
  }
  run = adopt_foreign_run(log_, store_, "t", facts, {});
  EXPECT_THAT(run.notes, IsEmpty());
  EXPECT_EQ(run.facts.produced, 3);
  EXPECT_FALSE(store_.exists("results/run.json")) << "the newest run is our producer's";

  (void)write_traces(log_, store_, "t", run.facts);
  Series series;
  const auto summary = summarize(store_, &series, "theirs");
  EXPECT_EQ(summary.produced, 3);
  EXPECT_EQ(summary.predicted, 3);
  EXPECT_EQ(summary.lost, 0);
  EXPECT_EQ(summary.labels_used, 2);
  EXPECT_EQ(summary.overall.rows, 3);
  EXPECT_EQ(summary.overall.adaptive.n, 2U);
  EXPECT_DOUBLE_EQ(summary.overall.adaptive.acc02, 0.5);
  ASSERT_EQ(series.truth.size(), 3U);
  EXPECT_EQ(series.truth[0], 20) << "by the time of sending";
  EXPECT_EQ(series.truth[1], 10);
  ASSERT_EQ(summary.stages.size(), 2U);
  EXPECT_EQ(summary.stages[1].name, "busy");
  ASSERT_FALSE(summary.notes.empty());
  EXPECT_THAT(summary.notes[0], HasSubstr("was not made by `drst produce`"));
  EXPECT_THAT(summary.notes[0], HasSubstr("2 of 3 records"));
}

TEST_F(RunTraces, LateLabelsOfAnotherProducerFindTheirRecords) {
  log_.ensure_topic(labels_topic("t"), 1);
  for (int row = 1; row >= 0; --row)
    append("t", 0,
           R"({"id":"x-)" + std::to_string(row) + R"(","features":{"a":1},"send_ts":"2026-01-01T00:00:00Z"})",
           "x");
  append(labels_topic("t"), 0, encode_label("x-1", 7.0, clock_.now()), "x");
  RunFacts facts;
  const auto run = adopt_foreign_run(log_, store_, "t", facts, {});
  EXPECT_EQ(run.facts.run_id, "x") << "the only one";
  const auto truth = parse_npz(store_.get("results/truth/x.npz").value(), "truth");
  EXPECT_THAT(std::get<std::vector<std::string>>(truth.at("id").data), ElementsAre("x-0", "x-1"));
  const auto& labels = std::get<std::vector<double>>(truth.at("label").data);
  EXPECT_TRUE(std::isnan(labels[0]));
  EXPECT_EQ(labels[1], 7);
}

}  // namespace
}  // namespace drst
