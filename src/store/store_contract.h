// For tests: the contract of ObjectStore, the same for every back end. To be included once in a program,
// behind `drst::(anonymous)::Homes`, the list of what is tested. A home gives stores by `open()`, all on the
// same objects, and says
//   before_keys   what stands before keys in messages;
//   folders       an object cannot be the folder of another;
//   one_creates   of several writers at once, exactly one `put_new` is true;
//   whole_lists   an object that is being replaced is listed once.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "base/error.h"
#include "store/store.h"

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <class Home>
class StoreContract : public ::testing::Test {
 protected:
  Home home_;
  std::unique_ptr<ObjectStore> store_ = home_.open();
};
TYPED_TEST_SUITE(StoreContract, Homes);

TYPED_TEST(StoreContract, AnObjectIsThereOnceWritten) {
  auto& store = *this->store_;
  EXPECT_EQ(store.get("models/a.onnx"), std::nullopt);
  EXPECT_FALSE(store.exists("models/a.onnx"));
  store.put("models/a.onnx", "one");
  EXPECT_EQ(store.get("models/a.onnx"), "one");
  EXPECT_TRUE(store.exists("models/a.onnx"));
  store.put("models/a.onnx", "two");
  EXPECT_EQ(store.get("models/a.onnx"), "two");
}

TYPED_TEST(StoreContract, AnyBytesAndNone) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 31);
  this->store_->put("a", bytes);
  this->store_->put("empty", "");
  EXPECT_EQ(this->store_->get("a"), bytes);
  EXPECT_EQ(this->store_->get("empty"), "");
  EXPECT_TRUE(this->store_->exists("empty"));
}

TYPED_TEST(StoreContract, PutNewNeverReplaces) {
  auto& store = *this->store_;
  EXPECT_TRUE(store.put_new("m/x", "first"));
  EXPECT_FALSE(store.put_new("m/x", "second"));
  EXPECT_EQ(store.get("m/x"), "first");
  store.remove("m/x");
  EXPECT_TRUE(store.put_new("m/x", "third"));
}

TYPED_TEST(StoreContract, RemoveSaysWhetherThereWasOne) {
  auto& store = *this->store_;
  store.put("results/x", "1");
  EXPECT_TRUE(store.remove("results/x"));
  EXPECT_FALSE(store.remove("results/x"));
  EXPECT_FALSE(store.remove("nowhere/at/all"));
  EXPECT_EQ(store.get("results/x"), std::nullopt);
  EXPECT_THAT(store.list(""), IsEmpty());
}

TYPED_TEST(StoreContract, ListsByPrefixInOrder) {
  auto& store = *this->store_;
  EXPECT_THAT(store.list("models/"), IsEmpty());
  for (const char* key : {"models/b", "models/a", "models/sub/c", "models-old", "results/r", "models/a.json"})
    store.put(key, "");
  EXPECT_THAT(store.list("models/"), ElementsAre("models/a", "models/a.json", "models/b", "models/sub/c"));
  EXPECT_THAT(store.list("models/a"), ElementsAre("models/a", "models/a.json"));
  EXPECT_THAT(store.list("models"),
              ElementsAre("models-old", "models/a", "models/a.json", "models/b", "models/sub/c"));
  EXPECT_THAT(store.list("models/sub/c"), ElementsAre("models/sub/c"));
  EXPECT_THAT(store.list("models/sub/c/"), IsEmpty());
  EXPECT_EQ(store.list("").size(), 6U);
}

TYPED_TEST(StoreContract, AFolderIsNoObject) {
  auto& store = *this->store_;
  store.put("models/sub/c", "1");
  EXPECT_FALSE(store.exists("models/sub"));
  EXPECT_EQ(store.get("models/sub"), std::nullopt);
  EXPECT_FALSE(store.remove("models/sub"));
  EXPECT_EQ(store.get("models/sub/c/d"), std::nullopt);
  EXPECT_FALSE(store.exists("models/sub/c/d"));
}

TYPED_TEST(StoreContract, AnObjectCannotBeTheFolderOfAnother) {
  if (!TypeParam::folders) GTEST_SKIP() << "a bucket holds both (s3_store.h)";
  auto& store = *this->store_;
  store.put("a/b", "1");
  EXPECT_THROW(store.put("a", "2"), FailedError);
  EXPECT_THROW(store.put("a/b/c", "2"), FailedError);
  EXPECT_THROW(store.put_new("a/b/c", "2"), FailedError);
  EXPECT_EQ(store.get("a/b"), "1");
  EXPECT_THAT(store.list(""), ElementsAre("a/b"));
}

TYPED_TEST(StoreContract, KeysThatAreNone) {
  auto& store = *this->store_;
  const std::vector<std::string> bad = {"",
                                        "/",
                                        "/etc/passwd",
                                        "a/",
                                        "a//b",
                                        ".",
                                        "..",
                                        "../x",
                                        "a/../../x",
                                        "a/..",
                                        "a/./b",
                                        "a b",
                                        "a\\b",
                                        "a\nb",
                                        "\xC3\xA4",
                                        std::string("a\0b", 3),
                                        "models/.tmp-1-1",
                                        ".tmp-x/y",
                                        std::string(256, 'x'),
                                        "a/" + std::string(256, 'x'),
                                        "~",
                                        "a:b"};
  for (const auto& key : bad) {
    EXPECT_THROW(store.put(key, "x"), InputError) << key;
    EXPECT_THROW(store.put_new(key, "x"), InputError) << key;
    EXPECT_THROW(store.get(key), InputError) << key;
    EXPECT_THROW(store.exists(key), InputError) << key;
    EXPECT_THROW(store.remove(key), InputError) << key;
  }
  for (const char* prefix : {"../", "/", "a//", "a/../", "..//", ".tmp-x/", "a b"})
    EXPECT_THROW(store.list(prefix), InputError) << prefix;
  EXPECT_THAT(store.list(""), IsEmpty());
}

TYPED_TEST(StoreContract, KeysThatAreFine) {
  auto& store = *this->store_;
  const std::string long_key =
      std::string(255, 'x') + "/" + std::string(255, 'y') + "/" + std::string(255, 'z');
  for (const std::string& key :
       {std::string(".hidden"), std::string("a..b/...c"), std::string("A-Z_0.9"), long_key}) {
    store.put(key, key);
    EXPECT_EQ(store.get(key), key);
  }
  EXPECT_EQ(store.list("").size(), 4U);
  EXPECT_EQ(store.list(".").size(), 1U);
}

TYPED_TEST(StoreContract, WhatIsTooLargeIsNotRead) {
  this->store_->put("models/big", std::string(1000, 'x'));
  EXPECT_EQ(this->store_->get("models/big", 1000)->size(), 1000U);
  try {
    this->store_->get("models/big", 999);
    FAIL();
  } catch (const FailedError& error) {
    EXPECT_THAT(error.what(), HasSubstr("'" + std::string(TypeParam::before_keys) + "models/big'"));
    EXPECT_THAT(error.what(), HasSubstr("1000 bytes; at most 999"));
  }
}

TYPED_TEST(StoreContract, AnotherHandleSeesTheSame) {
  this->store_->put("a", "1");
  const auto other = this->home_.open();
  EXPECT_EQ(other->get("a"), "1");
  other->put("b/c", "2");
  this->store_.reset();
  EXPECT_THAT(this->home_.open()->list(""), ElementsAre("a", "b/c"));
}

TYPED_TEST(StoreContract, OneOfManyCreates) {
  constexpr int writers = 4;
  for (int round = 0; round < 10; ++round) {
    const std::string key = "m/" + std::to_string(round);
    std::atomic<int> created{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < writers; ++i)
      threads.emplace_back(
          [&, i, store = this->home_.open()] { created += store->put_new(key, std::to_string(i)) ? 1 : 0; });
    for (auto& thread : threads) thread.join();
    EXPECT_GE(created, 1);
    EXPECT_LE(created, TypeParam::one_creates ? 1 : writers);
  }
}

TYPED_TEST(StoreContract, AReaderSeesTheOldOrTheNewNeverAMixture) {
  auto& store = *this->store_;
  const std::string versions[] = {std::string(50'000, 'a'), std::string(80'000, 'b')};
  store.put("models/latest.txt", versions[0]);
  std::atomic<bool> stop{false};
  std::atomic<int> absences{0}, mixtures{0}, lists{0};
  std::thread reader([&] {
    while (!stop) {
      const auto seen = store.get("models/latest.txt");
      if (!seen) {
        ++absences;
      } else if (*seen != versions[0] && *seen != versions[1]) {
        ++mixtures;
      }
      if (store.list("models/").size() != 1) ++lists;
    }
  });
  for (int i = 0; i < 50; ++i) store.put("models/latest.txt", versions[i % 2]);
  stop = true;
  reader.join();
  EXPECT_EQ(absences, 0);
  if (TypeParam::whole_lists) {  // S3Proxy on a folder tells the old length with the new bytes, too
    EXPECT_EQ(mixtures, 0);
    EXPECT_EQ(lists, 0) << "that do not show it once";
  }
}

}  // namespace
}  // namespace drst
