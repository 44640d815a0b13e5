#include "table/utf8.h"

#include <cstddef>

namespace drst::detail {

namespace {
bool is_character(char32_t c) { return c <= 0x10FFFF && !(c >= 0xD800 && c <= 0xDFFF); }
}  // namespace

std::optional<std::u32string> from_utf8(std::string_view bytes) {
  std::u32string text;
  text.reserve(bytes.size());
  for (std::size_t at = 0; at < bytes.size();) {
    const auto lead = static_cast<unsigned char>(bytes[at++]);
    if (lead < 0x80) {
      text += static_cast<char32_t>(lead);
      continue;
    }
    int following = 0;
    char32_t least = 0;
    char32_t c = 0;
    if ((lead & 0xE0) == 0xC0) {
      following = 1, least = 0x80, c = lead & 0x1F;
    } else if ((lead & 0xF0) == 0xE0) {
      following = 2, least = 0x800, c = lead & 0x0F;
    } else if ((lead & 0xF8) == 0xF0) {
      following = 3, least = 0x10000, c = lead & 0x07;
    } else {
      return std::nullopt;
    }
    for (; following > 0; --following, ++at) {
      if (at == bytes.size() || (static_cast<unsigned char>(bytes[at]) & 0xC0) != 0x80) return std::nullopt;
      c = (c << 6) | (static_cast<unsigned char>(bytes[at]) & 0x3F);
    }
    if (c < least || !is_character(c)) return std::nullopt;
    text += c;
  }
  return text;
}

std::optional<std::string> to_utf8(std::u32string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  const auto put = [&](char32_t value) { bytes += static_cast<char>(static_cast<unsigned char>(value)); };
  for (const char32_t c : text) {
    if (!is_character(c)) return std::nullopt;
    if (c < 0x80) {
      put(c);
    } else if (c < 0x800) {
      put(0xC0 | (c >> 6));
      put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      put(0xE0 | (c >> 12));
      put(0x80 | ((c >> 6) & 0x3F));
      put(0x80 | (c & 0x3F));
    } else {
      put(0xF0 | (c >> 18));
      put(0x80 | ((c >> 12) & 0x3F));
      put(0x80 | ((c >> 6) & 0x3F));
      put(0x80 | (c & 0x3F));
    }
  }
  return bytes;
}

}  // namespace drst::detail
