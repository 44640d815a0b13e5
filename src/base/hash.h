// SHA-256 (release integrity), Git blob ids (published data sets) and MD5 (ETags of S3), by OpenSSL. Pure
// functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drst {

/// 64 lower-case hexadecimal digits.
std::string sha256_hex(std::string_view bytes);
/// SHA-1 of "blob <size>\0" + content: what Git calls the file. 40 hexadecimal digits.
std::string git_blob_id(std::string_view bytes);
/// 32 lower-case hexadecimal digits; none where OpenSSL is set to know no MD5 (FIPS). Against accidents only.
std::optional<std::string> md5_hex(std::string_view bytes);
/// FNV-1a: where only an even spread matters (partition by key).
constexpr std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return hash;
}

}  // namespace drst
