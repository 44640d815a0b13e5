// What an answer that is no success means: is another try worth it, what it is called, and what to do.
// Internal.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "store/s3_http.h"

namespace drst {

/// The S3 code of an answer ("NoSuchKey"), or "" where its body names none.
std::string s3_code(const HttpAnswer& answer);

enum class S3Remedy { none, retry, correct_clock, renew_credentials };
S3Remedy s3_remedy(const HttpAnswer& answer, const std::string& code);

struct S3Words {
  std::string bucket, endpoint, region, credentials;
};
/// Exit code and words: what happened, and what to do.
struct S3Refusal {
  ExitCode exit_code;
  std::string words;
};
S3Refusal s3_refusal(const HttpAnswer& answer, const S3Words& about);

}  // namespace drst
