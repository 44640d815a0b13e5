// One signed request to a bucket, tried until it is answered or a deadline has passed. Internal.
//
// Retried, after a wait drawn evenly from 0 to a bound that doubles (and never less than Retry-After): no
// connection, a cut one, 500, 502, 503, 504, 429, SlowDown, RequestTimeout. RequestTimeTooSkewed is answered
// once by a signature with the server's clock, an expired token once by newer credentials. All else is an
// Error that names object, S3 code and what to do: exit code 3 for what a person must put right, 4 for a
// service that cannot be reached or does not work. Redirects are never followed. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "store/s3_credentials.h"
#include "store/s3_error.h"
#include "store/s3_http.h"
#include "store/s3_settings.h"

namespace drst {

/// A request is about to be tried.
struct S3Try {
  std::string_view doing;   ///< S3Request::doing
  int number = 1;           ///< from 1
  std::string_view failed;  ///< why the one before did not do; "": there was none
};

/// What a test puts in place of the world, who may end a wait, and who is told of tries.
struct S3Surroundings {
  const Clock* clock = nullptr;             ///< null: the wall clock. For signatures
  std::uint64_t seed = 0;                   ///< of the waits; 0: another each time
  std::function<void(double s)> wait = {};  ///< empty: really wait
  std::function<bool()> ending = {};        ///< empty: stop_requested()
  std::function<void(const S3Try&)> trying = {};
};

struct S3Request {
  std::string method;
  std::string key;    ///< of the bucket; "": the bucket itself
  std::string doing;  ///< for errors: "write object 'a'"
  S3Pairs query = {};
  S3Pairs headers = {};
  std::string_view body = {};
  std::vector<int> expected = {};  ///< statuses besides 2xx that the caller knows what to do about
  /// Before each try: may add headers for it.
  std::function<void(S3Pairs& headers)> prepare = {};
  std::function<bool(const HttpAnswer& so_far, std::string_view bytes)> write = {};  ///< as HttpCall::write
};

struct S3Answer {
  HttpAnswer http;
  bool uncertain = false;  ///< an earlier try may have had its effect
};

class S3Client {
 public:
  /// InputError for settings that cannot be right.
  S3Client(const S3Settings& settings, std::string bucket, S3Surroundings surroundings = {});

  S3Answer send(const S3Request& request);
  [[nodiscard]] const S3Settings& settings() const { return settings_; }
  /// "https://host:port/bucket", which no credential is part of.
  [[nodiscard]] std::string address() const { return scheme_ + "://" + authority_ + path_before_key_; }
  /// As s3.endpoint and s3.addressing would have to say it.
  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] const char* addressing() const { return path_before_key_.empty() ? "virtual" : "path"; }

 private:
  HttpAnswer attempt(const S3Request& request, const std::string& digest, double timeout_s);
  std::string ask_sts(const std::string& form);
  [[noreturn]] static void refuse_sts(const std::string& authority, const HttpAnswer& answer);
  [[noreturn]] void refuse(const std::string& doing, const HttpAnswer& answer);
  double draw_wait(int tries);
  void wait(double seconds) const;

  S3Settings settings_;
  std::string bucket_, region_;
  std::string scheme_, authority_;  ///< "https", "host:port" as a request's URL has them
  std::string endpoint_;            ///< the same without the bucket
  std::string path_before_key_;     ///< "/bucket" or ""
  SystemClock system_clock_;
  S3Surroundings surroundings_;
  HttpPool http_;
  S3CredentialSource credentials_;
  std::atomic<std::int64_t> clock_offset_us_{0};  ///< the server's clock less ours
  std::mutex mutex_;                              ///< guards random_
  Random random_;
};

}  // namespace drst
