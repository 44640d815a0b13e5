// The S3 store on a server with faults. What it shares with other stores is in store_contract.h; a real
// server is met in tests/s3_store_test.py.
#include "store/s3_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/stop.h"
#include "store/s3_open.h"
#include "store/s3_test_tools.h"

namespace drst {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class S3Faults : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = log::level();
    log::set_level(log::Level::error);
    plan("");
  }
  void TearDown() override {
    plan("");
    log::set_level(before_);
  }
  void plan(const std::string& faults) { server_.plan(faults); }
  S3Store store(const std::string& bucket = "") {
    S3Surroundings surroundings;
    surroundings.seed = 1;
    surroundings.wait = [this](double seconds) { waits_.push_back(seconds); };
    return S3Store("s3://" + (bucket.empty() ? bucket_ : bucket), settings_, surroundings);
  }
  /// Exit code and message of what `work` throws.
  template <class Work>
  static std::pair<ExitCode, std::string> error(const Work& work) {
    try {
      work();
    } catch (const Error& thrown) {
      EXPECT_THAT(thrown.what(), Not(HasSubstr("test-secret")));
      return {thrown.exit_code(), thrown.what()};
    }
    return {ExitCode::ok, ""};
  }
  [[nodiscard]] long count(const std::string& what) {
    const auto log = server_.requests();
    long found = 0;
    for (auto at = log.find(what); at != std::string::npos; at = log.find(what, at + 1)) ++found;
    return found;
  }

  CleanAwsEnvironment environment_;
  S3FaultServer& server_ = S3FaultServer::shared();
  std::string bucket_ = server_.new_bucket();
  S3Settings settings_ = server_.settings();
  std::vector<double> waits_;
  log::Level before_ = log::Level::info;
};

TEST_F(S3Faults, WhatMayPassIsTriedAgain) {
  auto s3 = store();
  for (const char* fault : {"500", "502", "timeout", "hang-up", "slow-down", "lost-answer"}) {
    plan(std::string(fault) + "\n" + fault);
    s3.put("a", fault);
    EXPECT_EQ(count("PUT"), 3) << fault;
    plan(std::string(fault) + "\n" + fault);
    EXPECT_EQ(s3.get("a"), fault);
    plan(fault);
    EXPECT_EQ(s3.list("").size(), 1U) << fault;
  }
}

/// A loop goes on with what its machine knows; a report of half the traces would be wrong.
TEST_F(S3Faults, WhoReadsWhatOthersMadeIsPatient) {
  const TemporaryFolder folder;
  StoreSettings settings;
  settings.spool = folder.path().string();
  settings_.backoff_s = 0.01;
  store().put("results/a", "1");
  for (const auto use : {StoreUse::work, StoreUse::existing}) {
    const auto opened = open_s3_store("s3://" + bucket_, settings, settings_, use);
    plan("hang-up\nhang-up\nhang-up");
    EXPECT_EQ(opened->list("results/").size(), use == StoreUse::existing ? 1U : 0U);
    plan("");
  }
}

TEST_F(S3Faults, WaitsGrowAreJitteredAndHonourRetryAfter) {
  settings_.backoff_s = 1;
  settings_.backoff_limit_s = 4;
  auto s3 = store();
  plan("500\n500\n500\n500\n500\nslow-down7");
  s3.put("a", "");
  ASSERT_EQ(waits_.size(), 6U);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_LE(waits_[i], std::min(4.0, static_cast<double>(1 << i)));
  EXPECT_EQ(waits_[5], 7);
  const auto first = waits_;
  waits_.clear();
  auto again = store();
  plan("500\n500");
  again.put("a", "");
  EXPECT_EQ(waits_[1], first[1]) << "the same seed";
  settings_.deadline_s = 5;
  auto hasty = store();
  plan("slow-down9");
  EXPECT_EQ(error([&] { hasty.put("a", ""); }).first, ExitCode::unreachable) << "beyond the deadline";
}

TEST_F(S3Faults, AnEndIsFound) {
  settings_.retries = 2;
  auto s3 = store();
  plan("500\n500\n500\n500");
  const auto [code, words] = error([&] { s3.put("models/a", "x"); });
  EXPECT_EQ(code, ExitCode::unreachable);
  EXPECT_THAT(words,
              AllOf(HasSubstr("write object 'models/a' in s3://" + bucket_), HasSubstr("InternalError")));
  EXPECT_EQ(count("PUT"), 3);
}

TEST_F(S3Faults, ACutObjectIsReadOnFromWhereItWas) {
  auto s3 = store();
  std::string bytes(1'000'000, 'a');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 131 + i / 977);
  s3.put("a", bytes);
  plan("half\nhalf\nhang-up");
  EXPECT_TRUE(s3.get("a") == bytes);
  EXPECT_EQ(count("bytes=500000-"), 1);
  EXPECT_EQ(count("bytes=750000-"), 2);
  plan("half\nno-range");
  EXPECT_TRUE(s3.get("a") == bytes) << "a server that knows no ranges sends it all";
  plan("half\nother-etag");
  EXPECT_TRUE(s3.get("a") == bytes) << "another version: begun anew";
  plan("half-and-replaced");
  EXPECT_TRUE(s3.get("a") == std::string(bytes.size(), 'R')) << "never a mixture";
  plan("wrong-range");
  EXPECT_THAT(error([&] { s3.get("a"); }).second, HasSubstr("another range"));
}

TEST_F(S3Faults, BytesThatAreNotOfTheirETagAreReadAgain) {
  auto s3 = store();
  s3.put("a", "whole");
  plan("torn");
  EXPECT_EQ(s3.get("a"), "whole");
  EXPECT_EQ(count("GET"), 2);
  plan("torn\ntorn");
  const auto [code, words] = error([&] { s3.get("a"); });
  EXPECT_EQ(code, ExitCode::failed);
  EXPECT_THAT(words, AllOf(HasSubstr("'a'"), HasSubstr("MD5"), HasSubstr("s3.check_etag")));
  plan("torn-kms");
  EXPECT_EQ(s3.get("a"), "TTTTT") << "an ETag that is no MD5 proves nothing";
  settings_.check_etag = false;
  plan("torn");
  EXPECT_EQ(store().get("a"), "TTTTT");
}

TEST_F(S3Faults, LargeObjectsAreReadInPieces) {
  settings_.range_mib = 1;
  auto s3 = store();
  std::string bytes(2'500'000, 'x');
  bytes[2'000'000] = 'y';
  s3.put("a", bytes);
  plan("");
  EXPECT_TRUE(s3.get("a") == bytes);
  EXPECT_EQ(count("GET"), 3);
  EXPECT_THROW(s3.get("a", 2'499'999), FailedError);
}

TEST_F(S3Faults, LargeObjectsGoUpInParts) {
  settings_.multipart_above_mib = 5;
  settings_.part_mib = 5;
  auto s3 = store();
  std::string bytes(11 << 20, 'p');
  bytes[6 << 20] = 'q';
  plan("none\n500\nnone\nhang-up\nnone\nerror-in-200");
  s3.put("a", bytes);
  EXPECT_TRUE(s3.get("a") == bytes);
  plan("none\nnone\nnone\nnone\nlost-answer");
  s3.put("b", bytes);
  EXPECT_EQ(s3.list("").size(), 2U) << "completed by the try whose answer was lost";
  plan("none\ndenied");
  EXPECT_EQ(error([&] { s3.put("c", bytes); }).first, ExitCode::input);
  EXPECT_EQ(count("DELETE"), 1) << "parts do not stay behind";
  EXPECT_FALSE(s3.exists("c"));
}

TEST_F(S3Faults, PutNewKnowsItsOwnLostAnswer) {
  auto s3 = store();
  plan("none\nlost-answer");
  EXPECT_TRUE(s3.put_new("a", "mine"));
  EXPECT_FALSE(s3.put_new("a", "other"));
  plan("none\nconflict");
  EXPECT_TRUE(s3.put_new("b", "x"));
}

TEST_F(S3Faults, AListOfManyPages) {
  settings_.page_keys = 2;
  auto s3 = store();
  for (const char* key : {"m/e", "m/b", "m/a", "m/d", "m/c", "n"}) s3.put(key, "");
  plan("none\nhalf\nhang-up");
  EXPECT_THAT(s3.list("m/"), ::testing::ElementsAre("m/a", "m/b", "m/c", "m/d", "m/e"));
  plan("broken-list");
  EXPECT_THAT(error([&] { s3.list("m/"); }).second, HasSubstr("not the XML"));
  plan("page-forever\npage-forever");
  EXPECT_THAT(error([&] { s3.list("m/"); }).second, HasSubstr("same page"));
  plan("laughs");
  EXPECT_THAT(error([&] { s3.list("m/"); }).second, HasSubstr("document type"));
  plan("huge");
  EXPECT_THAT(error([&] { s3.list("m/"); }).second, HasSubstr("larger than any"));
}

TEST_F(S3Faults, AClockThatIsWrongIsCorrectedOnce) {
  auto s3 = store();
  plan("skew7200");
  s3.put("a", "x");
  EXPECT_EQ(s3.get("a"), "x");
  EXPECT_EQ(count("PUT"), 2);
  EXPECT_EQ(count("GET"), 1) << "once corrected, at once right";
  plan("skew-7200");
  EXPECT_TRUE(s3.exists("a")) << "a HEAD has no code to go by";
}

TEST_F(S3Faults, ARedirectIsToldAndNotFollowed) {
  auto s3 = store();
  plan("redirect");
  const auto [code, words] = error([&] { s3.get("a"); });
  EXPECT_EQ(code, ExitCode::input);
  EXPECT_THAT(words, AllOf(HasSubstr("PermanentRedirect"), HasSubstr("s3.region to 'eu-west-3'"),
                           HasSubstr("b.s3.eu-west-3.amazonaws.com")));
  EXPECT_EQ(count("GET /test"), 1);
}

TEST_F(S3Faults, WhatAPersonMustPutRightIsExitCode3) {
  auto s3 = store();
  plan("denied");
  const auto denied = error([&] { s3.put("a", ""); });
  EXPECT_EQ(denied.first, ExitCode::input);
  EXPECT_THAT(denied.second,
              AllOf(HasSubstr("AccessDenied"), HasSubstr("object 'a'"), HasSubstr("the right")));
  plan("denied\ndenied");
  EXPECT_THAT(error([&] { s3.exists("a"); }).second, HasSubstr("AccessDenied"));
  const auto bucket = error([&] { store("absent-bucket").check(); });
  EXPECT_EQ(bucket.first, ExitCode::input);
  EXPECT_THAT(bucket.second, HasSubstr("there is no bucket 'absent-bucket'"));
  EXPECT_THAT(error([&] { store("absent-bucket").get("a"); }).second, HasSubstr("NoSuchBucket"));
  ::setenv("AWS_SECRET_ACCESS_KEY", "test-secret-wrong", 1);
  const auto secret = error([&] { store().check(); });
  EXPECT_EQ(secret.first, ExitCode::input);
  EXPECT_THAT(secret.second, AllOf(HasSubstr("SignatureDoesNotMatch"), HasSubstr("the environment")));
  ::unsetenv("AWS_ACCESS_KEY_ID");
  ::setenv("HOME", "/nonexistent", 1);
  EXPECT_EQ(error([&] { store().check(); }).first, ExitCode::input);
}

/// The environment of a process that has a web identity and no keys.
class S3WebIdentity : public S3Faults {
 protected:
  void SetUp() override {
    S3Faults::SetUp();
    ::unsetenv("AWS_ACCESS_KEY_ID");
    ::unsetenv("AWS_SECRET_ACCESS_KEY");
    ::setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token_.c_str(), 1);
    ::setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/drst", 1);
    ::setenv("AWS_ENDPOINT_URL_STS", server_.endpoint().c_str(), 1);
    write_file_atomic(token_, "test-web-identity\n");
  }
  TemporaryFolder folder_;
  std::filesystem::path token_ = folder_.path() / "token";
};

TEST_F(S3WebIdentity, IsExchangedOnceForCredentials) {
  auto s3 = store();
  plan("500\nhang-up");
  s3.put("a", "x");
  EXPECT_EQ(count("POST /"), 3) << "STS, too, is asked again";
  EXPECT_EQ(s3.get("a"), "x");
  EXPECT_EQ(count("POST /"), 3);
  plan("expired");
  EXPECT_EQ(s3.get("a"), "x") << "a session that is over is renewed";
  EXPECT_EQ(count("POST /"), 1);
}

TEST_F(S3WebIdentity, ARefusalNamesNoToken) {
  write_file_atomic(token_, "test-secret-token");
  const auto [code, words] = error([&] { store().check(); });
  EXPECT_EQ(code, ExitCode::input);
  EXPECT_THAT(words, AllOf(HasSubstr("InvalidIdentityToken"), HasSubstr("AWS_WEB_IDENTITY_TOKEN_FILE")));
}

TEST_F(S3WebIdentity, TheWaitForStsHasAnEnd) {
  settings_.deadline_s = 0.5;
  settings_.retries = 100;
  plan("sleep");
  const double begin = monotonic_seconds();
  EXPECT_EQ(error([&] { store().check(); }).first, ExitCode::unreachable);
  EXPECT_LT(monotonic_seconds() - begin, 1.4) << "before STS answers";
  plan("slow-down9");
  EXPECT_EQ(error([&] { store().check(); }).first, ExitCode::unreachable) << "a wait beyond the deadline";
  EXPECT_TRUE(waits_.empty());
}

TEST_F(S3Faults, NobodyThereIsExitCode4) {
  settings_.endpoint = "http://127.0.0.1:9";
  const auto [code, words] = error([&] { store().check(); });
  EXPECT_EQ(code, ExitCode::unreachable);
  EXPECT_THAT(words, AllOf(HasSubstr("http://127.0.0.1:9"), HasSubstr("s3.endpoint")));
  settings_ = server_.settings();
  settings_.stall_timeout_s = 0.3;
  settings_.connect_timeout_s = 0.3;
  settings_.retries = 0;
  plan("sleep");
  EXPECT_EQ(error([&] { store().check(); }).first, ExitCode::unreachable) << "slower than is waited for";
}

TEST_F(S3Faults, TlsIsNotSpokenToWhoDoesNot) {
  settings_.endpoint = "https" + server_.endpoint().substr(4);
  EXPECT_EQ(error([&] { store().check(); }).first, ExitCode::input);
  settings_.ca_file = "/nonexistent.pem";
  EXPECT_THAT(error([&] { store(); }).second, HasSubstr("s3.ca_file"));
}

TEST_F(S3Faults, WhatCannotBeRightIsRefused) {
  for (const char* url : {"s3:", "s3://", "s3:bucket", "s3://a", "s3://UPPER", "s3://b_cket",
                          "s3://bucket//x", "s3://bucket/../x", "s3://-bucket"})
    EXPECT_THROW(S3Store(url, settings_), InputError) << url;
  for (const char* endpoint :
       {"127.0.0.1:1", "ftp://x", "http://", "http://x/path", "http://x?y", "http://x y"}) {
    settings_.endpoint = endpoint;
    EXPECT_THROW(store(), InputError) << endpoint;
  }
  settings_.endpoint = "http://me:test-secret@host";
  EXPECT_EQ(error([&] { store(); }).first, ExitCode::input);
  settings_ = server_.settings();
  settings_.region = "x\r\ny";
  EXPECT_THROW(store(), InputError);
}

TEST_F(S3Faults, OneSpellingOfAnEndpoint) {
  const auto address = [this](const std::string& endpoint) {
    settings_.endpoint = endpoint;
    return S3Store("s3://bucket/a", settings_).address();
  };
  for (const char* spelled :
       {"https://Store.Example", "HTTPS://store.example/", "https://store.example:443//"})
    EXPECT_EQ(address(spelled), "https://store.example/bucket/a/");
  EXPECT_EQ(address("http://127.0.0.1:80/"), "http://127.0.0.1/bucket/a/");
  EXPECT_EQ(address("http://[::1]:9000/"), "http://[::1]:9000/bucket/a/");
  EXPECT_NE(address("http://store.example:443"), address("http://store.example"));
}

TEST_F(S3Faults, EachTryIsToldWithWhatFailedBefore) {
  std::vector<std::string> told;
  S3Surroundings surroundings;
  surroundings.wait = [](double) {};
  surroundings.trying = [&](const S3Try& attempt) {
    told.push_back(std::string(attempt.doing) + " " + std::to_string(attempt.number) + " " +
                   std::string(attempt.failed));
  };
  S3Store there("s3://" + bucket_, settings_, surroundings);
  plan("500");
  there.put("a", "1");
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(told[0], "write object 'a' in s3://" + bucket_ + " 1 ");
  EXPECT_THAT(told[1], HasSubstr("write object 'a' in s3://" + bucket_ + " 2 "));
  EXPECT_THAT(told[1], Not(testing::EndsWith(" ")));
}

TEST_F(S3Faults, TheUrlAndTheSettingsHoldNoSecret) {
  EXPECT_EQ(S3Store("s3://bucket/a/b/", settings_).url(), "s3://bucket/a/b");
  EXPECT_EQ(store().url(), "s3://" + bucket_);
  Settings all;
  all.add("s3", settings_);
  EXPECT_THAT(all.to_toml(true), Not(HasSubstr("test-secret")));
}

}  // namespace
}  // namespace drst
