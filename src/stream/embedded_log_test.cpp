// What only the embedded log can get wrong: files that are cut or damaged, full disks, growth, its own
// layout.
#include "stream/embedded_log.h"

#include <lmdb.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <map>

#include "base/random.h"
#include "stream/batch.h"
#include "stream/log_test_bed.h"

namespace drst {
namespace {

using namespace drst::testing;
namespace fs = std::filesystem;

class EmbeddedLogTest : public ::testing::Test {
 protected:
  std::unique_ptr<EmbeddedLog> open(Durability durability = Durability::relaxed,
                                    const LogSettings& settings = {}) {
    return std::make_unique<EmbeddedLog>(folder_, clock_, durability, settings);
  }
  std::string message_of_open() {
    std::string message;
    EXPECT_EQ(refused_with([&] { open(); }, &message), static_cast<int>(ExitCode::failed)) << message;
    return message;
  }
  [[nodiscard]] fs::path data_file() const { return folder_ / "data.mdb"; }

  TemporaryFolder temporary_{"drst-log"};
  fs::path folder_ = temporary_.path() / "log";
  VirtualClock clock_;
};

struct LmdbMeta {
  uint64_t last_page = 0;
  uint64_t transaction = 0;
};
/// The newer of the two meta pages, read as bytes: what an opener will believe in.
LmdbMeta read_meta(const fs::path& file) {
  LmdbMeta newest;
  std::ifstream in(file, std::ios::binary);
  for (const int page : {0, 1}) {
    std::array<char, 16>
        bytes{};  // page header 16, magic .. sizes 24, two tables of 48, then these two numbers
    in.seekg(page * 4096 + 136);
    in.read(bytes.data(), bytes.size());
    LmdbMeta meta;
    std::memcpy(&meta.last_page, bytes.data(), 8);
    std::memcpy(&meta.transaction, bytes.data() + 8, 8);
    if (meta.transaction >= newest.transaction) newest = meta;
  }
  return newest;
}

TEST_F(EmbeddedLogTest, SurvivesReopeningWithGroupsAndOffsets) {
  {
    const auto log = open(Durability::full);
    log->ensure_topic("t", 1);
    append_text(*log, "t", 0, "a");
    append_text(*log, "t", 0, "b");
    const auto consumer = log->subscribe({.group = "g", .member = "m", .topic = "t"});
    Batch batch;
    consumer->poll(batch, {});
    EXPECT_TRUE(consumer->commit(0, 1));
  }
  const auto log = open();
  EXPECT_EQ(read_all(*log, "t", 0), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(log->committed("g", "t", 0), 1);
}

TEST_F(EmbeddedLogTest, HandlesOfOneProcessShareTheEnvironment) {
  const auto one = open();
  const EmbeddedLog other(fs::path(folder_.string() + "/../log/."), clock_, Durability::full, {});
  one->ensure_topic("t", 1);
  EXPECT_EQ(append_text(*one, "t", 0, "x"), 0);
  EXPECT_EQ(append_text(*open(), "t", 0, "y"), 1);
}

TEST_F(EmbeddedLogTest, RefusesACutFileWhereverItIsCut) {
  {
    const auto log = open();
    log->ensure_topic("t", 1);
    for (int i = 0; i < 300; ++i) append_text(*log, "t", 0, std::string(2300, 'x'));
  }
  const auto whole = read_file(data_file());
  const uint64_t needed = (read_meta(data_file()).last_page + 1) * 4096;
  ASSERT_GE(whole.size(), needed);
  for (const uint64_t size :
       {needed - 1, needed / 2, uint64_t{8192}, uint64_t{8191}, uint64_t{4096}, uint64_t{100}, uint64_t{0}}) {
    fs::resize_file(data_file(), size);
    const auto message = message_of_open();
    EXPECT_NE(message.find("is truncated"), std::string::npos) << message;
    EXPECT_NE(message.find("has " + std::to_string(size) + " bytes, needs"), std::string::npos) << message;
    EXPECT_NE(message.find(data_file().string()), std::string::npos) << message;
    write_file_atomic(data_file(), whole);
  }
  fs::remove(data_file());
  EXPECT_NE(message_of_open().find("has 0 bytes"), std::string::npos);
  write_file_atomic(data_file(), whole.substr(0, needed));
  EXPECT_EQ(read_all(*open(), "t", 0).size(), 300u) << "what lies behind the last used page is not needed";
}

TEST_F(EmbeddedLogTest, TheFileAlwaysCoversThePagesThatCountAsUsed) {
  const auto log = open(Durability::relaxed, {.block_bytes = 2048});
  log->ensure_topic("t", 4);
  Random random(7);
  int64_t appended = 0;
  for (int i = 0; i < 400; ++i) {
    const int partition = static_cast<int>(random.below(4));
    std::vector<NewRecord> records(random.below(40));
    for (auto& record : records) record.value.resize(random.below(random.chance(0.05) ? 100'000 : 1000));
    appended = std::max(appended, log->append("t", partition, records));
    if (random.chance(0.2))
      log->trim("t", partition, static_cast<int64_t>(random.below(1 + static_cast<uint64_t>(appended))));
    ASSERT_GE(fs::file_size(data_file()), (read_meta(data_file()).last_page + 1) * 4096);
  }
}

TEST_F(EmbeddedLogTest, NoDamagedByteIsReadAsARecord) {
  std::vector<std::string> written;
  {
    const auto log = open();
    log->ensure_topic("t", 1);
    Random random(3);
    for (int i = 0; i < 20; ++i) {
      written.push_back("mark" + std::to_string(i) + std::string(random.below(500), 'v'));
      append_text(*log, "t", 0, written.back());
    }
  }
  // The last version of the block holds all records; earlier ones lie about the file, too.
  const auto whole = read_file(data_file());
  const std::size_t block = whole.rfind("DRB1");
  ASSERT_NE(block, std::string::npos);
  const auto put_byte = [&](std::size_t at, char byte) {
    std::fstream file(data_file(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(at)).put(byte);
  };
  Random random(11);
  int refused = 0;
  for (int round = 0; round < 200; ++round) {
    const std::size_t at = block + random.below(3000);
    put_byte(at, static_cast<char>(whole[at] ^ (1 << random.below(8))));
    std::string message;
    std::vector<std::string> read;
    if (refused_with([&] { read = read_all(*open(), "t", 0); }, &message) == 0) {
      EXPECT_EQ(read, written) << at -
                                      block;  // e.g. in the last four bytes of the header, which mean nothing
    } else {
      ++refused;
      EXPECT_NE(message.find("is damaged: topic 't', partition 0"), std::string::npos) << message;
    }
    put_byte(at, whole[at]);
  }
  EXPECT_GT(refused, 190);
}

TEST_F(EmbeddedLogTest, RefusesAFolderOfAnotherProgram) {
  fs::create_directories(folder_);
  std::ofstream(data_file()) << std::string(10'000, 'x');
  EXPECT_NE(message_of_open().find("its file is damaged"), std::string::npos);

  folder_ = temporary_.path() / "other";
  fs::create_directories(folder_);
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi table{};
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_open(env, folder_.c_str(), 0, 0644), 0);
  ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
  ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &table), 0);
  MDB_val text{1, const_cast<char*>("k")};
  ASSERT_EQ(mdb_put(txn, table, &text, &text, 0), 0);
  ASSERT_EQ(mdb_txn_commit(txn), 0);
  mdb_env_close(env);
  std::string message;
  EXPECT_EQ(refused_with([&] { open(); }, &message), static_cast<int>(ExitCode::input));
  EXPECT_NE(message.find("some other program"), std::string::npos) << message;
}

TEST_F(EmbeddedLogTest, GrowsWithItsRecordsUpToItsLimitAndStaysIntact) {
  const auto log = open(Durability::relaxed, {.map_initial_mib = 1, .map_limit_mib = 8});
  log->ensure_topic("t", 1);
  const std::string text(100'000, 'x');
  std::string message;
  int stored = 0;
  while (refused_with([&] { append_text(*log, "t", 0, text); }, &message) == 0) ASSERT_LT(++stored, 1000);
  EXPECT_NE(message.find("is full"), std::string::npos) << message;
  EXPECT_NE(message.find("log.map_limit_mib = 8"), std::string::npos) << message;
  EXPECT_GT(stored, 30);
  EXPECT_EQ(read_all(*log, "t", 0).size(), static_cast<std::size_t>(stored));
  log->trim("t", 0, stored / 2);
  append_text(*log, "t", 0, "again");
  EXPECT_EQ(log->watermarks("t", 0).end, stored + 1);
}

/// The exit status of a child that runs `body`; 128 + signal if it was killed.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_F(EmbeddedLogTest, AFullDiskLosesNothingThatWasStored) {
  open()->ensure_topic("t", 1);
  const int stored = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{6 << 20, 6 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::string message;
    try {
      const auto log = open();
      int count = 0;
      while (refused_with([&] { append_text(*log, "t", 0, std::string(100'000, 'x')); }, &message) == 0)
        ++count;
      if (message.find("is the disk full?") == std::string::npos ||
          message.find("log '") == std::string::npos)
        return 0;
      if (read_all(*log, "t", 0).size() != static_cast<std::size_t>(count)) return 0;
      return count;
    } catch (...) {
      return 0;
    }
  });
  EXPECT_GT(stored, 10);
  const auto log = open();
  EXPECT_EQ(read_all(*log, "t", 0),
            std::vector<std::string>(static_cast<std::size_t>(stored), std::string(100'000, 'x')));
  EXPECT_EQ(append_text(*log, "t", 0, "there is room again"), stored);
}

TEST_F(EmbeddedLogTest, AFileSystemWithoutRoomIsALogErrorAtAnyPoint) {
  constexpr int no_mount = 77;
  fs::create_directories(folder_);
  for (const int kib : {4, 8, 36, 40, 44, 48, 52, 56, 64, 72, 100, 300, 2000}) {
    const int result = in_child([&] {
      // A mount of its own that only this child sees; not every container allows that.
      const std::string options = "size=" + std::to_string(kib) + "k";
      if ((::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
          ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
          ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, options.c_str()) != 0)
        return no_mount;
      std::string message;
      std::size_t count = 0;
      const auto fill = [&] {
        const auto log = open();
        log->ensure_topic("t", 1);
        for (;; ++count) append_text(*log, "t", 0, std::string(2300, 'x'));
      };
      if (refused_with(fill, &message) != static_cast<int>(ExitCode::failed)) return 1;
      if (message.find(std::strerror(ENOSPC)) == std::string::npos &&
          message.find("is the disk full?") == std::string::npos)
        return 2;
      if (count > 0 && read_all(*open(), "t", 0).size() != count) return 3;
      return kib >= 300 && count == 0 ? 4 : 0;
    });
    if (result == no_mount) GTEST_SKIP() << "this user may not mount";
    EXPECT_EQ(result, 0) << kib << " KiB";
  }
}

TEST_F(EmbeddedLogTest, AChildMustOpenTheLogAnew) {
  const auto log = open();
  log->ensure_topic("t", 1);
  append_text(*log, "t", 0, "parent");
  const int code = in_child([&] {
    std::string message;
    if (refused_with([&] { append_text(*log, "t", 0, "x"); }, &message) == 0) return 1;
    if (message.find("open it again") == std::string::npos) return 2;
    const auto mine = open();
    return append_text(*mine, "t", 0, "child") == 1 ? 0 : 3;
  });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(append_text(*log, "t", 0, "parent"), 2);
}

TEST_F(EmbeddedLogTest, ABatchSettlesOnItsMemory) {
  const auto log = open();
  log->ensure_topic("t", 1);
  std::vector<NewRecord> records(1000);
  for (auto& record : records)
    record = {.key = "k", .value = std::string(2300, 'x'), .headers = {{"run_id", "r"}}, .timestamp = {}};
  log->append("t", 0, records);
  const auto consumer = log->subscribe({.group = "g", .member = "m", .topic = "t"});
  Batch batch;
  std::map<std::size_t, int> capacities;
  for (int i = 0; i < 15; ++i) {
    consumer->poll(batch, {.max_records = 64});
    if (i > 2) ++capacities[batch.storage().arena.capacity()];
  }
  EXPECT_EQ(capacities.size(), 1u);
}

TEST_F(EmbeddedLogTest, AnIndependentScriptReadsTheLayout) {
  const std::string python = "/usr/bin/python3";
  if (std::system((python + " -c 'import lmdb' 2>/dev/null").c_str()) != 0) {
    if (std::getenv("CI") != nullptr) FAIL() << "python3-lmdb is not installed";
    GTEST_SKIP() << "python3-lmdb is not installed";
  }
  const auto log = open(Durability::relaxed, {.block_bytes = 1024});
  log->ensure_topic("t", 2);
  const std::vector<NewRecord> records = {{.key = "chain",
                                           .value = "{\"a\": \"ü\"}",
                                           .headers = {{"run_id", "r1"}},
                                           .timestamp = Time(Duration(42))},
                                          {.key = "", .value = "\xff", .headers = {}, .timestamp = {}}};
  log->append("t", 1, records);
  for (int i = 0; i < 50; ++i) append_text(*log, "t", 0, std::string(100, 'x'));
  const auto consumer = log->subscribe({.group = "g", .member = "m", .topic = "t"});
  Batch batch;
  consumer->poll(batch, {});
  ASSERT_TRUE(consumer->commit(1, 2));

  const auto run = [&](const std::string& options) {
    const std::string script = fs::path(DRST_SOURCE_DIR) / "tests" / "read_log.py";
    const auto out = temporary_.path() / "out";
    EXPECT_EQ(
        std::system(
            (python + " " + script + " " + folder_.string() + " " + options + " > " + out.string()).c_str()),
        0);
    return read_file(out);
  };
  const auto lines = run("");
  EXPECT_NE(
      lines.find(
          "{\"topic\": \"t\", \"partition\": 1, \"offset\": 0, \"timestamp_us\": 42, \"key\": \"chain\", "
          "\"headers\": [[\"run_id\", \"r1\"]], \"value\": \"{\\\"a\\\": \\\"ü\\\"}\"}\n"),
      std::string::npos)
      << lines;
  EXPECT_NE(
      lines.find(
          "\"offset\": 1, \"timestamp_us\": 0, \"key\": \"\", \"headers\": [], \"value_base64\": \"/w==\"}"),
      std::string::npos)
      << lines;
  EXPECT_EQ(std::ranges::count(lines, '\n'), 52);
  EXPECT_NE(
      run("--groups")
          .find("{\"group\": \"g\", \"topic\": \"t\", \"partition\": 1, \"committed\": 2, \"owner\": \"m\"}"),
      std::string::npos);
}

TEST(OpenLog, TakesAUrlOrAPath) {
  const TemporaryFolder folder("drst-log");
  const VirtualClock clock;
  open_log("embedded:" + (folder.path() / "a").string(), clock, Durability::relaxed, {})
      ->ensure_topic("t", 1);
  EXPECT_EQ(open_log((folder.path() / "a").string(), clock, Durability::relaxed, {})->partitions("t"), 1);
  std::string message;
  EXPECT_EQ(refused_with([&] { open_log("nats://host:1", clock, Durability::full, {}); }, &message), 3);
  EXPECT_NE(message.find("embedded:DIR"), std::string::npos) << message;
  EXPECT_EQ(refused_with([&] { open_log("embedded:", clock, Durability::full, {}); }), 3);
}

}  // namespace
}  // namespace drst
