#include "base/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"

namespace drst {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

template <class Exception, class Call>
std::string message_of(const Call& call) {
  try {
    call();
  } catch (const Exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

class Files : public ::testing::Test {
 protected:
  TemporaryFolder home_;
  fs::path path_ = home_.path() / "file";
};

TEST_F(Files, WritesAndReadsAnyBytes) {
  std::string bytes(300'000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 131);
  for (const std::string& content : {bytes, std::string(), std::string("a\0b", 3)}) {
    write_file_atomic(path_, content);
    EXPECT_EQ(read_file(path_), content);
    EXPECT_EQ(MappedFile(path_).bytes(), content);
  }
  EXPECT_EQ(entries(home_.path()), 1U) << "no temporary file is left";
}

TEST_F(Files, AReplacedFileHasNewContentAndOrdinaryRights) {
  write_file_atomic(path_, "old");
  write_file_atomic(path_, "new", Sync::no);
  EXPECT_EQ(read_file(path_), "new");
  const mode_t mask = ::umask(0);
  ::umask(mask);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0666U & ~mask);
}

TEST_F(Files, AFullDiskIsNamedWithWhatToDo) {
  write_file_atomic(path_, "good");
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{1000, old.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const auto message = message_of<FailedError>([&] { write_file_atomic(path_, std::string(5000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, before);
  EXPECT_EQ(message, "cannot write " + path_.string() + ": File too large; make room and try again");
  EXPECT_EQ(read_file(path_), "good");
  EXPECT_EQ(entries(home_.path()), 1U);
}

TEST_F(Files, AFailedWriteLeavesNothingBehind) {
  fs::create_directory(path_);
  write_file_atomic(path_ / "inside", "");
  const auto message = message_of<FailedError>([&] { write_file_atomic(path_, "x"); });
  EXPECT_THAT(message, HasSubstr("cannot replace " + path_.string()));
  EXPECT_EQ(entries(home_.path()), 1U);
  EXPECT_THAT(message_of<FailedError>([&] { write_file_atomic(home_.path() / "no" / "folder", "x"); }),
              HasSubstr("No such file or directory"));
}

TEST_F(Files, ALeftoverOfTheSameProcessIdIsNotOverwritten) {
  // As after a crash, or in another container with the same process ids.
  for (int serial = 0; serial < 2000; ++serial)
    std::ofstream(home_.path() / (".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(serial)))
        << "theirs";
  write_file_atomic(path_, "ours");
  EXPECT_EQ(read_file(path_), "ours");
  for (const auto& entry : fs::directory_iterator(home_.path())) {
    if (entry.path() == path_) continue;
    ASSERT_EQ(read_file(entry.path()), "theirs");
  }
  EXPECT_EQ(entries(home_.path()), 2001U);
}

TEST_F(Files, CreateLeavesWhatIsThere) {
  EXPECT_TRUE(create_file_atomic(path_, "first"));
  EXPECT_FALSE(create_file_atomic(path_, "second"));
  EXPECT_EQ(read_file(path_), "first");
  EXPECT_EQ(entries(home_.path()), 1U);
}

TEST_F(Files, ReadingWhatIsNotThere) {
  EXPECT_THAT(message_of<InputError>([&] { read_file(path_); }),
              HasSubstr("cannot read " + path_.string() + ": No such"));
  EXPECT_THAT(message_of<InputError>([&] { read_file(home_.path()); }), HasSubstr("it is a folder"));
  EXPECT_EQ(read_file_if_exists(path_), std::nullopt);
  EXPECT_EQ(read_file_if_exists(home_.path()), std::nullopt);
  write_file_atomic(path_, "x");
  EXPECT_EQ(read_file_if_exists(path_ / "below"), std::nullopt);
  EXPECT_EQ(read_file_if_exists(path_), "x");
  EXPECT_THAT(message_of<InputError>([&] { MappedFile(home_.path() / "other"); }), HasSubstr("No such"));
  EXPECT_THAT(message_of<InputError>([&] { MappedFile(home_.path()); }), HasSubstr("it is a folder"));
}

TEST_F(Files, WhatIsTooLargeIsRefused) {
  write_file_atomic(path_, std::string(100, 'x'));
  EXPECT_EQ(read_file(path_, 100).size(), 100U);
  EXPECT_THAT(message_of<InputError>([&] { read_file(path_, 99); }), HasSubstr("has 100 bytes; at most 99"));
  EXPECT_THAT(message_of<InputError>([&] { MappedFile(path_, 99); }), HasSubstr("has 100 bytes; at most 99"));
}

TEST_F(Files, FilesOfUnknownLengthAreReadToTheirEnd) {
  EXPECT_GT(read_file("/proc/self/status").size(), 100U);
  EXPECT_GT(MappedFile("/proc/self/status").bytes().size(), 100U);
  EXPECT_THROW(read_file("/dev/zero", 1'000'000), InputError) << "even if it has none";

  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(path_) << std::string(200'000, 'p'); });
  EXPECT_EQ(read_file(path_).size(), 200'000U);
  writer.join();
}

TEST_F(Files, MakeFoldersIsMkdirP) {
  const auto deep = home_.path() / "a" / "b" / "c";
  make_folders(deep);
  make_folders(deep);
  make_folders(deep / "");
  EXPECT_TRUE(fs::is_directory(deep));
  write_file_atomic(path_, "");
  EXPECT_THAT(message_of<FailedError>([&] { make_folders(path_); }), HasSubstr("a file is in the way"));
  EXPECT_THAT(message_of<FailedError>([&] { make_folders(path_ / "x"); }), HasSubstr("a file is in the way"));
  EXPECT_THAT(message_of<FailedError>([] { make_folders("/proc/drst"); }), HasSubstr("/proc/drst"));
  EXPECT_THAT(message_of<FailedError>([&] { make_folders(home_.path() / std::string(300, 'x')); }),
              HasSubstr("File name too long"));
}

TEST_F(Files, ALockIsHeldByOneAndFreedByDeath) {
  const FileLock none_yet(path_);
  EXPECT_TRUE(none_yet.valid());
  EXPECT_FALSE(FileLock(path_).valid()) << "not twice in one process either";

  const auto other = home_.path() / "other";
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const FileLock lock(other);
    const char answer = lock.valid() ? 'y' : 'n';
    (void)!::write(ready[1], &answer, 1);
    for (;;) ::pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_FALSE(FileLock(other).valid());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(FileLock(other).valid());
  ::close(ready[0]);
  ::close(ready[1]);
  EXPECT_THROW(FileLock(home_.path() / "no" / "folder"), FailedError);
}

TEST_F(Files, ManyWritersOfOneFileLeaveOneWholeVersion) {
  std::vector<std::thread> writers;
  for (char c = 'a'; c < 'e'; ++c)
    writers.emplace_back([&, c] {
      for (int i = 0; i < 20; ++i) write_file_atomic(path_, std::string(10'000, c), Sync::no);
    });
  for (auto& writer : writers) writer.join();
  const std::string seen = read_file(path_);
  EXPECT_EQ(seen, std::string(10'000, seen.front()));
  EXPECT_EQ(entries(home_.path()), 1U);
}

TEST(Descriptor, ClosesOnce) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    Descriptor a(ends[0]);
    Descriptor b(std::move(a));
    EXPECT_TRUE(b.valid());
    b = Descriptor(ends[1]);
    EXPECT_EQ(::close(ends[0]), -1) << "assigning closes what was held";
  }
  EXPECT_EQ(::close(ends[1]), -1);
}

TEST(TemporaryFolder, IsGoneAfterwards) {
  fs::path path;
  {
    const TemporaryFolder folder("drst-test");
    path = folder.path();
    write_file_atomic(path / "x", "1");
  }
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace drst
