#include "ingest/stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "data.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

/// `rows` rows of two columns, value = row number.
void write_table(const fs::path& path, int rows) {
  std::string text = "output_rate,firewall_cycles\n";
  for (int r = 0; r < rows; ++r) text += to_text(r) + "," + to_text(10 * r) + "\n";
  write_file_atomic(path, text, Sync::no);
}

std::string words_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(RowRange, IsParsed) {
  const auto parsed = [](const std::string& text) { return to_text(parse_row_range(text)); };
  for (const auto* text :
       {"a.csv", "dir/a.csv:head=5", "a.csv:tail=1", "a.csv:rows=0-10", "a:b.csv", "c:a.csv:rows=3-4"})
    EXPECT_EQ(parsed(text), text);
  EXPECT_EQ(parse_row_range("a:b.csv").kind, RowRange::Kind::all);
  EXPECT_EQ(parse_row_range("c:a.csv:rows=3-4").b, 4u);
  for (const auto* bad :
       {"", ":head=5", "a:head=", "a:head=0", "a:head=-1", "a:head=x", "a:rows=5", "a:rows=5-5", "a:rows=7-5",
        "a:rows=-5", "a:rows=1-", "a:rows=1--2", "a:skip=3", "a:head=99999999999999999999"})
    EXPECT_THAT(words_of([&] { parse_row_range(bad); }), HasSubstr("write FILE")) << bad;
}

TEST(Stage, IsParsed) {
  const auto stage = parse_stage("dag-1=x=y.csv:tail=7");
  EXPECT_EQ(stage.name, "dag-1");
  EXPECT_EQ(to_text(stage.range), "x=y.csv:tail=7");
  for (const auto* bad : {"", "a.csv", "=a.csv", "na me=a.csv", "n=", "n=a:head=0"})
    EXPECT_THROW(parse_stage(bad), InputError) << bad;
}

TEST(LoadRange, TakesTheRows) {
  const TemporaryFolder folder;
  const std::string file = (folder.path() / "t.csv").string();
  write_table(file, 10);
  const auto rows = [&](const std::string& range) {
    const Table table = load_range(parse_row_range(file + range));
    const auto column = table.column("output_rate");
    return std::vector<double>(column.begin(), column.end());
  };
  EXPECT_EQ(rows("").size(), 10u);
  EXPECT_THAT(rows(":head=2"), ElementsAre(0, 1));
  EXPECT_THAT(rows(":tail=3"), ElementsAre(7, 8, 9));
  EXPECT_THAT(rows(":rows=4-6"), ElementsAre(4, 5));
  EXPECT_EQ(rows(":head=99").size(), 10u);
  EXPECT_EQ(rows(":tail=99").size(), 10u);
  EXPECT_THAT(words_of([&] { rows(":rows=8-11"); }), HasSubstr("only 2 of them exist"));
  EXPECT_THROW(rows(":rows=20-30"), InputError);
  write_table(file, 0);
  EXPECT_THAT(words_of([&] { rows(""); }), HasSubstr("t.csv"));
}

TEST(DefaultStream, TakesWhatTheFolderHas) {
  const TemporaryFolder folder;
  EXPECT_THAT(words_of([&] { default_stream(folder.path() / "none"); }), HasSubstr("no data folder"));
  EXPECT_THAT(words_of([&] { default_stream(folder.path()); }),
              HasSubstr("no combined.csv in " + folder.path().string() + " or "));
  write_table(folder.path() / "combined.csv", 500);
  EXPECT_THAT(words_of([&] { default_stream(folder.path()); }), HasSubstr("has 500 rows"));
  write_table(folder.path() / "combined.csv", 520);
  write_table(folder.path() / "random_rates.csv", 7);
  write_table(folder.path() / "stage2_resource_stimulus_global_A-B-C_modified.csv", 1001);
  write_table(folder.path() / "dag-2_b.csv", 3);
  write_table(folder.path() / "dag-2_a.csv", 4);
  const auto stream = default_stream(folder.path());
  EXPECT_EQ(load_range(stream.offline).rows(), 20u);
  std::vector<std::string> found;
  for (const auto& stage : stream.stages)
    found.push_back(stage.name + " " + to_text(load_range(stage.range).rows()));
  EXPECT_THAT(found, ElementsAre("stage0 500", "stage1 7", "stage2 1000", "dag-2 4"));
  EXPECT_EQ(load_range(stream.stages[0].range).column("output_rate")[0], 20);
}

TEST(LoadRange, KeepsTheLimitsOfTables) {
  const TemporaryFolder folder;
  write_table(folder.path() / "combined.csv", 10);
  TableSettings limits;
  limits.max_columns = 1;
  EXPECT_THAT(
      words_of([&] { load_range(parse_row_range((folder.path() / "combined.csv").string()), limits); }),
      HasSubstr("columns"));
  EXPECT_THAT(words_of([&] { default_stream(folder.path(), {.bridge_rows = 2}, limits); }),
              HasSubstr("columns"));
}

TEST(LoadRange, AProbesTimeOutIsNoMeasurement) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "t.csv";
  write_file_atomic(path, "output_rate,latency\n15000,15000\n2,15000.5\n3,7\n", Sync::no);
  const auto missing = [&](const TableSettings& settings) {
    const Table table = load_range({path, RowRange::Kind::all, 0, 0}, settings);
    std::string cells;
    for (const auto* name : {"output_rate", "latency"})
      for (const double value : table.column(std::string_view(name))) cells += std::isnan(value) ? '-' : 'x';
    return cells;
  };
  TableSettings settings;
  EXPECT_EQ(missing(settings), "xxx-xx");
  settings.time_out = 7;
  EXPECT_EQ(missing(settings), "xxxxx-");
  settings.time_out_column = "";
  EXPECT_EQ(missing(settings), "xxxxxx");
}

TEST(DefaultStream, IsCutAsSet) {
  const TemporaryFolder folder;
  write_table(folder.path() / "combined.csv", 100);
  write_table(folder.path() / "random_rates.csv", 70);
  const auto stream = default_stream(folder.path(), {.bridge_rows = 30, .stage_rows = 50});
  EXPECT_EQ(load_range(stream.offline).rows(), 70U);
  ASSERT_EQ(stream.stages.size(), 2U);
  EXPECT_EQ(load_range(stream.stages[0].range).rows(), 30U);
  EXPECT_EQ(load_range(stream.stages[0].range).column("output_rate")[0], 70);
  EXPECT_EQ(load_range(stream.stages[1].range).rows(), 50U);
}

TEST(DefaultStream, OfTheRealTables) {
  DRST_NEEDS_DATA(data);
  const auto stream = default_stream(data);  // the tables are in perf/
  std::vector<std::string> found;
  for (const auto& stage : stream.stages)
    found.push_back(stage.name + " " + to_text(load_range(stage.range).rows()));
  EXPECT_THAT(found, ElementsAre("stage0 500", "stage2 1000", "dag-1 1000"));
  EXPECT_EQ(load_range(stream.offline).rows(), 1290u);
  EXPECT_EQ(default_stream(data / "perf").stages.size(), 3u);
}

}  // namespace
}  // namespace drst
