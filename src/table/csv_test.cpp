#include "table/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <clocale>
#include <cmath>
#include <fstream>
#include <locale>

#include "base/error.h"
#include "base/files.h"
#include "data.h"
#include "table/settings.h"

namespace drst {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::NanSensitiveDoubleEq;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::string refusal(std::string_view text, const CsvOptions& options = {}) {
  try {
    parse_csv(text, "t.csv", options);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no InputError";
}

std::vector<double> column(const Table& table, std::string_view name) {
  const auto values = table.column(name);
  return {values.begin(), values.end()};
}

MATCHER_P(Same, expected, "the same numbers, NaN equal to NaN") {
  return std::equal(arg.begin(), arg.end(), expected.begin(), expected.end(),
                    [](double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); });
}
auto numbers(std::vector<double> values) { return Same(std::move(values)); }

TEST(Csv, ReadsNamesAndNumbers) {
  const Table table = parse_csv("a,b\n1,2.5\n-3,4e2\n", "t.csv");
  EXPECT_THAT(table.names(), ElementsAre("a", "b"));
  EXPECT_THAT(column(table, "a"), ElementsAre(1, -3));
  EXPECT_THAT(column(table, "b"), ElementsAre(2.5, 400));
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0));
}

TEST(Csv, BomCrlfBlankLinesAndAMissingFinalNewline) {
  CsvReport report;
  const Table table = parse_csv("\xEF\xBB\xBF\r\na,b\r\n\r\n1,2\r\n  \r\n3,4", "t.csv", {}, &report);
  EXPECT_THAT(table.names(), ElementsAre("a", "b"));
  EXPECT_THAT(column(table, "b"), ElementsAre(2, 4));
  EXPECT_TRUE(report.had_bom);
  EXPECT_TRUE(report.had_crlf);
  EXPECT_EQ(report.missing_cells, 0U);
}

TEST(Csv, ACarriageReturnAtTheVeryEnd) {
  EXPECT_THAT(column(parse_csv("a\r\n1\r\n2\r", "t.csv"), "a"), ElementsAre(1, 2));
}

TEST(Csv, EveryWayToSayMissing) {
  CsvReport report;
  const Table table =
      parse_csv("a,b\n,1\n ,1\n<not counted>,1\n<not supported>,1\nnan,1\nNaN,1\nNA,1\nnull,1\n\"\",1\n5,\n",
                "t.csv", {}, &report);
  EXPECT_THAT(column(table, "a"), numbers({nan, nan, nan, nan, nan, nan, nan, nan, nan, 5}));
  EXPECT_TRUE(std::isnan(table.column("b")[9]));
  EXPECT_EQ(report.missing_cells, 10U);
  EXPECT_THAT(report.notes, IsEmpty()) << "missing cells are counted, not told one by one";
}

TEST(Csv, BlanksAroundNumbers) {
  EXPECT_THAT(column(parse_csv("a, b \n1,14.167 \n2,\t 7\n", "t.csv"), "b"), ElementsAre(14.167, 7));
}

TEST(Csv, QuotedFields) {
  const Table table = parse_csv("\"a,1\",\"b\"\"q\"\"\",\"two\nlines\"\n\"1\", \"2\" ,\" 3 \"\n", "t.csv");
  EXPECT_THAT(table.names(), ElementsAre("a,1", "b\"q\"", "two\nlines"));
  EXPECT_EQ(table.at(0, 0), 1);
  EXPECT_EQ(table.at(0, 1), 2);
  EXPECT_EQ(table.at(0, 2), 3);
}

TEST(Csv, LinesAreCountedThroughQuotedLineEnds) {
  EXPECT_THAT(refusal("a,b\n\"1\n\n\",2\n"), HasSubstr("t.csv:2:"));
  EXPECT_THAT(refusal("\"a\nb\",c\n1,2\nx,4\n"), HasSubstr("t.csv:4: column 'a?b': 'x'"));
}

TEST(Csv, AnUnclosedQuote) {
  EXPECT_THAT(refusal("a,b\n1,\"2\n3,4\n"), HasSubstr("t.csv:2: a quote is opened here and never closed"));
  CsvOptions lenient;
  lenient.lenient = true;
  CsvReport report;
  const Table table = parse_csv("a,b\n1,\"2\n3,4\n", "t.csv", lenient, &report);
  EXPECT_THAT(column(table, "a"), ElementsAre(1, 3)) << "one stray quote must not swallow the rows after it";
  EXPECT_EQ(report.bad_cells, 1U);
}

TEST(Csv, TextAfterAClosingQuoteIsNoNumber) {
  EXPECT_THAT(refusal("a\n\"1\"2\n"), HasSubstr("is not a number"));
}

TEST(Csv, TextIsRefusedWithPlaceAndColumn) {
  const auto message = refusal("x,rate\n1,2\n3,fast\n");
  EXPECT_THAT(message, HasSubstr("t.csv:3: column 'rate': 'fast' is not a number"));
  for (const char* text :
       {"1.2.3", "0x10", "1e", "--1", "+-1", "1,5", "1_000", "12abc", "infinite", "1 2", "-", "."})
    EXPECT_THAT(refusal("rate\n" + ("\"" + std::string(text) + "\"") + "\n"), HasSubstr("is not a number"))
        << text;
}

TEST(Csv, LenientCountsTextAndRaggedRows) {
  CsvOptions lenient;
  lenient.lenient = true;
  CsvReport report;
  const Table table = parse_csv("a,b\n1,x\n2\n3,4,5\n<<<<<<< HEAD\n6,7\n", "t.csv", lenient, &report);
  EXPECT_THAT(column(table, "a"), numbers({1, 2, 3, nan, 6}));
  EXPECT_THAT(column(table, "b"), numbers({nan, nan, 4, nan, 7}));
  EXPECT_EQ(report.bad_cells, 2U);
  EXPECT_EQ(report.ragged_rows, 3U);
  EXPECT_THAT(report.notes.front(), HasSubstr("t.csv:2: column 'b': 'x'"));
}

TEST(Csv, NotesAreBounded) {
  CsvOptions lenient;
  lenient.lenient = true;
  std::string text = "a\n";
  for (int i = 0; i < 1000; ++i) text += "x\n";
  CsvReport report;
  parse_csv(text, "t.csv", lenient, &report);
  EXPECT_EQ(report.bad_cells, 1000U);
  EXPECT_EQ(report.notes.size(), 20U);
}

TEST(Csv, RaggedRowsAreRefused) {
  EXPECT_THAT(refusal("a,b\n1,2\n3\n"), HasSubstr("t.csv:3: 1 fields where the header has 2"));
  EXPECT_THAT(refusal("a,b\n1,2,3\n"), HasSubstr("t.csv:2: 3 fields"));
}

TEST(Csv, EmptyFilesAndHeaderOnly) {
  for (const char* text : {"", "\n\n", "\xEF\xBB\xBF", "  \r\n"})
    EXPECT_THAT(refusal(text), HasSubstr("t.csv: the file is empty"));
  const Table table = parse_csv("a,b", "t.csv");
  EXPECT_EQ(table.rows(), 0U);
  EXPECT_EQ(table.columns(), 2U);
  EXPECT_THAT(table.experiment_starts(), IsEmpty());
}

TEST(Csv, AFileWithoutAHeaderIsNotRead) {
  EXPECT_THAT(refusal("1,2.5\n3,4\n"), AllOf(HasSubstr("t.csv:1:"), HasSubstr("header")));
  EXPECT_THAT(refusal("7,,<not counted>\n3,4,5\n"), HasSubstr("header"));
  EXPECT_THAT(refusal(",0.5,1e9\n0,3,4\n"), HasSubstr("header"));
  EXPECT_THAT(parse_csv("1,b\n3,4\n", "t.csv").names(), ElementsAre("1", "b")) << "one name will do";
  EXPECT_THAT(parse_csv("nan\n3\n", "t.csv").names(), ElementsAre("nan"));
}

TEST(Csv, LinesThatEndInACarriageReturnOnly) {
  EXPECT_THAT(refusal("a,b\r1,2\r3,4\r"), AllOf(HasSubstr("t.csv:1:"), HasSubstr("carriage return")));
  EXPECT_THAT(refusal("a\r1\r2"), HasSubstr("carriage return"));
}

TEST(Csv, HeadersThatCannotBe) {
  EXPECT_THAT(refusal("a,b,a\n"), HasSubstr("columns 1 and 3 are both named 'a'"));
  EXPECT_THAT(refusal(",\n1,2\n"), HasSubstr("no column has a name"));
  EXPECT_THAT(refusal(std::string("\xFF\xFE\x61\x00", 4)), HasSubstr("UTF-16"));
  CsvOptions semicolon;
  semicolon.separator = '"';
  EXPECT_THAT(refusal("a\n", semicolon), HasSubstr("cannot separate"));
}

TEST(Csv, NumbersBeyondFloat64) {
  CsvReport report;
  const Table table = parse_csv(
      "a\n1e400\n-1e400\n1e-400\n-1e-400\ninf\n-Infinity\n1e99999999999999999999\n"
      "1e-99999999999999999999\n" +
          std::string(400, '9') + "\n0." + std::string(400, '0') +
          "1\n"
          "1.7976931348623157e308\n4.9e-324\n0e400\n" +
          std::string(400, '9') + "e-300\n",
      "t.csv", {}, &report);
  EXPECT_THAT(column(table, "a"),
              numbers({nan, nan, 0, 0, nan, nan, nan, 0, nan, 0, 1.7976931348623157e308, 5e-324, 0, 1e100}));
  EXPECT_EQ(report.infinite_cells, 6U);
  EXPECT_THAT(report.notes.front(), HasSubstr("t.csv:2: column 'a': '1e400' is infinite"));
  EXPECT_TRUE(std::signbit(table.at(3, 0)));
}

TEST(Csv, TheIndexMarksExperiments) {
  for (const std::string name : {"", "Unnamed: 0", "\"\""}) {
    CsvReport report;
    const Table table =
        parse_csv(name + ",a\n0,1\n1,2\n0,3\n1,4\n2,5\n9,6\n10,7\n,8\n0,9\n", "t.csv", {}, &report);
    EXPECT_THAT(table.names(), ElementsAre("a"));
    EXPECT_THAT(table.experiment_starts(), ElementsAre(0, 2, 5))
        << "restart, gap, and nothing known at the blank";
    EXPECT_EQ(report.index_column, "Unnamed: 0");
  }
}

TEST(Csv, AnIndexOfAnIndexMarksThemToo) {
  const Table table = parse_csv("Unnamed: 0.1,Unnamed: 0,a\n0,0,1\n1,1,2\n2,0,3\n", "t.csv");
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0, 2));
  EXPECT_EQ(table.columns(), 1U);
}

TEST(Csv, ASeparatorAtTheEndOfEachLineIsNoColumn) {
  CsvReport report;
  const Table table = parse_csv("a,b,\n1,2,\n3,4,\n", "t.csv", {}, &report);
  EXPECT_THAT(table.names(), ElementsAre("a", "b"));
  EXPECT_EQ(report.missing_cells, 0U);
  EXPECT_THAT(report.notes.front(), HasSubstr("column 3 has neither name nor values"));
  EXPECT_THAT(parse_csv("a,,b\n1,2,3\n", "t.csv").names(), ElementsAre("a", "Unnamed: 1", "b"));
}

TEST(Csv, RowRanges) {
  const std::string text = ",a\n0,1\n1,2\n\n0,\"3\"\n1,4\n2,5\n";
  CsvOptions options;
  options.row_begin = 1;
  options.row_end = 4;
  const Table table = parse_csv(text, "t.csv", options);
  EXPECT_THAT(column(table, "a"), ElementsAre(2, 3, 4));
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0, 1));
  options.row_end = 100;
  EXPECT_EQ(parse_csv(text, "t.csv", options).rows(), 4U);
  options.row_begin = 50;
  EXPECT_EQ(parse_csv(text, "t.csv", options).rows(), 0U);
  options.row_begin = 3;
  options.row_end = 2;
  EXPECT_EQ(parse_csv(text, "t.csv", options).rows(), 0U);
}

TEST(Csv, RowsOutsideTheRangeAreNotLookedAt) {
  CsvOptions options;
  options.row_begin = 1;
  options.row_end = 2;
  EXPECT_THAT(column(parse_csv("a\n\"x\ny\"\n2\nz\n", "t.csv", options), "a"), ElementsAre(2));
}

TEST(Csv, OtherSeparators) {
  CsvOptions options;
  options.separator = ';';
  EXPECT_THAT(column(parse_csv("a;b\n1;2\n", "t.csv", options), "b"), ElementsAre(2));
  options.separator = '\t';
  EXPECT_THAT(column(parse_csv("a\tb\n\t2\n", "t.csv", options), "a"), numbers({nan}));
}

TEST(Csv, LimitsHold) {
  CsvOptions options;
  options.max_columns = 2;
  EXPECT_THAT(refusal("a,b,c\n", options), HasSubstr("more than 2 columns"));
  options = {};
  options.max_bytes = 3;
  EXPECT_THAT(refusal("a\n1\n", options), HasSubstr("4 bytes; at most 3"));
  options = {};
  options.max_cells = 2;
  EXPECT_THAT(refusal("a\n1\n2\n3\n", options), HasSubstr("t.csv:4: the table has more than 2 cells"));
}

struct DecimalComma final : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

TEST(Csv, AForeignLocaleChangesNothing) {
  const std::string before = std::setlocale(LC_ALL, nullptr);
  const std::locale old = std::locale::global(std::locale(std::locale::classic(), new DecimalComma));
  std::setlocale(LC_ALL, "de_DE.UTF-8");  // C's own locale too, where a German one is installed
  const Table table = parse_csv("a\n0.5\n1234567890123456789012.5\n", "t.csv");
  const auto text = to_csv(table);
  std::locale::global(old);
  std::setlocale(LC_ALL, before.c_str());
  EXPECT_EQ(table.at(0, 0), 0.5);
  EXPECT_EQ(table.at(1, 0), 1234567890123456789012.5);
  EXPECT_EQ(text, ",a\n0,0.5\n1,1234567890123456774144\n");
}

TEST(Csv, WritesWhatItReads) {
  const std::string text = ",a,\"b,c\"\n0,1,\n1,0.1,3\n0,-0,1e-07\n";
  EXPECT_EQ(to_csv(parse_csv(text, "t.csv")), text);
  const Table lone = parse_csv("a\nnan\n1\n", "t.csv");
  EXPECT_EQ(to_csv(lone, false), "a\nnan\n1\n") << "a blank line would be skipped";
}

TEST(Csv, FilesAreNamedInErrors) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "x.csv";
  EXPECT_THROW(read_csv(path), InputError);
  EXPECT_THROW(read_csv(folder.path()), InputError);
  std::ofstream(path) << "a\nb\n";
  try {
    read_csv(path);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr((path.string() + ":2: column 'a'")));
  }
  write_csv(path, parse_csv("a\n1\n", "t.csv"));
  EXPECT_EQ(read_csv(path).at(0, 0), 1);
  std::ofstream(path, std::ios::trunc).flush();
  EXPECT_THROW(read_csv(path), InputError) << "an empty file cannot be mapped, and says so like any other";
}

TEST(Csv, ManyRowsCrossTheBlocks) {
  std::string text = ",a,b,c\n";
  constexpr int rows = 20'000;
  for (int i = 0; i < rows; ++i) {
    const double cells[] = {i + 0.25, -i * 1e9, i % 7 == 0 ? nan : 1.0 / (i + 1)};
    append_csv_row(text, cells, static_cast<std::size_t>(i % 179));
  }
  const Table table = parse_csv(text, "t.csv");
  ASSERT_EQ(table.rows(), static_cast<std::size_t>(rows));
  EXPECT_EQ(table.experiment_starts().size(), 112U);
  for (std::size_t i = 0; i < rows; ++i) {
    ASSERT_EQ(table.at(i, 0), static_cast<double>(i) + 0.25);
    ASSERT_EQ(table.at(i, 1), -static_cast<double>(i) * 1e9);
    ASSERT_EQ(std::isnan(table.at(i, 2)), i % 7 == 0);
  }
}

TEST(TableSettings, BecomeOptions) {
  TableSettings settings;
  Settings all;
  all.add("table", settings);
  all.set("table.max_columns=7");
  all.set("table.max_file_mib=2");
  EXPECT_EQ(settings.csv_options().max_columns, 7U);
  EXPECT_EQ(settings.csv_options().max_bytes, 2U << 20);
}

TEST(Csv, ThePublishedTables) {
  DRST_NEEDS_DATA(data);
  CsvReport report;
  const Table combined = read_csv(data / "perf" / "combined.csv", {}, &report);
  EXPECT_EQ(combined.rows(), 1790U);
  EXPECT_EQ(combined.columns(), 63U);
  EXPECT_EQ(combined.experiment_starts().size(), 10U);
  EXPECT_EQ(combined.experiment_starts()[1], 179U);
  EXPECT_EQ(report.missing_cells, 36U);
  EXPECT_EQ(combined.column("input_rate")[0], 187.22433313947);
  EXPECT_EQ(combined.column("firewall_instructions")[1], 11239436842.0);
  for (const auto& name : ChainSchema().all_names()) EXPECT_TRUE(combined.find(name)) << name;

  const Table stage2 = read_csv(data / "perf" / "resource_stimulus_global_A-B-C_modified.csv", {}, &report);
  EXPECT_EQ(stage2.rows(), 2284U);
  EXPECT_EQ(stage2.experiment_starts().size(), 50U);
  EXPECT_GT(report.missing_cells, 0U) << "its latency column holds ' '";
  const Table dag = read_csv(data / "perf" / "dag-1_resource_stimulus_global_A-B-C.csv", {}, &report);
  EXPECT_EQ(dag.rows(), 2229U);
  EXPECT_EQ(dag.experiment_starts().size(), 49U);
  EXPECT_EQ(report.index_column, "Unnamed: 0");
}

}  // namespace
}  // namespace drst
