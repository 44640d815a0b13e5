#include "store/s3_error.h"

#include <array>
#include <string_view>

#include "base/text.h"
#include "store/s3_xml.h"

namespace drst {

namespace {

constexpr std::size_t max_words = 300;

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, max_words)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out;
}

bool one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
  for (const auto one : codes)
    if (code == one) return true;
  return false;
}

bool may_pass(const HttpAnswer& answer, std::string_view code) {
  switch (answer.status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return one_of(code, {"SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling",
                           "ThrottlingException", "ConditionalRequestConflict", "OperationAborted",
                           "IDPCommunicationError"});
  }
}

/// What to do about a code that says that we are wrong; "" for others.
std::string advice(std::string_view code, const S3Words& about) {
  if (code == "NoSuchBucket")
    return "there is no bucket '" + about.bucket + "' at " + about.endpoint +
           "; create it, or check --store and s3.endpoint";
  if (code == "InvalidBucketName") return "check the name of the bucket in --store";
  if (one_of(code, {"AccessDenied", "Forbidden", "AllAccessDisabled", "AccountProblem"}))
    return "give the access key of " + about.credentials + " the right to do this in bucket '" +
           about.bucket + "'";
  if (one_of(code, {"InvalidAccessKeyId", "SignatureDoesNotMatch", "XAdminUserNotFound", "InvalidSecurity"}))
    return "check access key and secret in " + about.credentials;
  if (one_of(code, {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "ExpiredTokenException",
                    "InvalidIdentityToken", "InvalidIdentityTokenException"}))
    return "get new credentials into " + about.credentials;
  if (one_of(code, {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidRegion"}))
    return "check s3.region, which is '" + about.region + "'";
  if (code == "RequestTimeTooSkewed") return "set the clock of this machine";
  return {};
}

S3Refusal of_transport(const HttpAnswer& answer, const S3Words& about) {
  const std::string words = printable(answer.words);
  using Kind = HttpAnswer::Kind;
  switch (answer.kind) {
    case Kind::untrusted:
      return {ExitCode::input,
              "no trusted connection to " + about.endpoint + ": " + words +
                  "; check s3.endpoint, and s3.ca_file where the service has an authority of "
                  "its own"};
    case Kind::stopped:
      return {ExitCode::interrupted, "interrupted while waiting for " + about.endpoint};
    case Kind::too_large:
      return {ExitCode::failed, "the answer of " + about.endpoint + " is larger than any that S3 gives"};
    default:
      return {ExitCode::unreachable, about.endpoint + " cannot be reached: " + words +
                                         "; check s3.endpoint and that the service runs"};
  }
}

}  // namespace

std::string s3_code(const HttpAnswer& answer) {
  const auto error = parse_s3_error(answer.body);
  return error ? printable(error->code) : std::string();
}

S3Remedy s3_remedy(const HttpAnswer& answer, const std::string& code) {
  using Kind = HttpAnswer::Kind;
  if (answer.kind == Kind::unreachable || answer.kind == Kind::cut) return S3Remedy::retry;
  if (answer.kind != Kind::answered) return S3Remedy::none;
  if (code == "RequestTimeTooSkewed") return S3Remedy::correct_clock;
  if (one_of(code, {"ExpiredToken", "TokenRefreshRequired"})) return S3Remedy::renew_credentials;
  return may_pass(answer, code) ? S3Remedy::retry : S3Remedy::none;
}

S3Refusal s3_refusal(const HttpAnswer& answer, const S3Words& about) {
  if (answer.kind != HttpAnswer::Kind::answered) return of_transport(answer, about);
  const auto error = parse_s3_error(answer.body);
  const std::string code = error ? printable(error->code) : std::string();
  const std::string what = (code.empty() ? std::string() : code + ", ") + "status " + to_text(answer.status) +
                           (error && !error->message.empty() ? " (" + printable(error->message) + ")" : "");
  if (may_pass(answer, code))
    return {ExitCode::unreachable, what + "; " + about.endpoint + " does not do its work, try again later"};
  const std::string region = !answer.header("x-amz-bucket-region").empty()
                                 ? answer.header("x-amz-bucket-region")
                                 : (error ? error->region : std::string());
  if (answer.status >= 300 && answer.status < 400) {
    std::string to = region.empty() ? std::string() : "set s3.region to '" + printable(region) + "'";
    const std::string place = error && !error->endpoint.empty() ? error->endpoint : answer.header("location");
    if (!place.empty()) to += (to.empty() ? "" : "; ") + ("the bucket is at " + printable(place));
    return {ExitCode::input, what + ": a redirect, which is not followed; " +
                                 (to.empty() ? "check s3.region and s3.endpoint" : to)};
  }
  if (code == "AuthorizationHeaderMalformed" && !region.empty())
    return {ExitCode::input, what + "; set s3.region to '" + printable(region) + "'"};
  if (const auto words = advice(code, about); !words.empty()) return {ExitCode::input, what + "; " + words};
  if (code.empty() && answer.status == 401)
    return {ExitCode::input, what + "; check access key and secret in " + about.credentials};
  if (code.empty() && answer.status < 500)
    return {ExitCode::input,
            what + " without an S3 code; check that " + about.endpoint + " is an S3 service"};
  return {ExitCode::failed, what};
}

}  // namespace drst
