#include "collect/follower.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace drst {
namespace {

using Texts = std::vector<std::string>;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

struct Seen : LineSink {
  Texts heads, lines;
  std::vector<Begin> begun;
  void head(std::string_view line) override { heads.emplace_back(line); }
  void line(std::string_view line) override { lines.emplace_back(line); }
  void begins(Begin how) override { begun.push_back(how); }
  Texts take() { return std::exchange(lines, {}); }
};

void append(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::app | std::ios::binary) << text;
}

/// Reads until `enough` or for five seconds.
void read_until(Follower& follower, Seen& seen, const std::function<bool()>& enough, std::int64_t now = 0) {
  for (int i = 0; i < 1000 && !enough(); ++i) {
    follower.read(now, seen);
    if (!enough()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

struct FollowFile : testing::Test {
  TemporaryFolder folder;
  fs::path path = folder.path() / "out.csv";
  FollowOptions options;
  Seen seen;
  std::unique_ptr<Follower> open() { return follow_file(path.string(), options, "chain.toml:3"); }
};

TEST_F(FollowFile, BeginsAtTheEndAndShowsTheHead) {
  append(path, "h1\nh2\nold\nold too\n");
  options.head_lines = 2;
  const auto follower = open();
  follower->read(0, seen);
  EXPECT_THAT(seen.heads, ElementsAre("h1", "h2"));
  EXPECT_THAT(seen.begun, ElementsAre(Begin::gap));
  EXPECT_TRUE(seen.lines.empty());
  EXPECT_TRUE(follower->present());
  append(path, "new\nha");
  follower->read(0, seen);
  EXPECT_THAT(seen.take(), ElementsAre("new"));
  append(path, "lf\n");
  follower->read(0, seen);
  EXPECT_THAT(seen.take(), ElementsAre("half"));
}

TEST_F(FollowFile, ALineThatWasBegunBeforeUsIsOurs) {
  append(path, "head\nold\nbeg");
  options.head_lines = 1;
  const auto follower = open();
  follower->read(0, seen);
  EXPECT_TRUE(seen.lines.empty());
  append(path, "un\n");
  follower->read(0, seen);
  EXPECT_THAT(seen.take(), ElementsAre("begun"));
}

TEST_F(FollowFile, AHeaderThatIsNotWholeYetComesAsALine) {
  append(path, "h1\nh");
  options.head_lines = 2;
  const auto follower = open();
  follower->read(0, seen);
  append(path, "2\n1\n");
  follower->read(0, seen);
  EXPECT_THAT(seen.heads, ElementsAre("h1"));
  EXPECT_THAT(seen.take(), ElementsAre("h2", "1"));
}

TEST_F(FollowFile, WaitsForAFileThatIsNotThereAndTakesItFromItsStart) {
  const auto follower = open();
  follower->read(0, seen);
  EXPECT_FALSE(follower->present());
  EXPECT_THAT(follower->words(), HasSubstr("is not there"));
  append(path, "a\nb\n");
  follower->read(0, seen);
  EXPECT_THAT(seen.take(), ElementsAre("a", "b"));
  EXPECT_THAT(seen.begun, ElementsAre(Begin::file));
  EXPECT_TRUE(follower->present());
  EXPECT_EQ(follower->words(), "");
}

TEST_F(FollowFile, FollowsARotationToTheLastLineOfTheOldFile) {
  append(path, "x\n");
  const auto follower = open();
  follower->read(0, seen);
  fs::rename(path, folder.path() / "out.csv.1");
  append(folder.path() / "out.csv.1", "last of the old\n");
  follower->read(0, seen);
  EXPECT_FALSE(follower->present());
  EXPECT_THAT(follower->words(), HasSubstr("is gone"));
  EXPECT_THAT(seen.take(), ElementsAre("last of the old"));
  append(folder.path() / "out.csv.1", "very last\n");
  append(path, "first of the new\n");
  follower->read(0, seen);
  EXPECT_THAT(seen.take(), ElementsAre("very last", "first of the new"));
  EXPECT_THAT(seen.begun, ElementsAre(Begin::gap, Begin::file));
  EXPECT_TRUE(follower->present());
}

TEST_F(FollowFile, FollowsATruncation) {
  append(path, "some longer old line\n");
  const auto follower = open();
  follower->read(0, seen);
  append(path, "half");
  follower->read(0, seen);
  fs::resize_file(path, 0);
  append(path, "new\n");
  follower->read(0, seen);
  EXPECT_THAT(seen.take(), ElementsAre("new"));
  EXPECT_THAT(seen.begun, ElementsAre(Begin::gap, Begin::file));
}

TEST_F(FollowFile, FollowsATruncationThatIsLongerAgainBeforeItIsSeen) {
  append(path, "old\n");
  const auto follower = open();
  follower->read(0, seen);
  append(path, "one\n");
  follower->read(0, seen);
  fs::resize_file(path, 0);
  append(path, "new one\nnew two\n");
  follower->read(0, seen);
  EXPECT_THAT(seen.take(), ElementsAre("one", "new one", "new two"));
  EXPECT_THAT(seen.begun, ElementsAre(Begin::gap, Begin::file));
}

TEST_F(FollowFile, TooLongLinesArePassedOverAndCounted) {
  options.max_line_bytes = 8;
  append(path, "");
  const auto follower = open();
  follower->read(0, seen);
  append(path, "12345678\n123456789\nok\n" + std::string(100, 'x'));
  follower->read(0, seen);
  EXPECT_THAT(seen.take(), ElementsAre("12345678", "ok"));
  append(path, "y\nafter\n");
  follower->read(0, seen);
  EXPECT_THAT(seen.take(), ElementsAre("after"));
  EXPECT_THAT(follower->words(), HasSubstr("2 lines beyond"));
}

TEST_F(FollowFile, TooMuchAtOnceIsPassedOverUpToTheNewest) {
  options.most_bytes = 16;
  append(path, "");
  const auto follower = open();
  follower->read(0, seen);
  for (int i = 100; i < 200; ++i) append(path, to_text(i) + "\n");
  follower->read(0, seen);
  EXPECT_THAT(seen.take(), ElementsAre("197", "198", "199"));
  EXPECT_THAT(seen.begun, ElementsAre(Begin::gap, Begin::gap));
  EXPECT_THAT(follower->words(), HasSubstr("384 bytes passed over"));
}

TEST_F(FollowFile, AFolderIsRefused) {
  fs::create_directory(path);
  EXPECT_THROW((void)open(), InputError);
}

TEST_F(FollowFile, AFifoIsKeptWhenItsWriterGoes) {
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const auto follower = open();
  follower->read(0, seen);
  EXPECT_FALSE(follower->present());
  EXPECT_THAT(follower->words(), HasSubstr("nobody writes"));
  for (const std::string text : {"one\nha", "two\n"}) {
    {
      const Descriptor writer(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
      ASSERT_EQ(::write(writer.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
      follower->read(0, seen);
      EXPECT_TRUE(follower->present());
    }
    follower->read(0, seen);
    EXPECT_FALSE(follower->present());
  }
  EXPECT_THAT(seen.lines, ElementsAre("one", "two")) << "the half line of the first writer is nobody's";
  EXPECT_THAT(seen.begun, ElementsAre(Begin::run, Begin::run));
}

TEST(FollowCommand, TakesItsOutputAndSaysHowItEnded) {
  Seen seen;
  const auto follower = follow_command({"sh", "-c", "echo a; echo no >&2; echo b; exit 3"}, {});
  read_until(*follower, seen, [&] { return !follower->words().empty(); });
  EXPECT_THAT(seen.lines, ElementsAre("a", "b"));
  EXPECT_FALSE(follower->present());
  EXPECT_THAT(follower->words(), HasSubstr("sh ended with exit code 3"));
  EXPECT_THAT(follower->words(), HasSubstr("it said: no"));
}

TEST(FollowCommand, FollowsStandardErrorWhereItIsAsked) {
  FollowOptions options;
  options.with_errors = true;
  Seen seen;
  const auto follower = follow_command({"sh", "-c", "echo counts >&2"}, options);
  read_until(*follower, seen, [&] { return !follower->words().empty(); });
  EXPECT_THAT(seen.lines, ElementsAre("counts"));
}

TEST(FollowCommand, IsStartedAgainAfterAWaitThatDoubles) {
  constexpr std::int64_t second = 1'000'000'000;
  FollowOptions options;
  options.restart_wait_s = 2;
  options.most_wait_s = 4;
  Seen seen;
  const auto follower = follow_command({"sh", "-c", "exit 1"}, options);
  const auto ends = [&](std::int64_t at) {
    read_until(
        *follower, seen, [&] { return !follower->present() && !seen.begun.empty(); }, at);
  };
  ends(0);
  EXPECT_THAT(follower->words(), HasSubstr("started again 2 s after that"));
  follower->read(second, seen);
  EXPECT_EQ(seen.begun.size(), 1U) << "too early";
  follower->read(3 * second, seen);
  EXPECT_EQ(seen.begun.size(), 2U);
  ends(3 * second);
  EXPECT_THAT(follower->words(), HasSubstr("started again 4 s after that"));
  follower->read(8 * second, seen);
  ends(8 * second);
  EXPECT_THAT(follower->words(), HasSubstr("started again 4 s after that")) << "not beyond the most";
}

TEST(FollowCommand, WhatCannotBeStartedIsSaid) {
  Seen seen;
  const auto follower = follow_command({"/nonexistent/tool"}, {});
  follower->read(0, seen);
  EXPECT_FALSE(follower->present());
  EXPECT_THAT(follower->words(), HasSubstr("cannot start /nonexistent/tool: No such file"));
}

/// It is no more, or a zombie that nobody has reaped yet.
bool goes(pid_t pid) {
  for (int i = 0; i < 400; ++i) {
    const auto status = read_file_if_exists("/proc/" + to_text(pid) + "/stat");
    if (!status || status->find(") Z") != std::string::npos) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

TEST(FollowCommand, EndsWithItsGroupEvenIfItDoesNotWantTo) {
  Seen seen;
  auto follower = follow_command(
      {"sh", "-c", "trap '' TERM; sleep 300 & echo $!; echo $$; while :; do sleep 300; done"}, {});
  read_until(*follower, seen, [&] { return seen.lines.size() == 2; });
  ASSERT_EQ(seen.lines.size(), 2U);
  const auto begin = std::chrono::steady_clock::now();
  follower.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  for (const auto& pid : seen.lines) EXPECT_TRUE(goes(static_cast<pid_t>(*parse_int(pid)))) << pid;
}

TEST(FollowCommand, EndsAlsoWhereItsOwnerIsKilled) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    Seen seen;
    const auto follower = follow_command({"sh", "-c", "echo $$; exec sleep 300"}, {});
    read_until(*follower, seen, [&] { return !seen.lines.empty(); });
    const std::string pid = seen.lines.empty() ? "0" : seen.lines[0];
    (void)!::write(ends[1], pid.data(), pid.size());
    while (true) ::pause();
  }
  char pid[16] = "";
  ASSERT_GT(::read(ends[0], pid, sizeof pid - 1), 0);
  ASSERT_GT(*parse_int(pid), 1);
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  EXPECT_TRUE(goes(static_cast<pid_t>(*parse_int(pid))));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(FollowCommand, HasNoInputAndPrintsPoints) {
  Seen seen;
  const auto follower = follow_command({"sh", "-c", "cat; echo $LC_ALL"}, {});
  read_until(*follower, seen, [&] { return !seen.lines.empty(); });
  EXPECT_THAT(seen.lines, ElementsAre("C"));
}

TEST(FollowCommand, MuchOutputLosesNothing) {
  Seen seen;
  const auto follower =
      follow_command({"sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done"}, {});
  read_until(*follower, seen, [&] { return !follower->words().empty(); });
  ASSERT_EQ(seen.lines.size(), 20000U);
  EXPECT_EQ(seen.lines.back(), "19999");
}

RC_GTEST_PROP(LineCutter, PiecesChangeNothing, (const std::vector<std::string>& words)) {
  std::string text;
  for (const auto& word : words) text += word + "\n";
  const auto cut = [&](bool pieces) {
    LineCutter cutter(6);
    Texts lines;
    const auto take = [&](std::string_view line) { lines.emplace_back(line); };
    if (!pieces) cutter.feed(text, take);
    for (std::size_t at = 0; pieces && at < text.size();) {
      const auto size = *rc::gen::inRange<std::size_t>(1, 5);
      cutter.feed(std::string_view(text).substr(at, size), take);
      at += size;
    }
    lines.push_back(to_text(cutter.passed_over()));
    return lines;
  };
  RC_ASSERT(cut(false) == cut(true));
}

}  // namespace
}  // namespace drst
