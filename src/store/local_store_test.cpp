// What a folder on disk adds to the contract: crashes, leftovers, full and read-only disks.
#include "store/local_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/files.h"

namespace drst {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <class Call>
std::string failure_of(const Call& call) {
  try {
    call();
  } catch (const FailedError& error) {
    return error.what();
  }
  return "no FailedError";
}

/// While it lives, no file of this process can grow beyond `bytes`: what a full disk looks like to a writer.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : old_action_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_limit_);
    const rlimit limit{bytes, old_limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_limit_);
    std::signal(SIGXFSZ, old_action_);
  }

 private:
  void (*old_action_)(int);
  rlimit old_limit_{};
};

std::vector<std::string> files_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) names.push_back(entry.path().filename().string());
  return names;
}

TEST(LocalStore, SaysWhichFileAnObjectIs) {
  const TemporaryFolder folder;
  LocalStore store(folder.path());
  store.put("results/x", "bytes");
  const auto file = store.local_file("results/x");
  ASSERT_TRUE(file);
  EXPECT_EQ(read_file(*file), "bytes");
  EXPECT_THROW((void)store.local_file("../x"), InputError);
}

TEST(LocalStore, IsPlainFilesThatAPersonCanRead) {
  const TemporaryFolder folder;
  LocalStore store(folder.path());
  store.put("models/latest.txt", "m\nn\n");
  EXPECT_EQ(read_file(folder.path() / "models" / "latest.txt"), "m\nn\n");
  EXPECT_THAT(files_in(folder.path()), ElementsAre("latest.txt")) << "and nothing is left beside them";
}

TEST(LocalStore, AFullDiskLeavesTheOldObjectWhole) {
  const TemporaryFolder folder;
  LocalStore store(folder.path());
  store.put("models/latest.txt", "old");
  {
    const FileSizeLimit full(1000);
    const std::string big(100'000, 'x');
    const auto message = failure_of([&] { store.put("models/latest.txt", big); });
    EXPECT_THAT(message, HasSubstr("cannot write object 'models/latest.txt' in file:"));
    EXPECT_THAT(message, HasSubstr("File too large"));
    EXPECT_THAT(failure_of([&] { store.put_new("models/new", big); }), HasSubstr("'models/new'"));
  }
  EXPECT_EQ(store.get("models/latest.txt"), "old");
  EXPECT_THAT(store.list(""), ElementsAre("models/latest.txt"));
  EXPECT_THAT(files_in(folder.path()), ElementsAre("latest.txt")) << "the half-written file is gone";
  store.put("models/latest.txt", std::string(100'000, 'y'));
  EXPECT_EQ(store.get("models/latest.txt")->size(), 100'000U);
}

TEST(LocalStore, WhereNothingCanBeWritten) {
  EXPECT_THAT(failure_of([] { LocalStore store("/proc/drst-store"); }), HasSubstr("/proc/drst-store"));
  const TemporaryFolder folder;
  write_file_atomic(folder.path() / "file", "");
  EXPECT_THAT(failure_of([&] { LocalStore store(folder.path() / "file"); }),
              HasSubstr("a file is in the way"));
  EXPECT_THAT(failure_of([&] { LocalStore store(folder.path() / "file" / "deeper"); }), HasSubstr("file"));
  // A folder that exists and takes no new files, even from root.
  LocalStore proc("/proc/self/task");
  const auto message = failure_of([&] { proc.put("latest.txt", "x"); });
  EXPECT_THAT(message, HasSubstr("'latest.txt' in file:/proc/self/task"));
}

TEST(LocalStore, AFolderThatWentAwayIsMadeAgain) {
  const TemporaryFolder folder;
  LocalStore store(folder.path() / "s");
  store.put("models/a", "1");
  fs::remove_all(folder.path() / "s");
  store.put("models/a", "2");
  EXPECT_EQ(store.get("models/a"), "2");
}

TEST(LocalStore, LeftoversAreInvisibleAndGoWhenTheyAreOld) {
  const TemporaryFolder folder;
  fs::create_directories(folder.path() / "models");
  const auto old_file = folder.path() / "models" / ".tmp-1-7";
  const auto young_file = folder.path() / "models" / ".tmp-2-8";
  write_file_atomic(old_file, "half");
  write_file_atomic(young_file, "half");
  fs::last_write_time(old_file, fs::file_time_type::clock::now() - std::chrono::hours(2));
  LocalStore store(folder.path());
  EXPECT_THAT(store.list(""), IsEmpty());
  EXPECT_TRUE(fs::exists(old_file)) << "readers remove nothing";
  store.put("models/a", "1");
  EXPECT_FALSE(fs::exists(old_file));
  EXPECT_TRUE(fs::exists(young_file)) << "it may belong to a living writer";
  EXPECT_THAT(store.list(""), ElementsAre("models/a"));
}

TEST(LocalStore, ForeignFilesAreIgnored) {
  const TemporaryFolder folder;
  LocalStore store(folder.path());
  fs::create_directories(folder.path() / "my notes");
  std::ofstream(folder.path() / "my notes" / "x") << "1";
  std::ofstream(folder.path() / "a b") << "1";
  EXPECT_THAT(store.list(""), IsEmpty());
}

/// Runs `work` in a child; the child never returns into the test.
template <class Work>
pid_t in_child(const Work& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 99;
    try {
      code = work();
    } catch (...) {
    }
    ::_exit(code);
  }
  return child;
}

TEST(LocalStore, OneOfManyProcessesCreates) {
  const TemporaryFolder folder;
  std::vector<pid_t> children;
  for (int i = 0; i < 6; ++i)
    children.push_back(in_child([&] {
      LocalStore store(folder.path());
      int created = 0;
      for (int k = 0; k < 10; ++k)
        created += store.put_new("m/" + std::to_string(k), std::string(1000, 'x')) ? 1 : 0;
      return created;
    }));
  int created = 0;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    created += WEXITSTATUS(status);
  }
  EXPECT_EQ(created, 10);
}

TEST(LocalStore, AKilledWriterLeavesWholeObjects) {
  const TemporaryFolder folder;
  LocalStore store(folder.path());
  store.put("latest", std::string(20'000, 'a'));
  for (int round = 0; round < 20; ++round) {
    const pid_t child = in_child([&] {
      LocalStore own(folder.path());
      for (char c = 'a';; c = c == 'z' ? 'a' : static_cast<char>(c + 1))
        own.put("latest", std::string(20'000, c));
      return 0;
    });
    std::this_thread::sleep_for(std::chrono::microseconds(500 + 700 * round));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    const auto seen = store.get("latest");
    ASSERT_TRUE(seen.has_value());
    ASSERT_EQ(seen->size(), 20'000U);
    ASSERT_EQ(seen->find_first_not_of(seen->front()), std::string::npos);
    ASSERT_THAT(store.list(""), ElementsAre("latest"));
  }
}

}  // namespace
}  // namespace drst
