// For tests: an environment without anybody's credentials, put back at the end.
#pragma once

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

namespace drst {

class CleanAwsEnvironment {
 public:
  CleanAwsEnvironment() {
    for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
                             "AWS_SHARED_CREDENTIALS_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN",
                             "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS", "AWS_REGION",
                             "AWS_DEFAULT_REGION", "AWS_ROLE_SESSION_NAME"}) {
      keep(name);
      ::unsetenv(name);
    }
    for (const char* name : {"HOME", "no_proxy"}) keep(name);
    ::setenv("no_proxy", "127.0.0.1,localhost", 1);
  }
  ~CleanAwsEnvironment() {
    for (const auto& [name, value] : before_) {
      if (value) {
        ::setenv(name.c_str(), value->c_str(), 1);
      } else {
        ::unsetenv(name.c_str());
      }
    }
  }
  CleanAwsEnvironment(const CleanAwsEnvironment&) = delete;
  CleanAwsEnvironment& operator=(const CleanAwsEnvironment&) = delete;

 private:
  void keep(const char* name) {
    const char* value = std::getenv(name);
    before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
  }
  std::map<std::string, std::optional<std::string>> before_;
};

}  // namespace drst
