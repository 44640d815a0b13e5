// Decimal text to double, fast where it is easy and right everywhere.
//
// Counters and rates are short decimals. If the digits fit in 53 bits and the power of ten is at most 22,
// both are exact doubles and one division rounds correctly (W. D. Clinger, "How to read floating point
// numbers accurately", PLDI 1990); eight digits at a time are converted by multiplication. Anything else goes
// to std::from_chars, which is correctly rounded and knows no locale. For readers of whole files; text.h is
// for single numbers.
#pragma once

#include <bit>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace drst::detail {

static_assert(std::endian::native == std::endian::little,
              "eight digits at a time are read as a little-endian word");

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

inline bool are_eight_digits(std::uint64_t word) {
  return ((word & 0xF0F0F0F0F0F0F0F0ULL) | (((word + 0x0606060606060606ULL) & 0xF0F0F0F0F0F0F0F0ULL) >> 4)) ==
         0x3333333333333333ULL;
}

inline std::uint64_t eight_digits(std::uint64_t word) {
  word -= 0x3030303030303030ULL;
  word = word * 10 + (word >> 8);  // pairs
  return ((word & 0x000000FF000000FFULL) * 0x000F424000000064ULL +
          ((word >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL) >>
         32;
}

inline const char* take_digits(const char* at, const char* end, std::uint64_t& value) {
  while (end - at >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    if (!are_eight_digits(word)) break;
    value = value * 100'000'000 + eight_digits(word);
    at += 8;
  }
  while (at != end && is_digit(*at)) value = value * 10 + static_cast<std::uint64_t>(*at++ - '0');
  return at;
}

/// Reads "-12.5" at `at`; returns where it ends, or nullptr where no plain decimal begins. An exponent is
/// left unread.
inline const char* read_decimal(const char* at, const char* end, double& value) {
  static constexpr double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                      1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const char* const begin = at;
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  std::uint64_t digits = 0;
  const char* const whole = at;
  at = take_digits(at, end, digits);
  std::ptrdiff_t count = at - whole;
  std::ptrdiff_t decimals = 0;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    at = take_digits(at, end, digits);
    decimals = at - fraction;
    count += decimals;
  }
  if (count == 0) return nullptr;
  // 19 digits cannot overflow 64 bits.
  if (count <= 19 && digits <= (std::uint64_t{1} << 53)) [[likely]] {
    const double magnitude = static_cast<double>(digits) / powers[decimals];
    value = negative ? -magnitude : magnitude;
    return at;
  }
  const auto [stop, code] = std::from_chars(begin, at, value);
  return code == std::errc() && stop == at ? at : nullptr;
}

}  // namespace drst::detail
