// Who we are to S3. Credentials are never settings: they come, in this order, from
//   1. the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN;
//   2. a web identity: the token in the file AWS_WEB_IDENTITY_TOKEN_FILE, exchanged at STS for credentials of
//      the role AWS_ROLE_ARN, and again some minutes before they expire;
//   3. the shared file: AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials, profile of s3.profile, AWS_PROFILE
//      or "default".
// Where s3.profile is set, the file goes first. Errors name places, never what stands there. Any thread.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/time.h"
#include "store/s3_sign.h"

namespace drst {

/// "" where the variable is not set.
std::string s3_variable(const char* name);

/// A profile of a shared credentials file. Failure: no such profile, a part of it missing, or a line that is
/// none.
Result<S3Credentials> parse_shared_credentials(std::string_view text, std::string_view profile);

class S3CredentialSource {
 public:
  /// Sends the form (a POST body) to STS and gives its answer's XML, or throws.
  using AskSts = std::function<std::string(const std::string& form)>;

  S3CredentialSource(std::string profile, const Clock& clock, AskSts ask_sts);

  /// InputError if there are none, or they are malformed, with what to do.
  S3Credentials current();
  /// Forgets what is kept: the server says it has expired. False: nothing newer can come.
  bool renew();
  /// For messages: "the environment".
  [[nodiscard]] std::string place();
  /// `text` without anything secret that this source has handed out.
  [[nodiscard]] std::string without_secrets(std::string text);

 private:
  S3Credentials find();
  S3Credentials from_file(const std::string& profile);
  S3Credentials from_web_identity();

  std::string profile_;
  const Clock& clock_;
  AskSts ask_sts_;
  std::mutex mutex_;  ///< guards what follows
  std::optional<S3Credentials> kept_;
  std::string place_;
  std::string token_;  ///< the web identity token last sent
  Time next_try_{};    ///< of a renewal that failed while the old ones still serve
};

}  // namespace drst
