// AWS Signature Version 4: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
//
// Own code, because libcurl 7.88 signs path and query as given and does not hash the payload. Pure functions,
// checked against AWS's published examples. S3 encodes a path once and does not normalise it; other services
// differ, so a caller hands in the encoded path.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace drst {

using S3Pairs = std::vector<std::pair<std::string, std::string>>;

struct S3Credentials {
  std::string access_key, secret_key;
  std::string session_token;  ///< empty: lasting credentials
  std::optional<Time> expires = std::nullopt;
};

struct S3Signable {
  std::string method;
  std::string path;   ///< encoded
  std::string query;  ///< canonical
  S3Pairs headers;    ///< all that are signed; names in any case
  std::string payload_sha256;
};

/// Percent-encodes all but A-Z a-z 0-9 - . _ ~ (and '/' where it is kept).
std::string s3_encode(std::string_view text, bool keep_slashes = false);
/// "a=1&b=" of unencoded pairs: encoded, then sorted.
std::string s3_canonical_query(const S3Pairs& query);
/// "20130524T000000Z"
std::string s3_date(Time time);
/// What is hashed and signed; for tests and for comparing with what a server says it expected.
std::string s3_canonical_request(const S3Signable& request);
/// The value of the header Authorization.
std::string s3_authorization(const S3Signable& request, const S3Credentials& credentials,
                             std::string_view region, std::string_view service, Time time);

}  // namespace drst
