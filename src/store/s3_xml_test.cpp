#include "store/s3_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace drst {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(S3Xml, ReadsAnError) {
  const auto error = parse_s3_error(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>PermanentRedirect</Code><Message>go &amp; "
      "see</Message><Endpoint>b.s3.eu-west-1.amazonaws.com</Endpoint><Region>eu-west-1</Region></Error>");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, "PermanentRedirect");
  EXPECT_EQ(error->message, "go & see");
  EXPECT_EQ(error->endpoint, "b.s3.eu-west-1.amazonaws.com");
  EXPECT_EQ(error->region, "eu-west-1");
  EXPECT_EQ(parse_s3_error("<ErrorResponse xmlns='https://sts.amazonaws.com/'><Error><Code>ExpiredToken"
                           "Exception</Code></Error></ErrorResponse>")
                ->code,
            "ExpiredTokenException");
  for (const char* other :
       {"", "<html>", "<html/>", "nonsense", "<Error/>", "<Other><Error><Code>x</Code></Error></Other>"})
    EXPECT_FALSE(parse_s3_error(other)) << other;
}

TEST(S3Xml, ReadsAPage) {
  const auto page = parse_s3_page(
      "<s3:ListBucketResult xmlns:s3='http://s3.amazonaws.com/doc/2006-03-01/'><s3:IsTruncated>true"
      "</s3:IsTruncated><s3:Contents><s3:Key>a%2Fb+c</s3:Key><s3:Size>1</s3:Size><s3:Owner><s3:Key>no</"
      "s3:Key>"
      "</s3:Owner></s3:Contents><s3:Contents><s3:Key>z%</s3:Key></s3:Contents><s3:NextContinuationToken>t+%2F"
      "</s3:NextContinuationToken><s3:EncodingType>url</s3:EncodingType></s3:ListBucketResult>");
  ASSERT_TRUE(page) << page.error().reason;
  EXPECT_THAT(page->keys, ElementsAre("a/b c", "z%"));
  EXPECT_TRUE(page->truncated);
  EXPECT_EQ(page->next, "t+%2F") << "tokens are not encoded";
  const auto plain =
      parse_s3_page("<ListBucketResult><Contents><Key>a%2Fb</Key></Contents></ListBucketResult>");
  EXPECT_THAT(plain->keys, ElementsAre("a%2Fb"));
  EXPECT_FALSE(plain->truncated);
}

TEST(S3Xml, RefusesPagesThatAreNone) {
  const auto reason = [](const std::string& xml) {
    const auto page = parse_s3_page(xml);
    return page ? std::string() : page.error().reason;
  };
  EXPECT_THAT(reason("<ListBucketResult><Contents><Key>a</Key>"), HasSubstr("line 1"));
  EXPECT_THAT(reason("<Error><Code>x</Code></Error>"), HasSubstr("no ListBucketResult"));
  EXPECT_THAT(reason("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"),
              HasSubstr("no continuation token"));
}

TEST(S3Xml, RefusesHostileDocuments) {
  const auto reason = [](const std::string& xml) { return parse_s3_page(xml).error().reason; };
  std::string laughs = "<!DOCTYPE l [<!ENTITY a0 \"ha\">";
  for (int i = 1; i < 30; ++i) {
    laughs += "<!ENTITY a" + std::to_string(i) + " \"";
    for (int k = 0; k < 10; ++k) laughs += "&a" + std::to_string(i - 1) + ";";
    laughs += "\">";
  }
  EXPECT_THAT(reason(laughs + "]><ListBucketResult>&a29;</ListBucketResult>"), HasSubstr("document type"));
  EXPECT_THAT(reason("<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><ListBucketResult/>"),
              HasSubstr("document type"));
  EXPECT_THAT(reason(std::string(100'000'000, ' ')), HasSubstr("more than"));
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_THAT(reason(deep), HasSubstr("too deeply"));
  std::string many = "<ListBucketResult>";
  for (int i = 0; i < 300'000; ++i) many += "<a/>";
  EXPECT_THAT(reason(many + "</ListBucketResult>"), HasSubstr("too many"));
  EXPECT_THAT(reason("<ListBucketResult><Contents><Key>" + std::string(100'000, 'x') +
                     "</Key></Contents></ListBucketResult>"),
              HasSubstr("too long"));
  EXPECT_FALSE(parse_s3_page("<ListBucketResult>&undefined;</ListBucketResult>"));
  EXPECT_FALSE(parse_s3_page(std::string("<List\0BucketResult/>", 20)));
}

TEST(S3Xml, ReadsAnUploadIdAndCredentials) {
  EXPECT_EQ(*parse_s3_upload_id("<InitiateMultipartUploadResult><UploadId>u-1</UploadId>"
                                "</InitiateMultipartUploadResult>"),
            "u-1");
  EXPECT_FALSE(parse_s3_upload_id("<InitiateMultipartUploadResult/>"));
  const std::string before =
      "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>A"
      "</AccessKeyId><SecretAccessKey>S</SecretAccessKey><SessionToken>T</SessionToken>";
  const std::string after =
      "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>";
  const auto good = parse_sts_credentials(before + "<Expiration>2026-01-01T00:00:00Z</Expiration>" + after);
  ASSERT_TRUE(good);
  EXPECT_EQ(good->secret_key, "S");
  EXPECT_EQ(good->expires, from_iso8601("2026-01-01T00:00:00Z"));
  EXPECT_FALSE(parse_sts_credentials(before + after));
}

}  // namespace
}  // namespace drst
