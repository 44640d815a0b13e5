// For tests: an environment without anybody's credentials, put back at the end; and a server with faults.
#pragma once

#include <atomic>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include "python_server.h"
#include "store/s3_http.h"
#include "store/s3_settings.h"

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

/// tests/s3_fault_server.py as a child process, and what it is told and says.
class S3FaultServer {
 public:
  /// One for the whole program: it keeps buckets apart, and faults are for one test at a time.
  static S3FaultServer& shared() {
    static S3FaultServer server;
    return server;
  }
  [[nodiscard]] std::string endpoint() const { return server_.url(); }
  [[nodiscard]] S3Settings settings() const {
    S3Settings settings;
    settings.endpoint = endpoint();
    settings.backoff_s = 0.01;
    return settings;
  }
  /// An empty bucket, and the credentials for it in the environment.
  std::string new_bucket() {
    static std::atomic<int> count{0};
    ::setenv("AWS_ACCESS_KEY_ID", "test-key", 1);
    ::setenv("AWS_SECRET_ACCESS_KEY", "test-secret/+=", 1);
    return "test-" + std::to_string(++count);
  }
  /// What the next requests meet, separated by line breaks; forgets the list of requests.
  void plan(const std::string& faults) {
    HttpCall call{"POST", endpoint() + "/_faults", {}, faults};
    if (!pool_.exchange(call).good()) std::abort();
  }
  std::string requests() { return pool_.exchange({"GET", endpoint() + "/_log", {}, {}}).body; }

 private:
  PythonServer server_{"s3_fault_server.py"};
  HttpPool pool_{{}};
};

}  // namespace drst
