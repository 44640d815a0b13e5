#include "store/s3_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/files.h"
#include "store/s3_test_tools.h"

namespace drst {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string file =
    "# comment\r\n[default]\r\naws_access_key_id = A1\r\naws_secret_access_key=s1=\r\nregion = x\n"
    "[ other ]\naws_access_key_id=A2\naws_secret_access_key=s2\naws_session_token=t2\n[empty]\n[half]\n"
    "aws_access_key_id=A3\n[broken]\nsecretsecret\n";

TEST(S3Credentials, ReadsProfiles) {
  const auto first = parse_shared_credentials(file, "default");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->access_key, "A1");
  EXPECT_EQ(first->secret_key, "s1=");
  EXPECT_EQ(parse_shared_credentials(file, "other")->session_token, "t2");
  EXPECT_THAT(parse_shared_credentials(file, "absent").error().reason, HasSubstr("no profile 'absent'"));
  EXPECT_THAT(parse_shared_credentials(file, "empty").error().reason, HasSubstr("aws_access_key_id"));
  EXPECT_THAT(parse_shared_credentials(file, "half").error().reason, HasSubstr("aws_secret_access_key"));
  const auto broken = parse_shared_credentials(file, "broken").error().reason;
  EXPECT_THAT(broken, HasSubstr("line 14"));
  EXPECT_THAT(broken, Not(HasSubstr("secretsecret")));
  EXPECT_FALSE(parse_shared_credentials("[default", "default"));
}

class S3Sources : public ::testing::Test {
 protected:
  S3CredentialSource source(const std::string& profile = "") {
    return {profile, clock_, [this](const std::string& form) {
              forms_.push_back(form);
              if (sts_fails_) throw FailedError("STS is down");
              return "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>"
                     "<AccessKeyId>W</AccessKeyId><SecretAccessKey>ws</SecretAccessKey><SessionToken>wt"
                     "</SessionToken><Expiration>" +
                     to_iso8601(clock_.now() + std::chrono::hours(1)) +
                     "</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
                     "</AssumeRoleWithWebIdentityResponse>";
            }};
  }
  std::string write(const std::string& name, const std::string& text) const {
    write_file_atomic(folder_.path() / name, text);
    return (folder_.path() / name).string();
  }

  CleanAwsEnvironment environment_;
  TemporaryFolder folder_;
  VirtualClock clock_;
  std::vector<std::string> forms_;
  bool sts_fails_ = false;
};

TEST_F(S3Sources, SaysWhatToDoWhereThereAreNone) {
  ::setenv("HOME", folder_.path().c_str(), 1);
  try {
    source().current();
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("AWS_ACCESS_KEY_ID"));
    EXPECT_THAT(error.what(), HasSubstr(".aws/credentials"));
  }
  ::setenv("AWS_ACCESS_KEY_ID", "A", 1);
  EXPECT_THROW(source().current(), InputError) << "half of a pair";
}

TEST_F(S3Sources, TheEnvironmentGoesFirstButBehindAProfileThatIsAskedFor) {
  ::setenv("AWS_SHARED_CREDENTIALS_FILE", write("shared", file).c_str(), 1);
  EXPECT_EQ(source().current().access_key, "A1");
  ::setenv("AWS_PROFILE", "other", 1);
  EXPECT_EQ(source().current().access_key, "A2");
  ::setenv("AWS_ACCESS_KEY_ID", "E", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "es", 1);
  EXPECT_EQ(source().current().access_key, "E");
  EXPECT_EQ(source("default").current().access_key, "A1");
}

TEST_F(S3Sources, NoLineBreakGetsIntoAHeader) {
  ::setenv("AWS_ACCESS_KEY_ID", "A\nx-amz-acl: public-read", 1);
  ::setenv("AWS_SECRET_ACCESS_KEY", "topsecret", 1);
  try {
    source().current();
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("topsecret")));
  }
}

TEST_F(S3Sources, AWebIdentityIsRenewedBeforeItExpires) {
  const auto token = write("token", "tok/1\n");
  ::setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token.c_str(), 1);
  EXPECT_THROW(source().current(), InputError) << "no role";
  ::setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
  auto web = source();
  EXPECT_EQ(web.current().session_token, "wt");
  clock_.advance(std::chrono::minutes(54));
  web.current();
  ASSERT_EQ(forms_.size(), 1U);
  EXPECT_EQ(forms_[0],
            "Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=drst&"
            "Version=2011-06-15&WebIdentityToken=tok%2F1");
  write("token", "tok/2");
  clock_.advance(std::chrono::minutes(2));
  web.current();
  ASSERT_EQ(forms_.size(), 2U);
  EXPECT_THAT(forms_[1], HasSubstr("tok%2F2")) << "the file is read anew";
  EXPECT_TRUE(web.renew());
  web.current();
  EXPECT_EQ(forms_.size(), 3U);
  EXPECT_EQ(web.without_secrets("a wt, ws and tok/2"), "a (secret), (secret) and (secret)");
}

TEST_F(S3Sources, AFailedRenewalLetsTheOldServeUntilTheyExpire) {
  ::setenv("AWS_WEB_IDENTITY_TOKEN_FILE", write("token", "t").c_str(), 1);
  ::setenv("AWS_ROLE_ARN", "r", 1);
  auto web = source();
  web.current();
  sts_fails_ = true;
  clock_.advance(std::chrono::minutes(56));
  EXPECT_EQ(web.current().access_key, "W");
  web.current();
  EXPECT_EQ(forms_.size(), 2U) << "not asked again at once";
  clock_.advance(std::chrono::minutes(5));
  EXPECT_THROW(web.current(), FailedError);
}

}  // namespace
}  // namespace drst
