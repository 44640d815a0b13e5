// Settings of the S3 store. None is a secret: credentials come from environment and files
// (s3_credentials.h).
#pragma once

#include <cstdint>
#include <string>

#include "base/settings.h"

namespace drst {

struct S3Settings {
  std::string endpoint;  ///< "": $AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL, else AWS's own of the region
  std::string region;    ///< "": $AWS_REGION, $AWS_DEFAULT_REGION, else us-east-1
  std::string addressing = "auto";
  std::string ca_file;
  std::string profile;
  double connect_timeout_s = 5;
  double stall_timeout_s = 20;
  double deadline_s = 120;
  int64_t retries = 6;
  double backoff_s = 0.2;
  double backoff_limit_s = 20;
  int64_t multipart_above_mib = 96;
  int64_t part_mib = 16;
  int64_t range_mib = 64;
  int64_t page_keys = 1000;
  bool check_etag = true;
};

void describe(SettingsVisitor& visitor, S3Settings& settings);

}  // namespace drst
