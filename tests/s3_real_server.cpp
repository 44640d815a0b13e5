// The contract of ObjectStore, and what large objects need, on a real S3 server: S3_TEST_URL, where
// S3_TEST_ENDPOINT serves it, by the credentials of the environment. tests/s3_store_test.py starts the server
// and this program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "base/random.h"
#include "store/store.h"

namespace drst {
namespace {

StoreSettings direct() {
  StoreSettings settings;
  settings.mode = "direct";
  return settings;
}

S3Settings settings_of_server() {
  S3Settings settings;
  settings.endpoint = std::getenv("S3_TEST_ENDPOINT");
  if (const char* ca = std::getenv("S3_TEST_CA")) settings.ca_file = ca;
  return settings;
}

/// S3Proxy keeps If-None-Match for one writer at a time only, and lists what it is about to replace.
template <bool atomic>
struct ServerHome {
  static constexpr const char* before_keys = "";
  static constexpr bool folders = false, one_creates = atomic, whole_lists = atomic;
  std::string url = [] {
    static std::atomic<int> count{0};
    return std::getenv("S3_TEST_URL") + std::string("/home-") + std::to_string(++count);
  }();
  std::unique_ptr<ObjectStore> open() const { return open_store(url, direct(), settings_of_server()); }
};

#ifdef S3_TEST_ATOMIC
using Homes = ::testing::Types<ServerHome<true>>;
#else
using Homes = ::testing::Types<ServerHome<false>>;
#endif

}  // namespace
}  // namespace drst
#include "store/store_contract.h"
namespace drst {
namespace {

TEST(RealServer, LargeObjectsInPartsAndPieces) {
  auto settings = settings_of_server();
  settings.multipart_above_mib = 5;
  settings.part_mib = 5;
  settings.range_mib = 3;
  settings.page_keys = 2;
  const auto store = open_store(std::getenv("S3_TEST_URL") + std::string("/large"), direct(), settings);
  std::string bytes(13'000'001, '\0');
  Random random(7);
  for (char& c : bytes) c = static_cast<char>(random.below(256));
  store->put("in/parts", bytes);
  EXPECT_TRUE(store->get("in/parts") == bytes);
  EXPECT_FALSE(store->put_new("in/parts", std::string(6 << 20, 'x')));
  EXPECT_TRUE(store->get("in/parts") == bytes) << "not replaced";
  EXPECT_TRUE(store->put_new("in/new", bytes));
  for (const char* key : {"in/a", "in/b", "in/c"}) store->put(key, key);
  EXPECT_THAT(store->list("in/"), ::testing::ElementsAre("in/a", "in/b", "in/c", "in/new", "in/parts"));
}

}  // namespace
}  // namespace drst
