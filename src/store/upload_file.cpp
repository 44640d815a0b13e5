#include "store/upload_file.h"

#include <algorithm>
#include <array>
#include <fstream>

#include "base/hash.h"
#include "base/text.h"
#include "store/key.h"

namespace drst {

namespace {

constexpr std::string_view magic = "drst-object 1";
constexpr std::size_t digits = 16;
constexpr std::size_t longest_part = 200;  // of 255, that a name may have
constexpr char of_digest = '=';            // no key begins so

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return {};
  const auto line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string upload_file_part(const std::string& key) {
  if (key.size() > longest_part) return of_digest + sha256_hex(key);
  std::string part = key;
  std::replace(part.begin(), part.end(), '/', '+');
  return part;
}

std::string upload_file_name(const Upload& upload) {
  std::string number = to_text(upload.number);
  number.insert(0, digits - std::min(digits, number.size()), '0');
  return number + "-" + static_cast<char>(upload.kind) + "-" + to_text(upload.bytes) + "-" +
         upload_file_part(upload.key);
}

std::optional<Upload> parse_upload_name(const std::string& name) {
  Upload upload;
  std::string_view rest = name;
  const auto take = [&rest](std::string& out) {
    const auto dash = rest.find('-');
    if (dash == std::string_view::npos) return false;
    out = rest.substr(0, dash);
    rest.remove_prefix(dash + 1);
    return true;
  };
  std::string number, kind, bytes;
  if (!take(number) || !take(kind) || !take(bytes) || rest.empty()) return std::nullopt;
  const auto count = parse_int(number), size = parse_int(bytes);
  if (number.size() < digits || !count || *count < 0 || !size || *size < 0 || kind.size() != 1)
    return std::nullopt;
  if (kind != "p" && kind != "c" && kind != "r") return std::nullopt;
  upload.number = static_cast<std::uint64_t>(*count);
  upload.kind = static_cast<Upload::Kind>(kind.front());
  upload.bytes = static_cast<std::uint64_t>(*size);
  upload.key = rest;
  if (rest.front() != of_digest) {
    std::replace(upload.key.begin(), upload.key.end(), '+', '/');
    if (!is_key(upload.key)) return std::nullopt;
  }
  if (upload_file_name(upload) != name) return std::nullopt;  // none that we write
  upload.file = name;
  return upload;
}

std::string write_upload(const std::string& key, std::string_view bytes) {
  std::string text(magic);
  for (const std::string& line : {key, sha256_hex(bytes), to_text(bytes.size())}) text += "\n" + line;
  text += '\n';
  return text.append(bytes);
}

std::optional<UploadContent> read_upload(std::string_view text) {
  if (take_line(text) != magic) return std::nullopt;
  UploadContent content;
  content.key = take_line(text);
  const auto digest = take_line(text);
  const auto size = parse_int(take_line(text));
  if (!is_key(content.key) || !size || *size < 0 || static_cast<std::uint64_t>(*size) != text.size() ||
      sha256_hex(text) != digest)
    return std::nullopt;
  content.bytes = text;
  return content;
}

std::optional<std::string> read_upload_key(const std::filesystem::path& file) {
  std::array<char, 2048> head{};  // a key has 1024 at most
  std::ifstream in(file, std::ios::binary);
  in.read(head.data(), head.size());
  std::string_view text(head.data(), static_cast<std::size_t>(in.gcount()));
  if (take_line(text) != magic) return std::nullopt;
  std::string key(take_line(text));
  if (!is_key(key)) return std::nullopt;
  return key;
}

}  // namespace drst
