#include "inference/trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "inference/test_world.h"
#include "table/npy.h"

namespace drst {
namespace {

using ::testing::HasSubstr;

TraceRow some_row(int64_t number) {
  TraceRow row;
  row.partition = static_cast<int32_t>(number % 3);
  row.offset = number / 3;
  row.row = number;
  row.id = make_id("run", number);
  row.ts = VirtualClock::default_epoch() + Duration(number);
  row.truth = number % 2 == 0 ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(number);
  row.pred_orig = 1.5F * static_cast<float>(number);
  row.pred_adj = 2.5F * static_cast<float>(number);
  row.release = "models/model_" + to_text(number / 10) + ".onnx";
  row.consumer = "infer-" + to_text(number % 2);
  row.imputed = static_cast<uint32_t>(number % 4);
  return row;
}

void expect_same(const TraceRow& a, const TraceRow& b) {
  EXPECT_EQ(a.status, b.status);
  EXPECT_EQ(a.partition, b.partition);
  EXPECT_EQ(a.offset, b.offset);
  EXPECT_EQ(a.row, b.row);
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.ts, b.ts);
  EXPECT_EQ(std::isnan(a.truth), std::isnan(b.truth));
  if (!std::isnan(a.truth)) {
    EXPECT_EQ(a.truth, b.truth);
  }
  EXPECT_EQ(a.pred_orig, b.pred_orig);
  EXPECT_EQ(a.pred_adj, b.pred_adj);
  EXPECT_EQ(a.release, b.release);
  EXPECT_EQ(a.consumer, b.consumer);
}

TEST(Trace, RowsReadBack) {
  std::vector<TraceRow> rows;
  rows.reserve(50);
  for (int i = 0; i < 50; ++i) rows.push_back(some_row(i));
  rows[7].status = TraceRow::Status::duplicate;
  rows[8].status = TraceRow::Status::dead_lettered;
  rows[8].id = "";
  const auto decoded = decode_trace(encode_trace(rows));
  ASSERT_TRUE(decoded) << decoded.error().reason;
  ASSERT_EQ(decoded->size(), rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    expect_same((*decoded)[i], rows[i]);
    EXPECT_EQ((*decoded)[i].imputed, rows[i].imputed);
  }
  EXPECT_TRUE(decode_trace(encode_trace({}))->empty());
}

TEST(Trace, EveryCutIsNoticed) {
  const auto whole = encode_trace({some_row(1), some_row(2), some_row(17)});
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_trace(whole.substr(0, size))) << size;
  EXPECT_FALSE(decode_trace(whole + "x"));
}

TEST(Trace, AFalseCountAllocatesNothingMuch) {
  auto bytes = encode_trace({some_row(1)});
  bytes.replace(4, 4, "\xff\xff\xff\xff");
  EXPECT_FALSE(decode_trace(bytes));
}

RC_GTEST_PROP(Trace, AnyBytesAreReadOrRefused, (const std::string& bytes)) {
  (void)decode_trace(bytes);
  (void)decode_trace("DRT1" + bytes);
  auto damaged = encode_trace({some_row(3), some_row(4)});
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
    damaged[static_cast<unsigned char>(bytes[i]) % damaged.size()] = bytes[i + 1];
  (void)decode_trace(damaged);
}

class TraceLog : public ::testing::Test {
 protected:
  TraceLog() { log.ensure_topic(trace_topic("t"), 3); }
  void append(int partition, const std::vector<TraceRow>& rows, const std::string& run = "run") {
    const NewRecord record{"", encode_trace(rows), {{std::string(run_id_header), run}}, {}};
    log.append(trace_topic("t"), partition, std::span(&record, 1));
  }
  VirtualClock clock;
  MemoryLog log{std::make_shared<MemoryLogDisk>(), clock};
};

TEST_F(TraceLog, TheFirstEntryForAnOffsetAndForAnIdWins) {
  auto first = some_row(0);
  auto again = first;
  again.pred_adj = 99;
  auto same_id = some_row(3);
  same_id.id = first.id;
  append(0, {first});
  append(0, {again, same_id, some_row(6)});
  auto duplicate = some_row(9);
  duplicate.status = TraceRow::Status::duplicate;
  auto dead = some_row(12);
  dead.status = TraceRow::Status::dead_lettered;
  append(0, {duplicate, dead});
  append(0, {dead});  // a zombie's
  append(1, {some_row(1)});
  append(1, {some_row(1)}, "other");
  const auto set = read_traces(log, "t", "run");
  ASSERT_EQ(set.rows.size(), 3u);
  EXPECT_EQ(set.rows[0].pred_adj, first.pred_adj);
  EXPECT_EQ(set.rows[1].row, 1);
  EXPECT_EQ(set.rows[2].row, 6);
  EXPECT_EQ(set.repeats, 3u);
  EXPECT_EQ(set.duplicates, 1u);
  EXPECT_EQ(set.dead_lettered, 1u);
  ASSERT_EQ(set.unpredicted.size(), 2u);
  EXPECT_EQ(set.unpredicted[0].row, 9);
  EXPECT_EQ(set.unpredicted[1].status, TraceRow::Status::dead_lettered);
}

/// Whoever else writes to the topic must not stop a partition for good.
TEST_F(TraceLog, AForeignRecordIsPassedOver) {
  append(2, {some_row(2)});
  const NewRecord foreign{"", "DRT1garbage", {{std::string(run_id_header), "run"}}, {}};
  log.append(trace_topic("t"), 2, std::span(&foreign, 1));
  append(2, {some_row(5)});
  EXPECT_EQ(read_traces(log, "t", "run").rows.size(), 2u);
}

TEST(TraceFiles, EachConsumersShareReadsBackInNumpysForm) {
  TraceSet set;
  for (int i = 0; i < 20; ++i) set.rows.push_back(some_row(i));
  MemoryStore store;
  write_trace_files(store, set);
  const std::string key = "results/infer-1_inference_trace.npz";
  const auto bytes = store.get(key);
  ASSERT_TRUE(bytes);
  const auto rows = read_trace_file(*bytes, key);
  ASSERT_EQ(rows.size(), 10u);
  for (std::size_t i = 0; i < rows.size(); ++i) expect_same(rows[i], set.rows[2 * i + 1]);
  const auto members = parse_npz(*bytes, key);
  for (const char* name :
       {"ts", "partition", "offset", "true", "pred_orig", "pred_adj", "id", "row", "release"})
    EXPECT_EQ(members.at(name).shape, std::vector<std::size_t>{10}) << name;
  EXPECT_TRUE(std::holds_alternative<std::vector<float>>(members.at("true").data));
  EXPECT_EQ(std::get<std::vector<std::string>>(members.at("releases").data).size(), 2u);
}

TEST(TraceFiles, RecordsWithoutAPredictionReadBack) {
  MemoryStore store;
  TraceSet set;
  write_trace_files(store, set);
  EXPECT_TRUE(read_unpredicted_file(*store.get(unpredicted_key), unpredicted_key).empty());
  set.unpredicted = {some_row(3), some_row(6)};
  set.unpredicted[0].status = TraceRow::Status::duplicate;
  set.unpredicted[1].status = TraceRow::Status::dead_lettered;
  set.unpredicted[1].id = "";
  write_trace_files(store, set);
  const auto bytes = store.get(unpredicted_key);
  ASSERT_TRUE(bytes);
  const auto rows = read_unpredicted_file(*bytes, unpredicted_key);
  ASSERT_EQ(rows.size(), 2u);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].status, set.unpredicted[i].status);
    EXPECT_EQ(rows[i].partition, set.unpredicted[i].partition);
    EXPECT_EQ(rows[i].offset, set.unpredicted[i].offset);
    EXPECT_EQ(rows[i].row, set.unpredicted[i].row);
    EXPECT_EQ(rows[i].id, set.unpredicted[i].id);
    EXPECT_EQ(rows[i].consumer, set.unpredicted[i].consumer);
  }
  auto members = parse_npz(*bytes, "good");
  members["status"] = Array::of(std::vector<int32_t>{0, 2});
  EXPECT_THROW(read_unpredicted_file(to_npz(members), "file.npz"), InputError);
  members["status"] = Array::of(std::vector<int32_t>{2});
  EXPECT_THROW(read_unpredicted_file(to_npz(members), "file.npz"), InputError);
}

TEST(TraceFiles, ForeignFilesAreRefusedByName) {
  const auto reason = [](const std::map<std::string, Array>& members) -> std::string {
    try {
      read_trace_file(to_npz(members), "file.npz");
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  TraceSet set;
  for (int i = 0; i < 4; ++i) set.rows.push_back(some_row(2 * i));
  MemoryStore store;
  write_trace_files(store, set);
  const auto good = parse_npz(*store.get(trace_file_key("infer-0")), "good");
  auto members = good;
  members.erase("row");
  EXPECT_THAT(reason(members), HasSubstr("file.npz: has no member 'row'"));
  members = good;
  members["true"] = Array::of(std::vector<float>{1});
  EXPECT_THAT(reason(members), HasSubstr("differ in length"));
  members = good;
  members["release"] = Array::of(std::vector<int32_t>{0, 0, 0, 7});
  EXPECT_THAT(reason(members), HasSubstr("names release 7 of 1"));
  members = good;
  members["ts"] = Array::of(std::vector<float>{1, 2, 3, 4});
  EXPECT_THAT(reason(members), HasSubstr("'ts' has another type"));
}

}  // namespace
}  // namespace drst
