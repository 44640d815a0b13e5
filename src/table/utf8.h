// UTF-8 to UCS-4 and back, strictly: no surrogates, no overlong forms, nothing above U+10FFFF. For
// numpy's text arrays, which are UCS-4, and to check what is read. std::wstring_convert is deprecated, and
// iconv drags the locale in.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace drst::detail {

std::optional<std::u32string> from_utf8(std::string_view bytes);
std::optional<std::string> to_utf8(std::u32string_view text);

}  // namespace drst::detail
