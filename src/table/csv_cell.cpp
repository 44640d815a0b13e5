#include "table/csv_cell.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/decimal.h"

namespace drst::detail {

namespace {
bool same_word(std::string_view text, std::string_view word) {
  return std::equal(text.begin(), text.end(), word.begin(), word.end(),
                    [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; });
}

/// Of a number that std::from_chars found out of range: true if it is too large, false if too small.
bool overflows(std::string_view text) {
  const auto e = text.find_first_of("eE");
  const auto digits = text.substr(0, e);
  long long exponent = 0;
  if (e != std::string_view::npos) {
    auto tail = text.substr(e + 1);
    if (tail.starts_with('+')) tail.remove_prefix(1);
    const auto code = std::from_chars(tail.data(), tail.data() + tail.size(), exponent).ec;
    if (code != std::errc()) return !tail.starts_with('-');  // an exponent beyond 64 bits decides alone
  }
  const auto point = std::min(digits.find('.'), digits.size());
  const auto leading = digits.find_first_of("123456789");
  if (leading == std::string_view::npos) return false;
  const auto places = static_cast<long long>(point) - static_cast<long long>(leading);
  return exponent > -places;
}
}  // namespace

Cell read_cell(std::string_view text, double& value) {
  constexpr std::array<std::string_view, 8> missing_words = {
      "nan", "<not counted>", "<not supported>", "na", "n/a", "null", "none", "-nan"};
  value = std::numeric_limits<double>::quiet_NaN();
  if (text.empty()) return Cell::missing;
  auto number = text;
  if (number.front() == '+') number.remove_prefix(1);
  const auto unsigned_number =
      number.starts_with('-') && number.data() == text.data() ? number.substr(1) : number;
  if (!unsigned_number.empty() && (is_digit(unsigned_number.front()) || unsigned_number.front() == '.')) {
    double parsed = 0;
    const auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), parsed);
    if (end != number.data() + number.size() || code == std::errc::invalid_argument) return Cell::bad;
    if (code == std::errc::result_out_of_range ? overflows(number) : std::isinf(parsed))
      return Cell::infinite;
    value = code == std::errc::result_out_of_range ? (number.starts_with('-') ? -0.0 : 0.0) : parsed;
    return Cell::number;
  }
  for (const auto word : missing_words)
    if (same_word(text, word)) return Cell::missing;
  if (same_word(unsigned_number, "inf") || same_word(unsigned_number, "infinity")) return Cell::infinite;
  return Cell::bad;
}

std::string shown(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string out = "'";
  for (const char c : text.substr(0, longest))
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (text.size() > longest ? "...'" : "'");
}

}  // namespace drst::detail
