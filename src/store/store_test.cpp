// The contract of ObjectStore, the same for every back end.
#include "store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/error.h"
#include "base/files.h"
#include "store/local_store.h"
#include "store/memory_store.h"
#include "store/prefix_store.h"
#include "store/s3_test_tools.h"
#include "store/write_behind.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct LocalHome {
  static constexpr const char* before_keys = "";
  static constexpr bool folders = true, one_creates = true, whole_lists = true;
  TemporaryFolder folder;
  std::unique_ptr<ObjectStore> open() const {
    return open_store("file:" + (folder.path() / "store").string());
  }
};
/// On a server that knows S3 well enough (tests/s3_fault_server.py).
struct S3Home {
  static constexpr const char* before_keys = "";
  static constexpr bool folders = false, one_creates = true, whole_lists = true;
  CleanAwsEnvironment environment;
  std::string bucket = S3FaultServer::shared().new_bucket();
  std::unique_ptr<ObjectStore> open() const {
    StoreSettings direct;
    direct.mode = "direct";
    return open_store("s3://" + bucket + "/some/part", direct, S3FaultServer::shared().settings());
  }
};
/// Written behind: two handles of one machine, and uploads that come whenever they come.
struct WriteBehindHome {
  static constexpr const char* before_keys = "";
  static constexpr bool folders = false, one_creates = true, whole_lists = true;
  CleanAwsEnvironment environment;
  TemporaryFolder spool;
  std::string bucket = S3FaultServer::shared().new_bucket();
  std::unique_ptr<ObjectStore> open() const {
    StoreSettings settings;
    settings.spool = spool.path();
    return open_store("s3://" + bucket + "/some/part", settings, S3FaultServer::shared().settings());
  }
};
/// Where nothing has gone up yet.
struct QueueHome {
  static constexpr const char* before_keys = "";
  static constexpr bool folders = false, one_creates = true, whole_lists = true;
  TemporaryFolder spool;
  std::unique_ptr<ObjectStore> open() const {
    return std::make_unique<WriteBehindStore>(std::make_unique<UploadQueue>(spool.path() / "queue"),
                                              std::make_unique<MemoryStore>(), StoreSettings{});
  }
};
struct MemoryHome {
  static constexpr const char* before_keys = "";
  static constexpr bool folders = true, one_creates = true, whole_lists = true;
  std::shared_ptr<MemoryDisk> disk = std::make_shared<MemoryDisk>();
  std::unique_ptr<ObjectStore> open() const { return std::make_unique<MemoryStore>(disk); }
};
/// A part of a store is a store, whatever else the whole one holds.
struct PartHome {
  struct Part final : ObjectStore {
    explicit Part(const std::shared_ptr<MemoryDisk>& disk) : all(disk) {}
    void put(const std::string& key, std::string_view bytes) override { part.put(key, bytes); }
    bool put_new(const std::string& key, std::string_view bytes) override { return part.put_new(key, bytes); }
    std::optional<std::string> get(const std::string& key, std::uint64_t limit) override {
      return part.get(key, limit);
    }
    bool exists(const std::string& key) override { return part.exists(key); }
    std::vector<std::string> list(const std::string& prefix) override { return part.list(prefix); }
    bool remove(const std::string& key) override { return part.remove(key); }
    [[nodiscard]] std::string url() const override { return part.url(); }
    MemoryStore all;
    PrefixStore part{all, "targets/latency/"};
  };
  PartHome() {
    for (const char* key : {"models/a", "targets/latency2/a", "targets/input_rate/models/a", "zzz"})
      MemoryStore(disk).put(key, "another's");
  }
  static constexpr const char* before_keys = "targets/latency/";
  static constexpr bool folders = true, one_creates = true, whole_lists = true;
  std::shared_ptr<MemoryDisk> disk = std::make_shared<MemoryDisk>();
  std::unique_ptr<ObjectStore> open() const { return std::make_unique<Part>(disk); }
};

using Homes = ::testing::Types<LocalHome, MemoryHome, PartHome, S3Home, WriteBehindHome, QueueHome>;

}  // namespace
}  // namespace drst
#include "store/store_contract.h"  // the tests of each
namespace drst {
namespace {

TEST(PrefixStore, IsAFolderOfTheStoreBelow) {
  const TemporaryFolder folder;
  const auto below = open_store("file:" + folder.path().string());
  PrefixStore part(*below, "targets/latency/");
  part.put("models/latest.txt", "x");
  EXPECT_EQ(below->list(""), std::vector<std::string>{"targets/latency/models/latest.txt"});
  EXPECT_EQ(open_store(part.url())->get("models/latest.txt"), "x");
  EXPECT_EQ(*part.local_file("models/latest.txt"), folder.path() / "targets/latency/models/latest.txt");
  EXPECT_THROW((void)part.local_file("../input_rate/x"), InputError);

  PrefixStore all(*below, "");
  EXPECT_EQ(all.url(), below->url());
  EXPECT_EQ(all.get("targets/latency/models/latest.txt"), "x");
  for (const char* prefix : {"targets/latency", "/", "../", "a//", "a b/"})
    EXPECT_THROW(PrefixStore(*below, prefix), InputError) << prefix;
}

TEST(OpenStore, KnowsFoldersOnly) {
  const TemporaryFolder folder;
  const auto path = (folder.path() / "s").string();
  EXPECT_EQ(open_store(path)->url(), "file:" + path);
  EXPECT_EQ(open_store("file:" + path + "/")->url(), "file:" + path);
  EXPECT_EQ(open_store("file://" + path)->url(), "file:" + path);
  for (const char* url : {"", "file:", "ftp://x", "gopher:x"})
    EXPECT_THROW(open_store(url), InputError) << url;
  try {
    open_store("ftp://x");
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("file:DIR"));
  }
}

}  // namespace
}  // namespace drst
