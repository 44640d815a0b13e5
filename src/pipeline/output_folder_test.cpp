#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "pipeline/run.h"
#include "store/store.h"

namespace drst {
namespace {

namespace fs = std::filesystem;

/// A run that is made in `out` and holds `text`, whether it comes to its end or not.
void make_run(const fs::path& out, const std::string& text, bool finished, bool overwrite = false) {
  OutputFolder folder(out, overwrite);
  write_file_atomic(folder.unfinished() / "summary.json", text);
  make_folders(folder.unfinished() / "store");
  write_file_atomic(folder.unfinished() / "store" / "object", text);
  if (finished) folder.take_place();
}

TEST(OutputFolder, RefusesARunThatIsThereAndKeepsWhatIsNotItsOwn) {
  const TemporaryFolder scratch;
  const auto out = scratch.path() / "run";
  make_run(out, "first", true);
  write_file_atomic(out / "report.md", "of the first");
  write_file_atomic(out / "notes.txt", "mine");
  EXPECT_THROW(OutputFolder(out, false), InputError);
  make_run(out, "second", true, true);
  EXPECT_EQ(read_file(out / "summary.json"), "second");
  EXPECT_EQ(read_file(out / "store" / "object"), "second");
  EXPECT_FALSE(fs::exists(out / "report.md"));
  EXPECT_EQ(read_file(out / "notes.txt"), "mine");
}

TEST(OutputFolder, ARunThatFailsLeavesThingsAsTheyWere) {
  const TemporaryFolder scratch;
  const auto out = scratch.path() / "run";
  make_run(out, "failed", false);
  make_run(out, "first", true);  // not refused
  make_run(out, "failed", false, true);
  EXPECT_EQ(read_file(out / "summary.json"), "first");
  EXPECT_EQ(read_file(out / "store" / "object"), "first");
  EXPECT_FALSE(fs::exists(OutputFolder(out, true).unfinished() / "store"));
}

TEST(OutputFolder, KeepsAFailedRunThatIsWorthALookUntilTheNext) {
  const TemporaryFolder scratch;
  const auto out = scratch.path() / "run";
  fs::path aside;
  {
    OutputFolder folder(out, false);
    aside = folder.unfinished();
    write_file_atomic(aside / "half", "");
    folder.keep();
  }
  EXPECT_TRUE(fs::exists(aside / "half"));
  make_run(out, "first", true);
  EXPECT_FALSE(fs::exists(aside));
}

TEST(OutputFolder, AReplacementThatACrashBrokeOffIsUndone) {
  const TemporaryFolder scratch;
  const auto out = scratch.path() / "run";
  make_run(out, "old", true);
  // As a crash leaves it: the old one moved away, half of the new one in its place.
  make_folders(out / ".drst-replaced");
  make_folders(out / ".drst-unfinished");
  fs::rename(out / "store", out / ".drst-replaced" / "store");
  fs::rename(out / "summary.json", out / ".drst-replaced" / "summary.json");
  make_folders(out / "store");
  write_file_atomic(out / "store" / "object", "new");
  EXPECT_THROW(OutputFolder(out, false), InputError);
  EXPECT_EQ(read_file(out / "summary.json"), "old");
  EXPECT_EQ(read_file(out / "store" / "object"), "old");
  // And a crash after the new one was in its place.
  make_folders(out / ".drst-replaced");
  write_file_atomic(out / ".drst-replaced" / "summary.json", "older");
  EXPECT_THROW(OutputFolder(out, false), InputError);
  EXPECT_EQ(read_file(out / "summary.json"), "old");
  EXPECT_FALSE(fs::exists(out / ".drst-replaced"));
}

TEST(OutputFolder, OneAtATime) {
  const TemporaryFolder scratch;
  const OutputFolder first(scratch.path() / "run", false);
  try {
    OutputFolder second(scratch.path() / "run", true);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("in use"), std::string::npos);
  }
}

class Reports : public ::testing::Test {
 protected:
  std::string refusal(const std::string& store_folder, const std::string& run) {
    const auto opened = open_store("file:" + store_folder);
    try {
      const ReportFolder folder(out, *opened, run, false);
    } catch (const InputError& error) {
      return error.what();
    }
    return {};
  }
  TemporaryFolder scratch;
  fs::path out = scratch.path() / "out";
  std::string store = (scratch.path() / "store").string();
};

TEST_F(Reports, AreReplacedByThoseOfTheirOwnRunOnly) {
  EXPECT_EQ(refusal(store, "run-a"), "");
  write_file_atomic(out / "summary.json", R"({"run_id": "run-a"})");
  EXPECT_EQ(refusal(store, "run-a"), "") << "a report may be made again";
  EXPECT_NE(refusal(store, "run-b").find("run-a"), std::string::npos);
  EXPECT_NE(refusal(store, "run-b").find("--overwrite"), std::string::npos);
  EXPECT_NO_THROW(ReportFolder(out, *open_store("file:" + store), "run-b", true));
  EXPECT_TRUE(fs::exists(out / "summary.json")) << "until there is another";
  write_file_atomic(out / "summary.json", "[1, 2");
  EXPECT_NE(refusal(store, "run-a"), "") << "who knows whose it is";
}

TEST_F(Reports, OfARunAreMadeFromItsOwnStore) {
  fs::create_directories(out / "store");
  write_file_atomic(out / "summary.json", R"({"run_id": "run7"})");
  EXPECT_EQ(refusal((out / "store").string(), "run7"), "");
  EXPECT_EQ(refusal((out / "plots" / ".." / "store").string(), "run7"), "");
  EXPECT_NE(refusal(store, "run7"), "") << "the same seed on other data has the same name";
}

TEST_F(Reports, StayAwayFromARunningRun) {
  const OutputFolder running(out, false);
  EXPECT_NE(refusal(store, "run-a").find("in use"), std::string::npos);
  EXPECT_THROW(ReportFolder(out, *open_store("file:" + store), "run-a", true), InputError);
}

TEST(StreamChoice, RefusesTwoStagesOfOneName) {
  EXPECT_THROW(choose_stream("a.csv", {"x=a.csv", "x=b.csv"}, "", {}), InputError);
  EXPECT_EQ(choose_stream("a.csv:head=10", {"x=a.csv:tail=5", "y=b.csv"}, "", {}).stages.size(), 2U);
}

}  // namespace
}  // namespace drst
