#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "base/text.h"
#include "measure/latency.h"
#include "measure/rates.h"
#include "measure/wide.h"

namespace drst {
namespace {

constexpr const char* moongen =
    "Time,Device,Direction,PacketRate,Mbit,MbitWithFraming,TotalPackets,TotalBytes\n";

RateSeries rates(const std::string& text, FileDirt& dirt, const std::string& column = "auto") {
  RateOptions options;
  options.column = column;
  return read_rates(text, options, dirt);
}

std::vector<std::string> shown(const std::vector<double>& values) {  // NaN equals itself there
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (const double value : values) texts.push_back(to_text(value));
  return texts;
}
using Texts = std::vector<std::string>;

TEST(Rates, PreferMbitThenPacketRateThenThePlace) {
  FileDirt dirt;
  const std::string line = "1677157920,Device: id=0,TX,4.5,2509.25,3247.5,4613537,313722124\n";
  EXPECT_EQ(rates(moongen + line, dirt).rates, std::vector<double>{2509.25});
  EXPECT_EQ(rates(moongen + line, dirt, "MbitWithFraming").rates, std::vector<double>{3247.5});
  const auto other = rates("Time,Device,Direction,PacketRate\n1,d,TX,4.5\n", dirt);
  EXPECT_EQ(other.rates, std::vector<double>{4.5});
  EXPECT_EQ(other.column, "PacketRate");
  EXPECT_TRUE(other.fallback);
  const auto none = rates(line, dirt);
  EXPECT_EQ(none.rates, std::vector<double>{2509.25});
  EXPECT_EQ(none.column, "column 5");
  const auto wanted = rates(moongen + line, dirt, "Gbit");
  EXPECT_EQ(wanted.column, "Mbit");
  EXPECT_TRUE(wanted.fallback);
}

TEST(Rates, DevicesOfOneSecondAreSummed) {
  FileDirt dirt;
  const auto series = rates(std::string(moongen) +
                                "10,Device: id=0,TX,1,100.5,0,0,0\n10,Device: id=1,TX,1,50.25,0,0,0\n"
                                "11,Device: id=0,TX,1,1.5,0,0,0\n11,Device: id=0,TX,1,2.5,0,0,0\n",
                            dirt);
  EXPECT_EQ(series.rates, (std::vector<double>{150.75, 1.5, 2.5})) << "one device twice is two samples";
}

TEST(Rates, RaggedAndBackwardLinesAreCounted) {
  FileDirt dirt;
  const auto series = rates(
      std::string(moongen) + "12,d,TX,1,100.5,0,0,0\n11,d,TX,1,7.5,0,0,0\n13,d,TX,1,9.5,0\n14,d,TX,1,21",
      dirt);
  EXPECT_EQ(shown(series.rates), (Texts{"100.5", "7.5", "9.5", "nan"})) << "21 may have been 2109";
  EXPECT_EQ(dirt.count(Dirt::time_backwards), 1U);
  EXPECT_EQ(dirt.count(Dirt::ragged_row), 2U);
}

LatencySeries latency(const std::string& text, FileDirt& dirt, const std::string& unit = "auto") {
  LatencyOptions options;
  options.unit = unit;
  return read_latency(text, options, dirt);
}

TEST(Latency, IndexIsNeverTheLatency) {
  FileDirt dirt;
  const auto series = latency("1 15000000\r\n2 291497\r\n1000000000 13590\r\n", dirt);
  EXPECT_EQ(shown(series.values), (Texts{"nan", "291.497", "13.59"}));
  EXPECT_EQ(series.unit, "ns");
  EXPECT_EQ(series.reason, "the probe's time-out");
  EXPECT_EQ(dirt.count(Dirt::probe_time_out), 1U);
  EXPECT_EQ(latency("1757115319,10986\n", dirt).values, std::vector<double>{10.986});
}

TEST(Latency, TheUnitIsDecidedOfEachFile) {
  FileDirt dirt;
  EXPECT_EQ(latency("28412\n7000\n999\n", dirt).unit, "ns");
  EXPECT_EQ(latency("28.4\n7\n5.9\n", dirt).values, (std::vector<double>{28.4, 7, 5.9}));
  EXPECT_EQ(latency("latency\n28.4\n", dirt).values, std::vector<double>{28.4}) << "a header";
  EXPECT_EQ(latency("5\n", dirt, "ms").values, std::vector<double>{5000});
  EXPECT_EQ(latency("5000\n", dirt, "us").values, std::vector<double>{5000});
  EXPECT_EQ(latency("500\n", dirt, "ns").values, std::vector<double>{0.5});
  EXPECT_EQ(dirt.count(Dirt::bad_cell), 0U);
}

TEST(Latency, OddLinesKeepTheirRow) {
  FileDirt dirt;
  EXPECT_EQ(shown(latency("1 2000\n2 x\n3 4 5\n4 -7\n5 3000\n", dirt).values),
            (Texts{"2", "nan", "nan", "nan", "3"}));
  EXPECT_EQ(dirt.count(Dirt::bad_cell), 2U);
  EXPECT_EQ(dirt.count(Dirt::ragged_row), 1U);
}

TEST(Latency, ProbesOfWhichSeveralComeInASecond) {
  EXPECT_EQ(probes_per_row(90, 45), 2U);
  EXPECT_EQ(probes_per_row(87, 45), 2U) << "probing ended a little before";
  EXPECT_EQ(probes_per_row(46, 45), 1U);
  EXPECT_EQ(probes_per_row(68, 45), 1U) << "no multiple";
  EXPECT_EQ(probes_per_row(450, 45), 10U);
  EXPECT_EQ(probes_per_row(13, 1), 1U) << "too few rows to tell";
  EXPECT_EQ(probes_per_row(0, 45), 1U);
  EXPECT_EQ(last_of_each({1, 2, 3, 4, 5}, 2), (std::vector<double>{2, 4}));
  EXPECT_EQ(last_of_each({1, 2}, 1), (std::vector<double>{1, 2}));
}

TEST(Wrapped, ADifferenceModulo2To64) {
  FileDirt dirt;
  EXPECT_EQ(without_wrap(18446744073.71, true, 1e15, 1, dirt), 0) << "GB of PCM: below zero by rounding";
  EXPECT_TRUE(std::isnan(without_wrap(18446744073.62, true, 1e15, 2, dirt)));
  EXPECT_TRUE(std::isnan(without_wrap(3.9e16, true, 1e15, 3, dirt)));
  EXPECT_EQ(without_wrap(18446744073.0, false, 1e15, 4, dirt), 18446744073.0) << "a whole count";
  EXPECT_EQ(dirt.count(Dirt::wrapped_restored), 1U);
  EXPECT_EQ(dirt.count(Dirt::wrapped_missing), 2U);
}

TEST(Pcm, TwoHeaderRowsAreJoined) {
  FileDirt dirt;
  const auto series = read_pcm(
      "System,System,Socket 0,Socket 0,Socket 0,,\nDate,Time,EXEC,READ,EXEC,Odd,\n"
      "2024-03-05,09:30:53.152,0.18, 17800,1,2,\n2024-03-05,09:30:52.152,0.2,18446744073.71,N/A,,\n"
      "2024-03-05,09:30:54,0.3\n",
      {}, dirt);
  EXPECT_EQ(series.names, (Texts{"Socket 0-EXEC", "Socket 0-READ", "Socket 0-EXEC.1", "Odd"}));
  EXPECT_EQ(series.rows, 3U);
  EXPECT_EQ(shown(series.columns[0]), (Texts{"0.18", "0.2", "nan"})) << "0.3 may be cut";
  EXPECT_EQ(shown(series.columns[1]), (Texts{"17800", "0", "nan"}));
  EXPECT_EQ(shown(series.columns[2]), (Texts{"1", "nan", "nan"}));
  EXPECT_EQ(dirt.count(Dirt::wrapped_restored), 1U);
  EXPECT_EQ(dirt.count(Dirt::time_backwards), 1U);
  EXPECT_EQ(dirt.count(Dirt::ragged_row), 1U);
  EXPECT_EQ(dirt.count(Dirt::bad_cell), 0U);
}

TEST(Pcm, PcieBlocksAreUnfolded) {
  FileDirt dirt;
  const std::string block =
      "Skt,RFO,WiL\n0,1,2(Total)\n0,3,4(Miss)\n0,5,6(Hit)\n1,7,8(Total)\n1,9,10(Miss)\n1,11,12(Hit)\n";
  const auto series = read_pcm_pcie(block + block + "Skt,RFO,WiL\n0,1,2(Total)\n", {}, dirt);
  EXPECT_EQ(series.rows, 2U);
  EXPECT_EQ(series.names.size(), 12U);
  EXPECT_EQ(series.names.front(), "skt-0_RFO-total");
  EXPECT_EQ(series.names.back(), "skt-1_WiL-hit");
  EXPECT_EQ(series.columns.back(), (std::vector<double>{12, 12}));
  EXPECT_EQ(dirt.of(Dirt::incomplete_block).ranges.at(0).first, 16U);
  FileDirt closed;
  EXPECT_EQ(read_pcm_pcie(block + "Skt,RFO,WiL\n", {}, closed).rows, 1U);
  EXPECT_FALSE(closed.any()) << "the closing row is no dirt";
  EXPECT_EQ(read_pcm_pcie("Date,Time,Skt,RFO\n2025-09-10,00:30:46,0,5(Total)\n", {}, closed).names,
            Texts{"skt-0_RFO-total"});
  const auto plain = read_pcm_pcie("Skt,RFO,WiL\n0,1,2\n1,3,4\nSkt,RFO,WiL\n0,5,6\n1,7,8\n", {}, closed);
  EXPECT_EQ(plain.names.back(), "skt-1_WiL-total") << "without -e there are no misses and hits";
  EXPECT_EQ(plain.columns.back(), (std::vector<double>{4, 8}));
  EXPECT_FALSE(closed.any());
}

std::string nf(const std::string& vnf, int rx) {
  return vnf + ",2,3,4," + to_text(rx) + ",0,0,0,0,0,0,0,W,0,0,0,0,0,0,0,9\n";
}

TEST(Wide, AFewBytesDoNotBecomeManyCells) {
  std::string header;
  for (int i = 0; i < 2000; ++i) header += "a,";
  std::string text = header + "\n" + header + "\n";
  for (int i = 0; i < 50'000; ++i) text += "1\n";
  const auto cells = [](const WideSeries& series) { return series.rows * series.names.size(); };
  FileDirt dirt;
  EXPECT_LT(cells(read_pcm(text, {}, dirt)), 5 * text.size() + 100'000);
  EXPECT_EQ(dirt.count(Dirt::ragged_row), 50'000U) << "those that are left out, too";
  std::string many;
  for (int i = 0; i < 900; ++i) many += nf("v" + to_text(i), 1);
  for (int i = 0; i < 20'000; ++i) many += nf("v1", i);
  EXPECT_LT(cells(read_nf_out(many, {}, dirt)), 5 * many.size());
}

TEST(NfOut, AVnfThatComesAgainBeginsTheNextSecond) {
  FileDirt dirt;
  const auto series = read_nf_out(nf("router", 1) + nf("bridge", 2) + nf("bridge", 3) + nf("router", 4) +
                                      nf("firewall", 5) + nf("router", 6),
                                  {}, dirt);
  EXPECT_EQ(series.rows, 3U);
  EXPECT_EQ(series.names.size(), 3 * 17U);
  EXPECT_EQ(series.names[1], "router-rx_pps");
  EXPECT_EQ(shown(series.columns[1]), (Texts{"1", "4", "6"}));
  EXPECT_EQ(shown(series.columns[18]), (Texts{"2", "3", "nan"}));
  EXPECT_FALSE(dirt.any());
}

TEST(Lines, ByteOrderMarkBlankLinesAndNoNewline) {
  FileDirt dirt;
  Lines lines(
      "\xEF\xBB\xBF"
      "a\r\n\r\n  \nb",
      dirt, ConflictSide::ours);
  std::string_view line;
  ASSERT_TRUE(lines.next(line));
  EXPECT_EQ(line, "a");
  ASSERT_TRUE(lines.next(line));
  EXPECT_EQ(line, "b");
  EXPECT_EQ(lines.number(), 4U);
  EXPECT_TRUE(lines.unfinished());
  EXPECT_FALSE(lines.next(line));
  EXPECT_EQ(dirt.count(Dirt::bom), 1U);
  EXPECT_EQ(dirt.of(Dirt::crlf).ranges, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 2}}));
  FileDirt empty;
  Lines("", empty, ConflictSide::ours);
  EXPECT_EQ(empty.count(Dirt::empty_file), 1U);
}

TEST(Lines, OnlyGitsOwnMarksAreMarks) {
  FileDirt dirt;
  Lines lines("=======\n========\n<<<<<<< a\nx\n||||||| b\ny\n=======\nz\n>>>>>>> c\nw\n<<<<<<<x\n", dirt,
              ConflictSide::ours);
  std::string kept;
  for (std::string_view line; lines.next(line);) kept += std::string(line) + " ";
  EXPECT_EQ(kept, "======== x w <<<<<<<x ");
  EXPECT_EQ(dirt.count(Dirt::conflict_marker), 5U);
  EXPECT_EQ(dirt.count(Dirt::conflict_dropped), 2U);
}

/// Lines of any bytes add up: kept, blank, marks and dropped ones are all there are.
RC_GTEST_PROP(ReadersProperty, AnyBytesGiveRowsForLines, (const std::string& noise)) {
  FileDirt dirt;
  const auto lines = static_cast<std::size_t>(std::count(noise.begin(), noise.end(), '\n')) + 1;
  RC_ASSERT(read_latency(noise, {}, dirt).values.size() <= lines);
  RC_ASSERT(read_rates(noise, {}, dirt).rates.size() <= lines);
  for (const auto& series :
       {read_pcm(noise, {}, dirt), read_pcm_pcie(noise, {}, dirt), read_nf_out(noise, {}, dirt)}) {
    RC_ASSERT(series.rows <= lines);
    RC_ASSERT(series.names.size() == series.columns.size());
    for (const auto& column : series.columns) RC_ASSERT(column.size() == series.rows);
  }
}

}  // namespace
}  // namespace drst
