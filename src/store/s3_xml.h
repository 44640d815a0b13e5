// The few XML answers of S3 and STS, read by expat.
//
// Whatever the bytes are, the outcome is a value or a Failure with a reason: a document type (and so any
// entity of one's own: "billion laughs") is refused, and size, depth, number of elements and length of a text
// are bounded. Unknown elements are skipped, namespaces and their prefixes ignored. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "store/s3_sign.h"

namespace drst {

/// A page of 1000 keys of 1024 characters, each written as %XX, and as much again.
inline constexpr std::size_t s3_xml_limit = std::size_t{8} << 20;

struct S3ErrorBody {
  std::string code, message;
  std::string region, endpoint;  ///< where a redirect points to
};
struct S3Page {
  std::vector<std::string> keys;  ///< decoded
  bool truncated = false;
  std::string next;  ///< continuation token
};

/// nullopt: it is no error document.
std::optional<S3ErrorBody> parse_s3_error(std::string_view xml);
Result<S3Page> parse_s3_page(std::string_view xml);
/// The id that a multipart upload was given.
Result<std::string> parse_s3_upload_id(std::string_view xml);
/// Answer of AssumeRoleWithWebIdentity.
Result<S3Credentials> parse_sts_credentials(std::string_view xml);

}  // namespace drst
