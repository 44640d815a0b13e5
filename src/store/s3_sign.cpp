#include "store/s3_sign.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"

namespace drst {

namespace {

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned length = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), raw.data(), &length) == nullptr)
    throw FailedError("OpenSSL could not sign a request");
  return {reinterpret_cast<const char*>(raw.data()), length};
}

std::string hex(std::string_view raw) {
  std::string text;
  for (const char c : raw) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

/// Blanks at the ends go, runs of them within become one.
std::string squeezed(std::string_view value) {
  std::string text;
  for (const char c : trim(value))
    if (c != ' ' || text.empty() || text.back() != ' ') text += c;
  return text;
}

/// By lower-case name; values of a repeated name in order, behind commas.
std::map<std::string, std::string> canonical_headers(const S3Pairs& headers) {
  std::map<std::string, std::string> sorted;
  for (const auto& [name, value] : headers) {
    std::string lower = name;
    for (char& c : lower)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    const auto [place, fresh] = sorted.try_emplace(lower);
    if (!fresh) place->second += ',';
    place->second += squeezed(value);
  }
  return sorted;
}

std::string signed_names(const S3Pairs& headers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : canonical_headers(headers)) names.push_back(name);
  return join(names, ";");
}

}  // namespace

std::string s3_encode(std::string_view text, bool keep_slashes) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (keep_slashes && c == '/');
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += "0123456789ABCDEF"[byte >> 4];
      out += "0123456789ABCDEF"[byte & 15];
    }
  }
  return out;
}

std::string s3_canonical_query(const S3Pairs& query) {
  S3Pairs encoded;
  for (const auto& [name, value] : query) encoded.emplace_back(s3_encode(name), s3_encode(value));
  std::sort(encoded.begin(), encoded.end());
  std::string text;
  for (const auto& [name, value] : encoded) {
    if (!text.empty()) text += '&';
    text += name + '=' + value;
  }
  return text;
}

std::string s3_date(Time time) { return to_compact(time).substr(0, 15) + "Z"; }

std::string s3_canonical_request(const S3Signable& request) {
  std::string text = request.method + '\n' + request.path + '\n' + request.query + '\n';
  for (const auto& [name, value] : canonical_headers(request.headers)) text += name + ':' + value + '\n';
  return text + '\n' + signed_names(request.headers) + '\n' + request.payload_sha256;
}

std::string s3_authorization(const S3Signable& request, const S3Credentials& credentials,
                             std::string_view region, std::string_view service, Time time) {
  const std::string date = s3_date(time);
  const std::string day = date.substr(0, 8);
  const std::string scope = day + '/' + std::string(region) + '/' + std::string(service) + "/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + date + '\n' + scope + '\n' + sha256_hex(s3_canonical_request(request));
  std::string key = hmac("AWS4" + credentials.secret_key, day);
  for (const std::string_view part : {region, service, std::string_view("aws4_request")})
    key = hmac(key, part);
  return "AWS4-HMAC-SHA256 Credential=" + credentials.access_key + '/' + scope +
         ", SignedHeaders=" + signed_names(request.headers) + ", Signature=" + hex(hmac(key, to_sign));
}

}  // namespace drst
