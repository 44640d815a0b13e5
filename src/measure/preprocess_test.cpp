#include "measure/preprocess.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "measure/subsets.h"
#include "table/csv.h"

namespace drst {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Preprocess : public ::testing::Test {
 protected:
  void put(const std::string& file, const std::string& text) {
    fs::create_directories((in() / file).parent_path());
    write_file_atomic(in() / file, text, Sync::no);
  }
  /// A bundle whose counters tell its number.
  void put_bundle(const std::string& folder, int number, std::size_t rows = 2) {
    for (const auto& vnf : ChainSchema{}.vnfs) {
      std::string text = "# started on x\n\n";
      for (std::size_t row = 0; row < rows; ++row)
        for (const auto& event : ChainSchema{}.events) {
          text.append("     ").append(to_fixed(static_cast<double>(row + 1), 9)).append(",");
          text.append(to_text(1000 * static_cast<std::size_t>(number) + row)).append(",,").append(event);
          text.append(",5,50.00,,\n");
        }
      put(join(std::vector{folder, vnf + ".csv"}, "/"), text);
    }
    const std::string head =
        "Time,Device,Direction,PacketRate,Mbit,MbitWithFraming,TotalPackets,TotalBytes\n";
    put(folder + "/tx_stats.csv", head + "1,d,TX,1,10,11,0,0\n2,d,TX,1,20,21,0,0\n3,d,TX,1,30,31,0,0\n");
    put(folder + "/rx_stats.csv", head + "1,d,RX,1,9,10,0,0\n");
    put(folder + "/latency.csv", "1 15000000\n2 7500\n");
  }
  PreprocessRequest request() {
    PreprocessRequest wanted;
    wanted.inputs = {in()};
    wanted.out = out();
    return wanted;
  }
  [[nodiscard]] fs::path in() const { return folder_.path() / "raw"; }
  [[nodiscard]] fs::path out() const { return folder_.path() / "out"; }
  nlohmann::json json(const std::string& file) { return nlohmann::json::parse(read_file(out() / file)); }

 private:
  TemporaryFolder folder_;
};

std::string refusal(const PreprocessRequest& request) {
  try {
    (void)preprocess(request);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(Preprocess, ATableAnExperimentAndOneAScenarioInNaturalOrder) {
  for (const int number : {10, 2, 1}) put_bundle("load/exp-" + to_text(number), number);
  put_bundle("other/deep/run", 5, 1);
  const auto result = preprocess(request());
  ASSERT_EQ(result.tables.size(), 2U);
  EXPECT_EQ(result.tables[0].file, "load.csv");
  EXPECT_EQ(result.tables[1].file, "other-deep.csv");
  const Table table = read_csv(out() / "load.csv");
  EXPECT_EQ(table.names(), ChainSchema{}.all_names());
  const auto column = table.column("bridge_LLC-loads");
  EXPECT_THAT(std::vector<double>(column.begin(), column.end()),
              ElementsAre(1000, 1001, 2000, 2001, 10000, 10001));
  EXPECT_THAT(table.experiment_starts(), ElementsAre(0U, 2U, 4U));
  EXPECT_EQ(table.at(1, 0), 20) << "input_rate, cut";
  EXPECT_TRUE(std::isnan(table.at(1, 1))) << "output_rate, padded";
  EXPECT_TRUE(std::isnan(table.at(0, 2))) << "the probe's time-out";
  EXPECT_EQ(table.at(1, 2), 7.5);
  EXPECT_EQ(read_csv(out() / "experiments/load/exp-2.csv").rows(), 2U);
  EXPECT_EQ(read_csv(out() / "load.quality.csv").column("firewall_cycles")[3], 0.5);
  EXPECT_EQ(result.dirt.dirt(), 0U);
  EXPECT_EQ(result.dirt.count(Dirt::probe_time_out), 4U);

  const auto provenance = json("load.provenance.json");
  EXPECT_EQ(provenance["rows"], 6);
  ASSERT_EQ(provenance["experiments"].size(), 3U);
  EXPECT_EQ(provenance["experiments"][2]["first_row"], 4);
  EXPECT_EQ(provenance["experiments"][2]["experiment"], "exp-10");
  EXPECT_EQ(provenance["experiments"][2]["latency"]["file_unit"], "ns");
  EXPECT_EQ(provenance["experiments"][2]["rates"]["input_rate"]["column"], "Mbit");
  EXPECT_EQ(provenance["experiments"][2]["lengths"]["input_rate"]["rows_dropped"], 1);
  EXPECT_EQ(provenance["experiments"][2]["anchor"]["series"], "firewall_instructions");
  EXPECT_EQ(json("preprocess.json")["tables"][0]["rows"], 6);
  for (const auto& entry : fs::directory_iterator(out()))
    EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << entry.path();
}

TEST_F(Preprocess, MissingPartsAreCountedAndTheAnchorFallsBack) {
  put_bundle("load/exp-1", 1);
  fs::remove(in() / "load/exp-1/firewall.csv");
  fs::remove(in() / "load/exp-1/rx_stats.csv");
  put("load/exp-1/nf_router.csv", "");
  put("load/exp-1/flow_tracker.csv", "     1.000000001,3,,cycles,5,50.00,,\n");
  put("load/exp-1/notes.csv", "a,b\n1,2\n");
  put("load/exp-1/.hidden.csv", "x");
  const auto result = preprocess(request());
  for (const auto kind : {Dirt::missing_vnf, Dirt::missing_file, Dirt::empty_file, Dirt::unknown_vnf}) {
    EXPECT_EQ(result.dirt.count(kind), 1U) << to_text(kind);
  }
  EXPECT_EQ(result.dirt.count(Dirt::ignored_file), 2U);
  const Table table = read_csv(out() / "load.csv");
  EXPECT_EQ(table.rows(), 3U) << "the input rate's";
  EXPECT_EQ(table.columns(), 63U);
  EXPECT_TRUE(std::isnan(table.column("firewall_cycles")[0]));
  const auto provenance = json("experiments/load/exp-1.provenance.json");
  EXPECT_EQ(provenance["anchor"]["series"], "input_rate");
  EXPECT_EQ(provenance["anchor"]["fallback"], true);
}

TEST_F(Preprocess, ExperimentsOfWhichNothingIsTakenAreNamed) {
  put("load/exp-1/firewall.csv", "     1.000000001,3,,task-clock,5,50.00,,\n");
  put_bundle("load/exp-2", 2);
  const auto result = preprocess(request());
  EXPECT_THAT(result.without_rows, ElementsAre("load/exp-1"));
  EXPECT_EQ(result.dirt.count(Dirt::missing_event), 12U);
  EXPECT_EQ(read_csv(out() / "load.csv").rows(), 2U);
  EXPECT_EQ(json("load.provenance.json")["experiments"].size(), 2U);
}

TEST_F(Preprocess, OtherChainsComeFromTheConfiguration) {
  put("run/tracker.csv", "     1.000000001,3,,cycles:u,5,50.00,,\n");
  auto wanted = request();
  wanted.settings.vnfs = {"tracker"};
  wanted.settings.events = {"cycles", "LLC-loads"};
  wanted.settings.anchor = "tracker_cycles";
  (void)preprocess(wanted);
  const Table table = read_csv(out() / "raw.csv");
  EXPECT_THAT(table.names(),
              ElementsAre("input_rate", "output_rate", "latency", "tracker_cycles", "tracker_LLC-loads"));
  EXPECT_EQ(table.column("tracker_cycles")[0], 3);
  EXPECT_EQ(json("experiments/raw/run.provenance.json")["events"]["tracker"]["cycles"][0], "cycles:u");
}

TEST_F(Preprocess, DuplicatesAreCountedAndLeftOutIfAsked) {
  put_bundle("load/exp-1", 1);
  put_bundle("load/exp-2", 1);
  put_bundle("load/exp-3", 3);
  auto wanted = request();
  EXPECT_EQ(preprocess(wanted).dirt.count(Dirt::duplicate_experiment), 1U);
  EXPECT_EQ(read_csv(out() / "load.csv").rows(), 6U);
  EXPECT_EQ(json("load.provenance.json")["experiments"][1]["duplicate_of"], "load/exp-1");
  wanted.overwrite = true;
  wanted.settings.duplicates = "drop";
  (void)preprocess(wanted);
  EXPECT_EQ(read_csv(out() / "load.csv").rows(), 4U);
}

TEST_F(Preprocess, StrictMakesNoTablesButTellsAll) {
  put_bundle("load/exp-1", 1);
  put("load/exp-1/latency.csv", "1 7500\r\n2 7600\r\n");
  auto wanted = request();
  wanted.strict = true;
  EXPECT_TRUE(preprocess(wanted).refused);
  EXPECT_FALSE(fs::exists(out() / "load.csv"));
  const auto files = json("dirt.json")["files"];
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0]["crlf"]["count"], 2);
  EXPECT_EQ(files[0]["crlf"]["lines"], nlohmann::json::parse("[[1,2]]"));
  put("load/exp-1/latency.csv", "1 7500\n2 15000000\n");
  EXPECT_FALSE(preprocess(wanted).refused) << "a time-out is no dirt";
  EXPECT_TRUE(fs::exists(out() / "load.csv"));
}

TEST_F(Preprocess, OnlyItsOwnTablesAreReplaced) {
  put_bundle("load/exp-1", 1);
  (void)preprocess(request());
  EXPECT_THAT(refusal(request()), HasSubstr("--overwrite"));
  write_file_atomic(out() / "mine.txt", "mine", Sync::no);
  put_bundle("mine.txt/exp-1", 2);  // its table would be mine.txt.csv: no clash
  auto wanted = request();
  wanted.overwrite = true;
  fs::remove_all(in() / "load");
  (void)preprocess(wanted);
  EXPECT_FALSE(fs::exists(out() / "load.csv")) << "of the earlier run";
  EXPECT_EQ(read_file(out() / "mine.txt"), "mine");
  put_bundle("somebodys/exp-1", 2);
  write_file_atomic(out() / "somebodys.csv", "theirs", Sync::no);
  EXPECT_THAT(refusal(wanted), HasSubstr("which no earlier run made"));
  EXPECT_EQ(read_file(out() / "somebodys.csv"), "theirs");
}

TEST_F(Preprocess, SubsetsAreTablesMore) {
  for (const char* name : {"exp-3-1-1", "exp-3-2-1", "exp-4-3-2", "exp1"})
    put_bundle("load/" + std::string(name), 1, 1);
  write_file_atomic(
      in() / "subsets.toml",
      "[A-B-C_modified]\nexperiments = [\"load/exp-?-[13]-*\", \"exp1\"]\nexclude = [\"exp-4-*\"]\n",
      Sync::no);
  auto wanted = request();
  wanted.subsets = in() / "subsets.toml";
  const auto result = preprocess(wanted);
  ASSERT_EQ(result.tables.size(), 2U);
  EXPECT_EQ(result.tables[1].file, "A-B-C_modified.csv");
  EXPECT_EQ(result.tables[1].experiments, 2U);
  const auto made = json("A-B-C_modified.provenance.json")["experiments"];
  EXPECT_EQ(made[0]["experiment"], "exp1");
  EXPECT_EQ(made[1]["experiment"], "exp-3-1-1");
  write_file_atomic(in() / "subsets.toml", "[a]\nexperiments = [\"load/exp9\"]\n", Sync::no);
  wanted.overwrite = true;
  EXPECT_THAT(refusal(wanted), HasSubstr("no experiment is named 'load/exp9'"));
  EXPECT_TRUE(fs::exists(out() / "A-B-C_modified.csv")) << "a failed run changes nothing";
}

TEST_F(Preprocess, ThreadsDoNotChangeTheResult) {
  for (int number = 1; number <= 12; ++number) put_bundle("load/exp-" + to_text(number), number);
  auto wanted = request();
  wanted.settings.threads = 1;
  (void)preprocess(wanted);
  const auto one = read_file(out() / "load.csv") + read_file(out() / "dirt.json") +
                   read_file(out() / "load.provenance.json");
  wanted.settings.threads = 7;
  wanted.overwrite = true;
  (void)preprocess(wanted);
  EXPECT_EQ(read_file(out() / "load.csv") + read_file(out() / "dirt.json") +
                read_file(out() / "load.provenance.json"),
            one);
}

TEST_F(Preprocess, PcmBundlesAreAlignedToTheShortest) {
  const std::string head = "System,System,Socket 0\nDate,Time,EXEC\n";
  for (const char* name : {"firewall", "rx", "tx"})
    put("pcm/one/" + std::string(name) + "-pcm.csv",
        head + "2024-03-05,09:30:53,1\n2024-03-05,09:30:54,2\n2024-03-05,09:30:55,3\n");
  put("pcm/one/pcm-memory.csv", ",,SKT0\nDate,Time,Ch0Read\n2024-03-05,09:30:53,1\n2024-03-05,09:30:54,2\n");
  put("pcm/one/nf_out.csv", "");
  put("pcm/one/latency.csv", "1 7500\n2 7600\n3 7700\n");
  put("pcm/one/latency_processed.csv", "latency\n1\n");
  put("pcm/two/pcm-memory.csv", ",,SKT0\nDate,Time,Ch1Read\n2024-03-05,09:30:53,7\n");
  auto wanted = request();
  wanted.kind = BundleKind::pcm;
  const auto result = preprocess(wanted);
  ASSERT_EQ(result.tables.size(), 1U);
  const Table all = read_csv(out() / "pcm_global.csv");
  EXPECT_THAT(all.names(),
              ElementsAre("latency", "firewall-pcm_Socket 0-EXEC", "pcm-memory_SKT0-Ch0Read",
                          "rx-pcm_Socket 0-EXEC", "tx-pcm_Socket 0-EXEC", "pcm-memory_SKT0-Ch1Read"));
  EXPECT_EQ(all.rows(), 3U);
  EXPECT_EQ(all.at(1, 0), 7.6);
  EXPECT_TRUE(std::isnan(all.at(2, 0)));
  EXPECT_EQ(all.at(2, 5), 7);
  EXPECT_EQ(json("experiments/pcm/one.provenance.json")["shortest"], "pcm-memory");
  EXPECT_EQ(result.dirt.count(Dirt::missing_vnf), 9U);
  EXPECT_EQ(result.dirt.count(Dirt::empty_file), 1U);
  EXPECT_EQ(result.dirt.count(Dirt::ignored_file), 1U);
}

TEST_F(Preprocess, WrongInputsAreRefusedWithWords) {
  fs::create_directories(in());
  EXPECT_THAT(refusal(request()), HasSubstr("no bundles found"));
  auto wanted = request();
  wanted.inputs = {in() / "nowhere"};
  EXPECT_THAT(refusal(wanted), HasSubstr("cannot be found"));
  put("a.txt", "x");
  wanted.inputs = {in() / "a.txt"};
  EXPECT_THAT(refusal(wanted), HasSubstr("neither a folder nor an archive"));
  put("a.tar.xz", "no archive");
  wanted.inputs = {in() / "a.tar.xz"};
  EXPECT_THAT(refusal(wanted), HasSubstr("a.tar.xz"));
}

TEST(Subsets, AreCheckedWithTheirLine) {
  const auto words = [](const std::string& text) {
    try {
      (void)parse_subsets(text, "s.toml");
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(words("x = 1\n"), HasSubstr("s.toml:1: 'x' must be a section"));
  EXPECT_THAT(words("\n[\"../x\"]\nexperiments = [\"a\"]\n"), HasSubstr("cannot name a table"));
  EXPECT_THAT(words("[x]\nexperiments = 3\n"), HasSubstr("s.toml:2: experiments must be a list"));
  EXPECT_THAT(words("[x]\nfiles = []\n"), HasSubstr("unknown key 'files'"));
  EXPECT_THAT(words("[x]\n"), HasSubstr("names no experiments"));
  EXPECT_THAT(words("[x\n"), HasSubstr("s.toml:1"));
}

TEST(Bundles, NaturalOrder) {
  std::vector<std::string> names = {"exp10", "exp-7-1-3", "exp2",  "exp-3-10-1",
                                    "exp1",  "exp-3-9-1", "exp02", "exp"};
  std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) { return natural_less(a, b); });
  EXPECT_THAT(names,
              ElementsAre("exp", "exp1", "exp02", "exp2", "exp10", "exp-3-9-1", "exp-3-10-1", "exp-7-1-3"));
  for (const auto& a : names)
    for (const auto& b : names)
      EXPECT_EQ(natural_less(a, b) + natural_less(b, a), a == b ? 0 : 1) << a << " " << b;
}

TEST(Bundles, NamesOfArchivesEntries) {
  EXPECT_EQ(safe_entry_name("./a//b.csv"), "a/b.csv");
  EXPECT_EQ(safe_entry_name("a\\b.csv"), "a/b.csv");
  for (const std::string name : {"../a", "a/../../b", "a/..", "/etc/x", "\\x", "C:\\x", "", ".", "a/\nb"})
    EXPECT_EQ(safe_entry_name(name), std::nullopt) << name;
  EXPECT_EQ(safe_entry_name(std::string(201, 'a')), std::nullopt);
  EXPECT_EQ(safe_entry_name("..a/b"), "..a/b");
}

}  // namespace
}  // namespace drst
