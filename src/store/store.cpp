#include "store/store.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "store/key.h"
#include "store/local_store.h"
#include "store/s3_open.h"

namespace drst {

namespace {

constexpr std::size_t max_key = 1024;  // S3's limit
constexpr std::size_t max_part = 255;  // a file name's

bool is_key_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-' || c == '/';
}

/// What is wrong with one part of a key, or nothing.
std::string_view part_fault(std::string_view part) {
  if (part.empty()) return "it has an empty part";
  if (part == "." || part == "..") return "it has a part '.' or '..'";
  if (part.size() > max_part) return "it has a part of more than 255 characters";
  if (part.starts_with(temporary_prefix)) return "names that begin with '.tmp-' are reserved";
  return {};
}

std::string_view fault(std::string_view key, bool whole) {
  if (key.size() > max_key) return "it has more than 1024 characters";
  if (!std::all_of(key.begin(), key.end(), is_key_character)) return "it may hold only A-Z a-z 0-9 . _ - /";
  for (;;) {
    const auto slash = key.find('/');
    if (slash == std::string_view::npos) return whole ? part_fault(key) : std::string_view{};
    if (const auto words = part_fault(key.substr(0, slash)); !words.empty()) return words;
    key.remove_prefix(slash + 1);
  }
}

[[noreturn]] void refuse(const char* what, const std::string& key, std::string_view why) {
  std::string printable;
  for (const char c : key.substr(0, 100)) printable += c >= 0x20 && c < 0x7f ? c : '?';
  throw InputError(std::string(what) + " '" + printable + "' is not acceptable: " + std::string(why));
}

/// "s3://bucket" -> "s3"; nothing for a path. One letter is no scheme, and neither is what follows a slash.
std::string_view scheme_of(std::string_view url) {
  const auto colon = url.find(':');
  if (colon == std::string_view::npos || colon < 2) return {};
  const auto scheme = url.substr(0, colon);
  const bool good = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '+' || c == '-';
  });
  return good ? scheme : std::string_view{};
}

}  // namespace

bool is_key(const std::string& key) { return fault(key, true).empty(); }

void check_key(const std::string& key) {
  if (const auto why = fault(key, true); !why.empty()) refuse("object key", key, why);
}

void check_prefix(const std::string& prefix) {
  if (const auto why = fault(prefix, false); !why.empty()) refuse("object prefix", prefix, why);
}

std::optional<std::filesystem::path> ObjectStore::local_file(const std::string& key) const {
  check_key(key);
  return std::nullopt;
}

std::unique_ptr<ObjectStore> open_store(const std::string& url, const StoreSettings& settings,
                                        const S3Settings& s3, StoreUse use) {
  if (url.starts_with("s3:")) return open_s3_store(url, settings, s3, use);
  std::string_view path = url;
  const auto scheme = scheme_of(url);
  if (scheme == "file") {
    path.remove_prefix(5);
    if (path.starts_with("///")) path.remove_prefix(2);  // file:///data is /data
  } else if (!scheme.empty()) {
    throw InputError("store '" + url + "': the scheme '" + std::string(scheme) +
                     "' is not known; known are file:DIR (or a bare folder) and s3://bucket[/prefix]");
  }
  if (path.empty()) throw InputError("store '" + url + "': name a folder, for example file:store");
  return std::make_unique<LocalStore>(std::filesystem::path(path), settings);
}

}  // namespace drst
