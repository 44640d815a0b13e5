#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "pipeline/run.h"

namespace drst {
namespace {

namespace fs = std::filesystem;

TEST(OutputFolder, RefusesARunThatIsThereAndKeepsWhatIsNotItsOwn) {
  const TemporaryFolder scratch;
  const auto out = scratch.path() / "run";
  { OutputFolder first(out, false); }
  { OutputFolder again(out, false); }  // nothing was written: still free
  write_file_atomic(out / "summary.json", "{}");
  write_file_atomic(out / "notes.txt", "mine");
  EXPECT_THROW(OutputFolder(out, false), InputError);
  EXPECT_TRUE(fs::exists(out / "summary.json"));
  { OutputFolder replaced(out, true); }
  EXPECT_FALSE(fs::exists(out / "summary.json"));
  EXPECT_EQ(read_file(out / "notes.txt"), "mine");
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

TEST(StreamChoice, RefusesTwoStagesOfOneName) {
  EXPECT_THROW(choose_stream("a.csv", {"x=a.csv", "x=b.csv"}, ""), InputError);
  EXPECT_EQ(choose_stream("a.csv:head=10", {"x=a.csv:tail=5", "y=b.csv"}, "").stages.size(), 2U);
}

}  // namespace
}  // namespace drst
