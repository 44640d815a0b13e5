#include "collect/line_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/text.h"
#include "collect/followed_source.h"
#include "measure/perf_series.h"
#include "measure/wide.h"

namespace drst {
namespace {

using Texts = std::vector<std::string>;
using testing::ElementsAre;
using testing::HasSubstr;
constexpr std::int64_t second = 1'000'000'000;

/// A parser that is fed text at times, and what rows it made.
struct Fed {
  std::unique_ptr<LineParser> parser;
  std::vector<LineRow> rows;
  std::int64_t now = 0;

  explicit Fed(const SourceSpec& spec, const CollectSettings& settings = {})
      : parser(make_line_parser(spec, settings)) {}

  void at(double seconds) {
    now = static_cast<std::int64_t>(seconds * 1e9);
    parser->set_time(now);
    parser->settle();
    keep();
  }
  void begins(Begin how) {
    parser->begins(how);
    keep();
  }
  void feed(std::string_view text) {
    LineCutter cutter(1 << 20);
    cutter.feed(text, [&](std::string_view line) {
      parser->line(line);
      keep();
    });
  }
  void keep() {
    if (parser->newest().number > rows.size()) rows.push_back(parser->newest());
  }
  /// "1 nan; 2 3"
  [[nodiscard]] std::string shown() const {
    Texts lines;
    for (const auto& row : rows) {
      Texts cells;
      for (const double value : row.values) cells.push_back(to_text(value));
      lines.push_back(join(cells, " "));
    }
    return join(lines, "; ");
  }
};

SourceSpec spec_of(const std::string& type) {
  SourceSpec spec;
  spec.type = type;
  spec.vnf = type == "perf_stat" ? "fw" : "";
  spec.events = {"instructions", "cycles"};
  if (type != "perf_stat") spec.events.clear();
  spec.file = "x";
  return spec;
}

std::string perf(double time, const std::string& instructions, const std::string& cycles) {
  const std::string begin = to_fixed(time, 9);
  return begin + "," + instructions + ",,instructions,1000000000,50.00,,\n" + begin + "," + cycles +
         ",,cycles,1000000000,100.00,,\n";
}

TEST(LivePerf, ARowAnIntervalOnceTheNextBegins) {
  Fed fed(spec_of("perf_stat"));
  EXPECT_THAT(fed.parser->columns(), ElementsAre("fw_instructions", "fw_cycles"));
  EXPECT_TRUE(fed.parser->knows_columns());
  fed.begins(Begin::run);
  fed.feed("# started on Mon\n\n" + perf(1, "10", "20"));
  EXPECT_EQ(fed.shown(), "");
  fed.feed(perf(2, "30", "40") + perf(3, "50", "60"));
  EXPECT_EQ(fed.shown(), "10 20; 30 40");
  EXPECT_EQ(fed.rows[0].interval_s, 1) << "the times of -I count from the start";
  EXPECT_EQ(fed.rows[1].shares, (std::vector<double>{0.5, 1}));
}

TEST(LivePerf, ARowAlsoWhenNothingComesForAWhile) {
  Fed fed(spec_of("perf_stat"));
  fed.begins(Begin::run);
  fed.at(1);
  fed.feed(perf(1, "10", "20"));
  fed.at(1.2);
  EXPECT_EQ(fed.shown(), "");
  fed.at(1.31);
  EXPECT_EQ(fed.shown(), "10 20");
  EXPECT_EQ(fed.rows[0].came_ns, second) << "when its last line came, not when that was known";
  fed.at(1.9);
  EXPECT_EQ(fed.rows.size(), 1U);
}

TEST(LivePerf, ALineThatComesLateStillFindsItsInterval) {
  Fed fed(spec_of("perf_stat"));
  fed.begins(Begin::run);
  fed.feed("1.000000000,10,,instructions,1,100.00,,\n");
  fed.at(0.5);
  fed.feed("1.000000000,20,,cycles,1,100.00,,\n");
  fed.at(1);
  EXPECT_EQ(fed.shown(), "10 nan; 10 20");
  EXPECT_EQ(fed.rows[1].interval_s, 1);
}

TEST(LivePerf, AfterAGapThereIsNoRowWithoutAKnownBegin) {
  Fed fed(spec_of("perf_stat"));
  fed.begins(Begin::gap);
  fed.feed("7.000000000,20,,cycles,1,100.00,,\n" + perf(7.5, "1", "2") + perf(8, "3", "4") +
           perf(9, "5", "6"));
  EXPECT_EQ(fed.shown(), "1 2; 3 4");
  EXPECT_EQ(fed.rows[0].interval_s, 0.5);
}

TEST(LivePerf, ARotationGoesOnAndARestartBeginsAnew) {
  Fed fed(spec_of("perf_stat"));
  fed.begins(Begin::run);
  fed.feed(perf(1, "1", "2") + "2.000000000,3,,instructions,1,100.00,,\n");
  fed.begins(Begin::file);
  fed.feed("2.000000000,4,,cycles,1,100.00,,\n" + perf(3, "5", "6"));
  fed.begins(Begin::run);
  fed.feed(perf(0.5, "7", "8") + perf(1, "9", "9"));
  EXPECT_EQ(fed.shown(), "1 2; 3 4; 5 6; 7 8");
  EXPECT_EQ(fed.rows[3].interval_s, 0.5);
}

TEST(LivePerf, TimesThatGoBackHoldBackARow) {
  Fed fed(spec_of("perf_stat"));
  fed.begins(Begin::run);
  fed.feed(perf(5, "1", "2") + perf(1, "3", "4") + perf(2, "5", "6") + perf(3, "7", "8"));
  EXPECT_EQ(fed.shown(), "1 2; 5 6");
}

TEST(LivePerf, WithoutTimesAnEventThatComesAgainBeginsARow) {
  Fed fed(spec_of("perf_stat"));
  fed.begins(Begin::run);
  fed.feed("10,,instructions,1,100.00,,\n20,,cycles,1,100.00,,\n30,,instructions,1,100.00,,\n");
  EXPECT_EQ(fed.shown(), "10 20");
  EXPECT_TRUE(std::isnan(fed.rows[0].interval_s));
  fed.at(1);
  fed.feed("40,,cycles,1,100.00,,\n");
  fed.at(2);
  EXPECT_EQ(fed.shown(), "10 20; 30 nan; nan 40")
      << "without a time a line after a pause is another interval's";
}

TEST(LivePerf, JsonLines) {
  Fed fed(spec_of("perf_stat"));
  fed.begins(Begin::run);
  for (const char* time : {"1.0", "2.0", "3.0"})
    fed.feed(std::string("{\"interval\" : ") + time +
             ", \"counter-value\" : \"12.000000\", \"unit\" : \"\", \"event\" : \"instructions\", "
             "\"event-runtime\" : 1, \"pcnt-running\" : 25.00}\n");
  EXPECT_EQ(fed.shown(), "12 nan; 12 nan");
  EXPECT_EQ(fed.rows[0].shares[0], 0.25);
  EXPECT_THAT(fed.parser->words(), HasSubstr("no count of cycles"));
}

TEST(LivePerf, WhatPerfSaysOfItselfIsShown) {
  Fed fed(spec_of("perf_stat"));
  fed.begins(Begin::run);
  fed.feed("Error:\nNo permission to enable cycles event.\n");
  EXPECT_THAT(fed.parser->words(), HasSubstr("perf said: No permission to enable cycles event."));
  EXPECT_THAT(fed.parser->words(), HasSubstr("ragged_row"));
  fed.feed(perf(1, "<not supported>", "5") + perf(2, "1", "1"));
  EXPECT_THAT(fed.parser->words(), HasSubstr("no count of instructions"));
  EXPECT_THAT(fed.parser->words(), HasSubstr("not_supported 1"));
  EXPECT_THAT(fed.parser->words(), testing::Not(HasSubstr("perf said")));
}

TEST(LivePerf, IsWhatTheReaderOfRecordedFilesMakes) {
  std::string text;
  for (int i = 1; i <= 30; ++i)
    for (int cpu = 0; cpu < 3; ++cpu)
      for (const char* event : {"cycles", "instructions", "faults"})
        text += to_fixed(i, 9) + ",CPU" + to_text(cpu) + "," + to_text(i * 100 + cpu) + ",," + event +
                ",1000,50.00,,\n";
  Fed fed(spec_of("perf_stat"));
  fed.begins(Begin::run);
  fed.feed(text);
  fed.at(9);
  PerfOptions options;
  options.events = {"instructions", "cycles"};
  FileDirt dirt;
  const auto recorded = read_perf(text, options, dirt);
  ASSERT_EQ(fed.rows.size(), recorded.times.size());
  for (std::size_t i = 0; i < fed.rows.size(); ++i)
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_EQ(fed.rows[i].values[c], recorded.columns[c].counts[i]);
      EXPECT_EQ(fed.rows[i].shares[c], recorded.columns[c].shares[i]);
    }
}

const std::string pcm_head = "System,,System,Core0\nDate,Time,IPC,L3MISS\n";
std::string pcm(int at, const std::string& ipc, const std::string& misses) {
  return "2024-03-05,09:30:" + to_text(at) + "," + ipc + "," + misses + "\n";
}

TEST(LivePcm, TheHeaderIsThatOfTheFile) {
  Fed fed(spec_of("pcm"));
  EXPECT_FALSE(fed.parser->knows_columns());
  fed.parser->head("System,,System,Core0");
  fed.parser->head("Date,Time,IPC,L3MISS");
  fed.begins(Begin::gap);
  EXPECT_TRUE(fed.parser->knows_columns());
  EXPECT_THAT(fed.parser->columns(), ElementsAre("pcm_System-IPC", "pcm_Core0-L3MISS"));
  fed.feed(pcm(10, "1.5", "7") + pcm(11, "N/A", "8"));
  EXPECT_EQ(fed.shown(), "1.5 7; nan 8");
}

TEST(LivePcm, WantedColumnsAreKnownFromTheStart) {
  SourceSpec spec = spec_of("pcm");
  spec.name = "host";
  spec.columns = {"Core0-L3MISS", "Core9-L3MISS"};
  Fed fed(spec);
  EXPECT_TRUE(fed.parser->knows_columns());
  EXPECT_THAT(fed.parser->columns(), ElementsAre("host_Core0-L3MISS", "host_Core9-L3MISS"));
  fed.feed(pcm_head + pcm(10, "1.5", "7"));
  EXPECT_EQ(fed.shown(), "7 nan");
  EXPECT_THAT(fed.parser->words(), HasSubstr("not there: Core9-L3MISS"));
}

TEST(LivePcm, AnotherHeaderAddsColumnsAndMovesNone) {
  Fed fed(spec_of("pcm"));
  fed.feed(pcm_head + pcm(10, "1", "2") + "System,,Core0,Core0\nDate,Time,L3MISS,L2MISS\n" +
           pcm(11, "3", "4"));
  EXPECT_THAT(fed.parser->columns(), ElementsAre("pcm_System-IPC", "pcm_Core0-L3MISS", "pcm_Core0-L2MISS"));
  EXPECT_EQ(fed.shown(), "1 2; nan 3 4");
}

TEST(LivePcm, WordsBetweenAndAMissingHeaderAreNoColumns) {
  Fed fed(spec_of("pcm"));
  fed.feed(pcm(9, "1", "2"));
  EXPECT_THAT(fed.parser->words(), HasSubstr("no header seen yet"));
  fed.feed(pcm_head + pcm(10, "1", "2") + "Link 3 is disabled\nERROR, a, b, c\n" + pcm(11, "3", "4"));
  EXPECT_EQ(fed.shown(), "1 2; 3 4");
  EXPECT_EQ(fed.parser->columns().size(), 2U);
  EXPECT_THAT(fed.parser->words(), HasSubstr("ragged_row 2"));
}

std::string nf(const std::string& vnf, int pps) {
  return vnf + ",1,1,0," + to_text(pps) + ",2,3,4,5,6,7,0,W,1,0,0,0,0,0,0,0\n";
}

TEST(LiveNfOut, ASecondIsAllItsVnfs) {
  SourceSpec spec = spec_of("nf_out");
  spec.columns = {"fw-rx_pps", "br-rx_pps"};
  Fed fed(spec);
  fed.begins(Begin::run);
  fed.feed(nf("fw", 1) + nf("br", 2) + nf("fw", 3) + nf("br", 4));
  EXPECT_EQ(fed.shown(), "1 2");
  fed.at(1);
  EXPECT_EQ(fed.shown(), "1 2; 3 4");
  fed.feed(nf("br", 5));
  fed.at(2);
  EXPECT_EQ(fed.shown(), "1 2; 3 4; nan 5") << "after a pause it is another second";
}

TEST(LiveNfOut, ColumnsAreLearnedAndTheFirstSecondAfterAGapIsLeftOut) {
  Fed fed(spec_of("nf_out"));
  fed.begins(Begin::gap);
  fed.feed(nf("br", 0) + "rubbish,1,2\nfw,1,1,cut\n");
  EXPECT_FALSE(fed.parser->knows_columns());
  fed.at(1);
  fed.feed(nf("fw", 1) + nf("br", 2) + nf("fw", 3));
  EXPECT_TRUE(fed.parser->knows_columns());
  ASSERT_EQ(fed.rows.size(), 1U);
  EXPECT_EQ(fed.parser->columns()[0], "nf_out_fw-thread_info.core");
  EXPECT_EQ(fed.parser->columns().size(), 34U);
  EXPECT_EQ(fed.rows[0].values[1], 1);
  EXPECT_THAT(fed.parser->words(), HasSubstr("ragged_row 2"));
}

const std::string moongen_head =
    "Time,Device,Direction,PacketRate,Mbit,MbitWithFraming,TotalPackets,TotalBytes\n";
std::string rate(int time, int device, const std::string& mbit) {
  return to_text(time) + ",Device: id=" + to_text(device) + ",TX,1," + mbit + ",0,0,0\n";
}

TEST(LiveMoonGen, DevicesOfASecondAreSummed) {
  SourceSpec spec = spec_of("moongen");
  spec.name = "tx";
  Fed fed(spec);
  EXPECT_THAT(fed.parser->columns(), ElementsAre("tx_rate"));
  fed.begins(Begin::run);
  fed.feed(moongen_head + rate(10, 0, "1.5") + rate(10, 1, "2") + rate(11, 0, "4"));
  EXPECT_EQ(fed.shown(), "3.5");
  fed.at(1);
  EXPECT_EQ(fed.shown(), "3.5; 4");
  fed.feed(moongen_head + rate(10, 0, "7") + rate(11, 0, "8"));
  EXPECT_EQ(fed.shown(), "3.5; 4; 7");
  EXPECT_THAT(fed.parser->words(), HasSubstr("Mbit is taken"));
}

TEST(LiveMoonGen, TheHeadOfAnOldFileTellsTheColumnAndItsFirstSecondMayBeCut) {
  SourceSpec spec = spec_of("moongen");
  spec.column = "PacketRate";
  Fed fed(spec);
  fed.parser->head("Time,PacketRate,Device,Direction");
  fed.begins(Begin::gap);
  fed.feed("5,100,0,TX\n6,200,0,TX\n7,300,0,TX\n");
  EXPECT_EQ(fed.shown(), "200");
  EXPECT_EQ(fed.parser->words(), "");
}

TEST(LiveMoonGen, WithoutAHeaderTheUsualPlace) {
  SourceSpec spec = spec_of("moongen");
  spec.column = "Gbit";
  Fed fed(spec);
  fed.parser->head("1,Device: id=0,TX,1,9,0,0,0");
  fed.begins(Begin::run);
  fed.feed(rate(10, 0, "1.5") + "word\n" + rate(11, 0, "x") + rate(12, 0, "3"));
  EXPECT_EQ(fed.shown(), "1.5; nan");
  EXPECT_THAT(fed.parser->words(), HasSubstr("column 5 is taken"));
  EXPECT_THAT(fed.parser->words(), HasSubstr("bad_cell 1"));
}

TEST(LiveLatency, TheUnitIsToldByTheHeadOnceAndForAll) {
  Fed fed(spec_of("latency"));
  for (int i = 0; i < 8; ++i) fed.parser->head(to_text(i) + " 28000");
  fed.begins(Begin::gap);
  fed.feed("8 30000\n9 500\n10 15000000\n");
  EXPECT_EQ(fed.shown(), "30; 0.5; nan") << "500 are nanoseconds, too";
  EXPECT_THAT(fed.parser->words(), HasSubstr("unit ns, told by median 28000"));
  EXPECT_THAT(fed.parser->words(), HasSubstr("probe_time_out 1"));
}

TEST(LiveLatency, WithoutAHeadSomeProbesTellIt) {
  Fed fed(spec_of("latency"));
  fed.begins(Begin::run);
  fed.feed("latency\n30\n31\n32\n33\n");
  EXPECT_EQ(fed.shown(), "");
  EXPECT_THAT(fed.parser->words(), HasSubstr("not known"));
  fed.feed("34\n5000\nrubbish\n");
  EXPECT_EQ(fed.shown(), "34; 5000; nan") << "microseconds, though this one is large";
  EXPECT_THAT(fed.parser->words(), HasSubstr("bad_cell 1"));
}

TEST(LiveLatency, ATimeOutTellsItAtOnceAndAGivenUnitIsTaken) {
  Fed fed(spec_of("latency"));
  fed.begins(Begin::run);
  fed.feed("15000000\n2000\n");
  EXPECT_EQ(fed.shown(), "nan; 2");
  SourceSpec spec = spec_of("latency");
  spec.unit = "ms";
  Fed given(spec);
  given.feed("0.5\n");
  EXPECT_EQ(given.shown(), "500");
  EXPECT_EQ(given.parser->words(), "unit ms");
}

TEST(LiveParsers, OtherTypesAreRefused) {
  EXPECT_THROW((void)make_line_parser(spec_of("nic"), {}), InputError);
}

Tick tick(double seconds) {
  Tick at;
  at.now_ns = static_cast<std::int64_t>(seconds * 1e9);
  return at;
}
LineRow row(std::uint64_t number, double seconds) {
  LineRow made;
  made.number = number;
  made.came_ns = static_cast<std::int64_t>(seconds * 1e9);
  return made;
}

TEST(RowChoice, ARowCountsOnceMoreWhereNothingNewerCame) {
  RowChoice choice(1.5);
  EXPECT_FALSE(choice.gives(row(0, 0), tick(1)));
  EXPECT_TRUE(choice.gives(row(1, 0.95), tick(1)));
  EXPECT_TRUE(choice.gives(row(1, 0.95), tick(2)));
  EXPECT_FALSE(choice.gives(row(1, 0.95), tick(3)));
  EXPECT_TRUE(choice.gives(row(2, 3.9), tick(4)));
  EXPECT_FALSE(choice.gives(row(3, 4), tick(6))) << "too old before it was ever given";
  RowChoice patient(10);
  EXPECT_TRUE(patient.gives(row(1, 1), tick(1)));
  EXPECT_TRUE(patient.gives(row(1, 1), tick(2)));
  EXPECT_FALSE(patient.gives(row(1, 1), tick(3))) << "twice is enough";
}

}  // namespace
}  // namespace drst
