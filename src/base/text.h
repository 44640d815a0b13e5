// Numbers to text and back, independent of the locale (a German locale must not turn 0.5 into 0,5).
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drst {

/// Shortest text that reads back to the same double; "nan", "inf", "-inf".
std::string to_text(double value);
/// `digits` decimals, at most 100.
std::string to_fixed(double value, int digits);
template <std::integral T>
std::string to_text(T value) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}
/// The whole text must be the number; surrounding blanks are not accepted.
std::optional<double> parse_double(std::string_view text);
std::optional<int64_t> parse_int(std::string_view text);

std::string_view trim(std::string_view text);

/// Up to three of `names` that `wanted` may have meant, best first (edit distance, blind to case and to the
/// kind of separator); for error messages.
std::vector<std::string> near_names(std::string_view wanted, std::span<const std::string> names);
/// "; did you mean 'a' or 'b'?", or nothing.
std::string did_you_mean(std::string_view wanted, std::span<const std::string> names);

/// {"a", "b"} -> "a, b"
template <class Range>
std::string join(const Range& parts, std::string_view separator = ", ") {
  std::string text;
  bool first = true;
  for (const auto& part : parts) {
    if (!first) text += separator;
    text += part;
    first = false;
  }
  return text;
}

/// The first names and how many follow: "a, b, c and 7 more".
std::string join_first(std::span<const std::string> names, std::size_t most = 5);

}  // namespace drst
