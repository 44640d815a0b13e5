#include "measure/perf_series.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <string>

#include "base/text.h"

namespace drst {
namespace {

PerfOptions wanting(std::vector<std::string> events) {
  PerfOptions options;
  options.events = std::move(events);
  return options;
}

PerfSeries read(const std::string& text, const PerfOptions& options = wanting({"instructions", "cycles"})) {
  FileDirt dirt;
  return read_perf(text, options, dirt);
}

TEST(Perf, ReadsTheLayoutOfThePublishedBundles) {
  FileDirt dirt;
  const auto series = read_perf(
      "# started on Thu Feb 23 14:12:00 2023\n\n"
      "     1.000550629,3509502737,,instructions,0.00%,50230775,11.16,3.83,insn per cycle\n"
      "     1.000550629,<not counted>,,cycles,0.00%,0,0.00,,\n"
      "     1.000550629,0.452375,,cpu-clock,0.00%,453978,100.00,0.000,CPUs utilized\n"
      "     2.001,10,,instructions,0.00%,50230775,11.00,3.83,insn per cycle\n"
      "     2.001,20,,cycles,0.00%,5,50.00,,\n",
      wanting({"instructions", "cycles"}), dirt);
  ASSERT_EQ(series.columns.size(), 2U);
  EXPECT_EQ(series.times, (std::vector<double>{1.000550629, 2.001}));
  EXPECT_EQ(series.columns[0].counts, (std::vector<double>{3509502737.0, 10}));
  EXPECT_DOUBLE_EQ(series.columns[0].shares[0], 0.1116);
  EXPECT_TRUE(std::isnan(series.columns[1].counts[0]));
  EXPECT_EQ(series.columns[1].shares, (std::vector<double>{0, 0.5}));
  EXPECT_EQ(series.columns[1].length, 2U);
  EXPECT_EQ(dirt.count(Dirt::not_counted), 1U);
  EXPECT_EQ(dirt.count(Dirt::ragged_row), 0U);
}

struct Layout {
  const char* what;
  std::string text;
};

class PerfLayout : public ::testing::TestWithParam<Layout> {};

TEST_P(PerfLayout, GivesTwoIntervalsOfBothEvents) {
  FileDirt dirt;
  const auto series = read_perf(GetParam().text, wanting({"instructions", "cycles"}), dirt);
  ASSERT_EQ(series.columns.size(), 2U);
  EXPECT_EQ(series.columns[0].counts, (std::vector<double>{3000, 5000}));
  EXPECT_EQ(series.columns[1].counts, (std::vector<double>{1000, 2000}));
  for (const auto kind : {Dirt::ragged_row, Dirt::bad_cell, Dirt::time_backwards, Dirt::duplicate_event})
    EXPECT_EQ(dirt.count(kind), 0U) << to_text(kind);
}

INSTANTIATE_TEST_SUITE_P(
    All, PerfLayout,
    ::testing::Values(
        Layout{"newest, metric columns",
               "     1.000000001,3000,,instructions,99,50.00,3.0,insn per cycle\n"
               "     1.000000001,1000,,cycles,99,50.00,2.9,GHz\n"
               "     2.000000001,5000,,instructions,99,50.00,3.0,insn per cycle\n"
               "     2.000000001,2000,,cycles,99,50.00,2.9,GHz\n"},
        Layout{"oldest, nothing behind the event",
               "1.000000001,3000,instructions\n1.000000001,1000,cycles\n"
               "2.000000001,5000,instructions\n2.000000001,2000,cycles\n"},
        Layout{"unit, no run time",
               "1.000000001,3000,,instructions\n1.000000001,1000,,cycles\n"
               "2.000000001,5000,,instructions\n2.000000001,2000,,cycles\n"},
        Layout{"semicolons",
               "     1.000000001;3000;;instructions;99;50.00;;\n     1.000000001;1000;;cycles;99;50.00;;\n"
               "     2.000000001;5000;;instructions;99;50.00;;\n     2.000000001;2000;;cycles;99;50.00;;\n"},
        Layout{"tabs",
               "     1.000000001\t3000\t\tinstructions\t99\t50.00\t\t\n"
               "     1.000000001\t1000\t\tcycles\t99\t50.00\t\t\n"
               "     2.000000001\t5000\t\tinstructions\t99\t50.00\t\t\n"
               "     2.000000001\t2000\t\tcycles\t99\t50.00\t\t\n"},
        Layout{"two characters",
               "     1.000000001::3000::::instructions::99::50.00::::\n"
               "     1.000000001::1000::::cycles::99::50.00::::\n"
               "     2.000000001::5000::::instructions::99::50.00::::\n"
               "     2.000000001::2000::::cycles::99::50.00::::\n"},
        Layout{"a line a CPU: summed",
               "     1.000000001,CPU0,1000,,instructions,99,50.00,,\n"
               "     1.000000001,CPU1,2000,,instructions,99,50.00,,\n"
               "     1.000000001,CPU0,400,,cycles,99,50.00,,\n"
               "     1.000000001,CPU1,600,,cycles,99,50.00,,\n"
               "     2.000000001,CPU0,4000,,instructions,99,50.00,,\n"
               "     2.000000001,CPU1,1000,,instructions,99,50.00,,\n"
               "     2.000000001,CPU0,2000,,cycles,99,50.00,,\n"
               "     2.000000001,CPU1,0,,cycles,99,50.00,,\n"},
        Layout{"a line a socket: summed",
               "     1.000000001,S0,8,1000,,instructions,99,50.00,,\n"
               "     1.000000001,S1,8,2000,,instructions,99,50.00,,\n"
               "     1.000000001,S0,8,400,,cycles,99,50.00,,\n"
               "     1.000000001,S1,8,600,,cycles,99,50.00,,\n"
               "     2.000000001,S0,8,4000,,instructions,99,50.00,,\n"
               "     2.000000001,S1,8,1000,,instructions,99,50.00,,\n"
               "     2.000000001,S0,8,2000,,cycles,99,50.00,,\n"
               "     2.000000001,S1,8,0,,cycles,99,50.00,,\n"},
        Layout{"without -I, two runs in one file",
               "3000,,instructions,99,50.00,,\n1000,,cycles,99,50.00,,\n"
               "5000,,instructions,99,50.00,,\n2000,,cycles,99,50.00,,\n"},
        Layout{"columns in another order: the largest number",
               "instructions,1.00,3000,1.000000001\ncycles,1.00,1000,1.000000001\n"
               "instructions,1.00,5000,2.000000001\ncycles,1.00,2000,2.000000001\n"},
        Layout{"blanks",
               "     1.000000001 3000  instructions 99 50.00 1 insn per cycle\n"
               "     1.000000001 1000  cycles 99 50.00 1 GHz\n"
               "     2.000000001 5000  instructions 99 50.00 1 insn per cycle\n"
               "     2.000000001 2000  cycles 99 50.00 1 GHz\n"},
        Layout{"an export's index and header",
               ",time,count,unit,event,running,share\n"
               "0,1.000000001,3000,,instructions,99,50.00\n1,1.000000001,1000,,cycles,99,50.00\n"
               "2,2.000000001,5000,,instructions,99,50.00\n3,2.000000001,2000,,cycles,99,50.00\n"},
        Layout{"whole seconds",
               "1,3000,,instructions,99,50.00\n1,1000,,cycles,99,50.00\n"
               "2,5000,,instructions,99,50.00\n2,2000,,cycles,99,50.00\n"},
        Layout{"modifiers, hybrid processor: summed",
               "     1.000000001,1000,,cpu_core/instructions/u,99,50.00,,\n"
               "     1.000000001,2000,,cpu_atom/instructions/u,99,50.00,,\n"
               "     1.000000001,1000,,cycles:u,99,50.00,,\n     1.000000001,77,,cycles:k,99,50.00,,\n"
               "     2.000000001,5000,,cpu_core/instructions/u,99,50.00,,\n"
               "     2.000000001,<not counted>,,cpu_atom/instructions/u,0,0.00,,\n"
               "     2.000000001,2000,,cycles:u,99,50.00,,\n     2.000000001,77,,cycles:k,99,50.00,,\n"},
        Layout{
            "JSON lines",
            R"({"interval" : 1.000000001, "counter-value" : "3000.000000", "unit" : "", "event" : "instructions", "event-runtime" : 1, "pcnt-running" : 50.00, "metric-value" : 1.0, "metric-unit" : "x"}
{"interval" : 1.000000001, "counter-value" : "1000.000000", "unit" : "", "event" : "cycles:u", "event-runtime" : 1, "pcnt-running" : 50}
{"interval" : 2.000000001, "counter-value" : "5000.000000", "unit" : "", "event" : "instructions", "event-runtime" : 1, "pcnt-running" : 50.00}
{"interval" : 2.000000001, "counter-value" : "2000.000000", "unit" : "", "event" : "cycles:u", "event-runtime" : 1, "pcnt-running" : 50.00}
)"},
        Layout{"JSON lines, a CPU each",
               R"({"interval" : 1.000000001, "cpu" : "0", "counter-value" : "1000", "event" : "instructions"}
{"interval" : 1.000000001, "cpu" : "1", "counter-value" : "2000", "event" : "instructions"}
{"interval" : 1.000000001, "cpu" : "0", "counter-value" : "1000", "event" : "cycles"}
{"interval" : 2.000000001, "cpu" : "0", "counter-value" : "5000", "event" : "instructions"}
{"interval" : 2.000000001, "cpu" : "0", "counter-value" : "2000", "event" : "cycles"}
)"}),
    [](const auto& layout) { return "Layout" + to_text(layout.index); });

TEST(Perf, KeepsPmusApartIfAsked) {
  auto options = wanting({"cycles"});
  options.hybrid = HybridPmus::apart;
  const auto series = read(
      "     1.000000001,100,,cpu_core/cycles/,99,50.00,,\n     "
      "1.000000001,200,,cpu_atom/cycles/,99,25.00,,\n",
      options);
  ASSERT_EQ(series.columns.size(), 2U);
  EXPECT_EQ(series.columns[0].event, "cpu_core/cycles/");
  EXPECT_EQ(series.columns[1].event, "cpu_atom/cycles/");
  EXPECT_EQ(series.columns[1].counts[0], 200);
  EXPECT_EQ(series.columns[1].shares[0], 0.25);
}

TEST(Perf, TheExactEventWinsOverItsVariants) {
  const auto series =
      read("     1.000000001,7,,cycles:u,99,50.00,,\n     1.000000001,9,,cycles,99,50.00,,\n");
  ASSERT_EQ(series.columns.size(), 1U);
  EXPECT_EQ(series.columns[0].counts[0], 9);
  EXPECT_EQ(series.left_out, std::vector<std::string>{"cycles:u"});
}

TEST(Perf, AWrappedCounterIsMissingAndCounted) {
  FileDirt dirt;
  const auto series = read_perf(
      "     1.000000001,18446744073709551600,,cycles,99,50.00,,\n     2.000000001,3.9e16,,cycles,99,50.00,,\n"
      "     3.000000001,18446744073,,cycles,99,50.00,,\n",
      wanting({"cycles"}), dirt);
  EXPECT_TRUE(std::isnan(series.columns[0].counts[0]));
  EXPECT_TRUE(std::isnan(series.columns[0].counts[1]));
  EXPECT_EQ(series.columns[0].counts[2], 18446744073.0) << "six cores do that in a second";
  EXPECT_EQ(dirt.of(Dirt::wrapped_missing).ranges,
            (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 2}}));
}

TEST(Perf, NeverTakesTheScaleForTheCount) {
  // A line of another shape whose count is 0 would have the time as its largest number; perf's own has not.
  const auto series = read("     1.000000001,0,,cycles,0.00%,99,100.00,1.07,GHz\n");
  EXPECT_EQ(series.columns.at(0).counts.at(0), 0);
}

TEST(Perf, CutLinesAreCountedAndKeepWhatTheyHave) {
  FileDirt dirt;
  const auto series = read_perf(
      "     1.000000001,3000,,instructions,99,50.00,,\n     1.000000001,1000,,cycles,99,50.00,,\n"
      "     2.000000001,5000,,instructions,99,50.00,,\n     2.000000001,20",
      wanting({"instructions", "cycles"}), dirt);
  EXPECT_EQ(dirt.count(Dirt::ragged_row), 1U);
  EXPECT_EQ(dirt.count(Dirt::no_final_newline), 1U);
  EXPECT_EQ(series.find("instructions")->counts.at(1), 5000);
  EXPECT_EQ(series.find("cycles")->length, 1U);
  EXPECT_TRUE(std::isnan(series.find("cycles")->counts.at(1)));
}

TEST(Perf, EventsThatComeLateDoNotFillTheMemory) {
  std::string text;
  for (int row = 0; row < 20'000; ++row) text += to_text(row + 1) + ".000000001,1,,cycles,9,50.00\n";
  for (int i = 0; i < 4000; ++i)
    text +=
        "20000.000000001,1,,cycles:" + std::string(static_cast<std::size_t>(i % 300 + 1), 'p') + ",9,50.00\n";
  FileDirt dirt;
  EXPECT_EQ(read_perf(text, wanting({"cycles"}), dirt).times.size(), 20'000U);
  EXPECT_GT(dirt.count(Dirt::ragged_row), 200U) << "20 000 cells each: not taken";
}

TEST(Perf, TimeThatGoesBackIsCountedAndARowAllTheSame) {
  FileDirt dirt;
  const auto series = read_perf(
      "     5.000000001,1,,cycles,9,50.00,,\n     1.000000001,2,,cycles,9,50.00,,\n     "
      "1.000000001,3,,cycles,9,50.00,,\n",
      wanting({"cycles"}), dirt);
  EXPECT_EQ(series.columns[0].counts, (std::vector<double>{1, 2}));
  EXPECT_EQ(dirt.count(Dirt::time_backwards), 1U);
  EXPECT_EQ(dirt.count(Dirt::duplicate_event), 1U);
}

TEST(Perf, OneSideOfAConflictIsRead) {
  const std::string text =
      "<<<<<<< HEAD\r\n# started\r\n     1.000000001,1,,cycles,9,50.00,,\r\n=======\r\n"
      "     1.000000001,2,,cycles,9,50.00,,\r\n>>>>>>> other\r\n     2.000000001,3,,cycles,9,50.00,,\r\n";
  FileDirt dirt;
  auto options = wanting({"cycles"});
  EXPECT_EQ(read_perf(text, options, dirt).columns[0].counts, (std::vector<double>{1, 3}));
  EXPECT_EQ(dirt.count(Dirt::conflict_marker), 3U);
  EXPECT_EQ(dirt.count(Dirt::conflict_dropped), 1U);
  EXPECT_EQ(dirt.count(Dirt::crlf), 7U);
  options.conflict = ConflictSide::theirs;
  EXPECT_EQ(read(text, options).columns[0].counts, (std::vector<double>{2, 3}));
}

TEST(Perf, SpellingsOfEvents) {
  const auto is = [](std::string_view text, std::string_view pmu, std::string_view event,
                     std::string_view more) {
    const auto parts = parse_event(text);
    EXPECT_EQ(parts.pmu, pmu) << text;
    EXPECT_EQ(parts.event, event) << text;
    EXPECT_EQ(parts.modifiers, more) << text;
  };
  is("cycles", "", "cycles", "");
  is("cycles:u", "", "cycles", "u");
  is("cycles:ppp", "", "cycles", "ppp");
  is("cpu_core/cycles/", "cpu_core", "cycles", "");
  is("cpu_core/L1-dcache-loads/uk", "cpu_core", "L1-dcache-loads", "uk");
  is("sched:sched_switch", "", "sched:sched_switch", "");
  is("cpu/event=0x3c", "", "cpu/event=0x3c", "");
}

/// What perf would print for these counts, and back.
RC_GTEST_PROP(PerfProperty, WhatIsPrintedIsReadBack, ()) {
  const auto rows = *rc::gen::inRange<std::size_t>(1, 8);
  const std::vector<std::string> events = {"instructions", "cycles", "LLC-loads"};
  const std::string separator = *rc::gen::element<std::string>(",", ";", "\t", "|", "::");
  const bool variance = *rc::gen::arbitrary<bool>();
  const bool crlf = *rc::gen::arbitrary<bool>();
  const std::string modifier = *rc::gen::element<std::string>("", ":u", ":k");
  std::vector<std::vector<double>> counts(events.size());
  std::vector<std::vector<double>> shares(events.size());
  std::string text = crlf ? "# started on x\r\n\r\n" : "# started on x\n\n";
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t e = 0; e < events.size(); ++e) {
      const auto count = *rc::gen::inRange<std::int64_t>(-1, std::int64_t{1} << 45);
      const auto per_cent = *rc::gen::inRange(1, 10001);
      counts[e].push_back(count < 0 ? std::nan("") : static_cast<double>(count));
      shares[e].push_back(count < 0 ? 0 : per_cent / 1e4);
      std::string fields = "     " + to_fixed(1.000123456 * static_cast<double>(row + 1), 9);
      const auto field = [&](const std::string& value) { fields.append(separator).append(value); };
      field(count < 0 ? std::string("<not counted>") : to_text(count));
      field("");
      field(events[e] + modifier);
      if (variance) field("0.00%");
      field("12345");
      field(count < 0 ? "0.00" : to_fixed(per_cent / 100.0, 2));
      field("");
      field("");
      text += fields + (crlf ? "\r\n" : "\n");
    }
  }
  FileDirt dirt;
  const auto series = read_perf(text, wanting(events), dirt);
  RC_ASSERT(series.columns.size() == events.size());
  RC_ASSERT(series.times.size() == rows);
  for (std::size_t e = 0; e < events.size(); ++e)
    for (std::size_t row = 0; row < rows; ++row) {
      const double count = series.columns[e].counts[row];
      RC_ASSERT((std::isnan(counts[e][row]) ? std::isnan(count) : count == counts[e][row]));
      RC_ASSERT(std::abs(series.columns[e].shares[row] - shares[e][row]) < 1e-9);
    }
  RC_ASSERT(dirt.count(Dirt::ragged_row) == 0U);
  RC_ASSERT(dirt.count(Dirt::crlf) == (crlf ? 2 + rows * events.size() : 0U));
}

/// Whatever the bytes, there is an answer whose columns are as long as its times.
RC_GTEST_PROP(PerfProperty, AnyBytesGiveEqualLengths, (const std::string& noise)) {
  const std::string text = "     1.000000001,3000,,cycles,99,50.00,,\n" + noise;
  FileDirt dirt;
  const auto series = read_perf(text, wanting({"cycles", "instructions"}), dirt);
  for (const auto& column : series.columns) {
    RC_ASSERT(column.counts.size() == series.times.size());
    RC_ASSERT(column.shares.size() == series.times.size());
    RC_ASSERT(column.length <= series.times.size());
  }
}

}  // namespace
}  // namespace drst
