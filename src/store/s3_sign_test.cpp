#include "store/s3_sign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/hash.h"

namespace drst {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// "Examples: Signature Calculations" of the S3 documentation. Its key is public.
const S3Credentials example{"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", ""};
const Time example_day = *from_iso8601("2013-05-24T00:00:00Z");

std::string s3_example(const std::string& method, const std::string& path, const S3Pairs& query,
                       S3Pairs headers, std::string_view payload = "") {
  S3Signable request{method, s3_encode(path, true), s3_canonical_query(query), std::move(headers),
                     sha256_hex(payload)};
  request.headers.emplace_back("Host", "examplebucket.s3.amazonaws.com");
  request.headers.emplace_back("x-amz-content-sha256", request.payload_sha256);
  request.headers.emplace_back("x-amz-date", s3_date(example_day));
  return s3_authorization(request, example, "us-east-1", "s3", example_day);
}

TEST(S3Sign, TheGetOfTheDocumentation) {
  EXPECT_EQ(s3_example("GET", "/test.txt", {}, {{"Range", "bytes=0-9"}}),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(S3Sign, ThePutOfTheDocumentation) {
  EXPECT_THAT(
      s3_example("PUT", "/test$file.text", {},
                 {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                 "Welcome to Amazon S3."),
      EndsWith("Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST(S3Sign, TheLifecycleOfTheDocumentation) {
  EXPECT_THAT(s3_example("GET", "/", {{"lifecycle", ""}}, {}),
              EndsWith("Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST(S3Sign, TheListOfTheDocumentation) {
  EXPECT_THAT(s3_example("GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}),
              EndsWith("Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

// The general test suite (aws-sig-v4-test-suite).
struct SuiteCase {
  const char* name;
  S3Signable request;
  const char* signature;
};

TEST(S3Sign, TheTestSuite) {
  const S3Credentials suite{"AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ""};
  const Time time = *from_iso8601("2015-08-30T12:36:00Z");
  const std::string none = sha256_hex("");
  const S3Pairs plain = {{"Host", "example.amazonaws.com"}, {"X-Amz-Date", "20150830T123600Z"}};
  S3Pairs form = plain;
  form.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  S3Pairs blanks = plain;
  blanks.emplace_back("My-Header1", " value1");
  blanks.emplace_back("My-Header2", " \"a   b   c\"");
  const SuiteCase cases[] = {
      {"get-vanilla",
       {"GET", "/", "", plain, none},
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"get-vanilla-query-order-key-case",
       {"GET", "/", s3_canonical_query({{"Param2", "value2"}, {"Param1", "value1"}}), plain, none},
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-utf8",
       {"GET", s3_encode("/\u1234", true), "", plain, none},
       "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-unreserved",
       {"GET", s3_encode("/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", true), "",
        plain, none},
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-header-value-trim",
       {"GET", "/", "", blanks, none},
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"post-vanilla",
       {"POST", "/", "", plain, none},
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"post-vanilla-query",
       {"POST", "/", s3_canonical_query({{"Param1", "value1"}}), plain, none},
       "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
      {"post-x-www-form-urlencoded",
       {"POST", "/", "", form, sha256_hex("Param1=value1")},
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
  };
  for (const auto& one : cases)
    EXPECT_THAT(s3_authorization(one.request, suite, "us-east-1", "service", time),
                EndsWith(std::string("Signature=") + one.signature))
        << one.name << '\n'
        << s3_canonical_request(one.request);
}

TEST(S3Sign, EncodesAsS3Wants) {
  EXPECT_EQ(s3_encode("a b/c+d=e&f~g%"), "a%20b%2Fc%2Bd%3De%26f~g%25");
  EXPECT_EQ(s3_encode("a/b", true), "a/b");
  EXPECT_EQ(s3_canonical_query({{"uploads", ""}}), "uploads=");
  EXPECT_EQ(s3_canonical_query({{"b", "2"}, {"a-b", "x y"}, {"a", "1"}}), "a=1&a-b=x%20y&b=2");
}

TEST(S3Sign, TheSecretIsNotInWhatIsSent) {
  EXPECT_THAT(s3_example("GET", "/x", {}, {}), ::testing::Not(HasSubstr("wJalr")));
}

}  // namespace
}  // namespace drst
