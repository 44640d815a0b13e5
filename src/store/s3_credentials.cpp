#include "store/s3_credentials.h"

#include <algorithm>
#include <cstdlib>

#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "store/s3_xml.h"

namespace drst {

namespace {

constexpr std::uint64_t max_file = 1 << 20;
constexpr auto renew_before = std::chrono::minutes(5);
constexpr auto renew_again = std::chrono::seconds(30);

/// Fit for a header: a line break would begin another.
bool fits_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

S3Credentials checked(S3Credentials credentials, const std::string& place) {
  if (!fits_header(credentials.access_key) || !fits_header(credentials.secret_key) ||
      !fits_header(credentials.session_token))
    throw InputError("S3 credentials from " + place + " hold blanks or other characters that no key has");
  return credentials;
}

/// "": not there.
std::string file_text(const std::string& path, const char* what) {
  try {
    return read_file_if_exists(path, max_file).value_or("");
  } catch (const Error& error) {
    throw InputError(std::string(what) + ": " + error.what());
  }
}

std::string shared_file() {
  if (auto path = s3_variable("AWS_SHARED_CREDENTIALS_FILE"); !path.empty()) return path;
  const auto home = s3_variable("HOME");
  return home.empty() ? std::string() : home + "/.aws/credentials";
}

}  // namespace

std::string s3_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<S3Credentials> parse_shared_credentials(std::string_view text, std::string_view profile) {
  S3Credentials found;
  bool in_profile = false, seen = false;
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = trim(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (line.back() != ']') return failure("line " + to_text(number) + " begins a profile without ']'");
      in_profile = trim(line.substr(1, line.size() - 2)) == profile;
      seen = seen || in_profile;
      continue;
    }
    const auto equals = line.find('=');
    if (!in_profile) continue;
    if (equals == std::string_view::npos) return failure("line " + to_text(number) + " is no 'key = value'");
    const auto key = trim(line.substr(0, equals));
    const std::string value(trim(line.substr(equals + 1)));
    if (key == "aws_access_key_id") found.access_key = value;
    if (key == "aws_secret_access_key") found.secret_key = value;
    if (key == "aws_session_token") found.session_token = value;
  }
  const std::string name = "profile '" + std::string(profile) + "'";
  if (!seen) return failure("there is no " + name);
  if (found.access_key.empty()) return failure(name + " has no aws_access_key_id");
  if (found.secret_key.empty()) return failure(name + " has no aws_secret_access_key");
  return found;
}

S3CredentialSource::S3CredentialSource(std::string profile, const Clock& clock, AskSts ask_sts)
    : profile_(std::move(profile)), clock_(clock), ask_sts_(std::move(ask_sts)) {}

S3Credentials S3CredentialSource::current() {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  if (kept_ && (!kept_->expires || now + renew_before < *kept_->expires || now < next_try_)) return *kept_;
  try {
    kept_ = find();
  } catch (const Error& error) {
    if (!kept_ || now >= *kept_->expires) throw;
    next_try_ = now + renew_again;
    log::warning(std::string("S3 credentials could not be renewed, the old ones serve on: ") + error.what());
  }
  return *kept_;
}

bool S3CredentialSource::renew() {
  const std::lock_guard lock(mutex_);
  const bool lasting = place_ == "the environment";
  if (!lasting) kept_.reset();
  return !lasting;
}

std::string S3CredentialSource::place() {
  const std::lock_guard lock(mutex_);
  return place_;
}

std::string S3CredentialSource::without_secrets(std::string text) {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> secrets = {token_};
  if (kept_) {
    secrets.push_back(kept_->secret_key);
    secrets.push_back(kept_->session_token);
  }
  for (const auto& secret : secrets)
    if (!secret.empty())
      for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at))
        text.replace(at, secret.size(), "(secret)");
  return text;
}

S3Credentials S3CredentialSource::find() {
  if (!profile_.empty()) return from_file(profile_);
  if (const auto key = s3_variable("AWS_ACCESS_KEY_ID"); !key.empty()) {
    place_ = "the environment";
    const auto secret = s3_variable("AWS_SECRET_ACCESS_KEY");
    if (secret.empty()) throw InputError("AWS_ACCESS_KEY_ID is set but AWS_SECRET_ACCESS_KEY is not");
    return checked({key, secret, s3_variable("AWS_SESSION_TOKEN")}, place_);
  }
  if (!s3_variable("AWS_WEB_IDENTITY_TOKEN_FILE").empty()) return from_web_identity();
  const auto profile = s3_variable("AWS_PROFILE");
  return from_file(profile.empty() ? "default" : profile);
}

S3Credentials S3CredentialSource::from_file(const std::string& profile) {
  const auto path = shared_file();
  place_ = "the file " + path;
  const auto text = path.empty() ? std::string() : file_text(path, "S3 credentials");
  if (text.empty())
    throw InputError(
        "there are no S3 credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
        "AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or write them to " +
        (path.empty() ? std::string("~/.aws/credentials") : path));
  auto found = parse_shared_credentials(text, profile);
  if (!found) throw InputError("S3 credentials in " + path + ": " + found.error().reason);
  return checked(std::move(*found), place_);
}

S3Credentials S3CredentialSource::from_web_identity() {
  const auto path = s3_variable("AWS_WEB_IDENTITY_TOKEN_FILE");
  place_ = "the web identity token " + path;
  const auto role = s3_variable("AWS_ROLE_ARN");
  if (role.empty()) throw InputError("AWS_WEB_IDENTITY_TOKEN_FILE is set but AWS_ROLE_ARN is not");
  token_ = trim(file_text(path, "web identity token"));
  if (token_.empty()) throw InputError("there is no web identity token in " + path);
  auto session = s3_variable("AWS_ROLE_SESSION_NAME");
  if (session.empty()) session = "drst";
  const auto answer = ask_sts_(s3_canonical_query({{"Action", "AssumeRoleWithWebIdentity"},
                                                   {"Version", "2011-06-15"},
                                                   {"RoleArn", role},
                                                   {"RoleSessionName", session},
                                                   {"WebIdentityToken", token_}}));
  auto credentials = parse_sts_credentials(answer);
  if (!credentials)
    throw FailedError("STS, asked for credentials of " + role + ": " + credentials.error().reason);
  return checked(std::move(*credentials), place_);
}

}  // namespace drst
