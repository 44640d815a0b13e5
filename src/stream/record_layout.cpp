#include "stream/record_layout.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

namespace drst {

static_assert(std::endian::native == std::endian::little, "eight digits at once are read in this byte order");

namespace {

std::uint64_t load8(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

/// Names have 20 to 40 bytes: overlapping words without a loop are a fraction of a call to memcmp.
bool same(const char* a, const char* b, std::size_t size) {
  if (size < 16 || size > 64) return std::memcmp(a, b, size) == 0;
  const auto differs = [&](std::size_t at) { return load8(a + at) ^ load8(b + at); };
  std::uint64_t difference = differs(0) | differs(8) | differs(size - 16) | differs(size - 8);
  if (size > 32) difference |= differs(16) | differs(24) | differs(size - 32) | differs(size - 24);
  return difference == 0;
}

constexpr std::array<std::uint64_t, 9> powers = {1,       10,        100,        1000,       10'000,
                                                 100'000, 1'000'000, 10'000'000, 100'000'000};

/// The digits at the beginning of eight bytes: how many, and their value. Lemire's parse_eight_digits, with
/// zeros shifted in in front where the run is shorter, so that its length, which no predictor can know, costs
/// no branch.
struct Eight {
  explicit Eight(const char* at) {
    const std::uint64_t word = load8(at) ^ 0x3030303030303030ULL;
    const std::uint64_t others = ((word + 0x7676767676767676ULL) | word) & 0x8080808080808080ULL;
    count = static_cast<std::size_t>(std::countr_zero(others)) / 8;  // 64 / 8 if there are no others
    std::uint64_t digits = count == 0 ? 0 : word << (8 * (8 - count) & 63);
    digits = digits * 10 + (digits >> 8);
    value = (((digits & 0x000000FF000000FFULL) * 0x000F424000000064ULL +
              ((digits >> 16) & 0x000000FF000000FFULL) * 0x0000271000000001ULL) >>
             32);
  }
  std::size_t count = 0;
  std::uint64_t value = 0;
};

struct Digits {
  std::uint64_t value = 0;  // meaningless beyond 19 digits
  std::size_t count = 0;
};

/// Goes on with a run of digits, one by one.
const char* read_more_digits(const char* at, const char* end, Digits& digits) {
  for (; at < end && *at >= '0' && *at <= '9'; ++at, ++digits.count)
    digits.value = digits.value * 10 + static_cast<std::uint64_t>(*at - '0');
  return at;
}

/// The run of digits that begins at `at`.
inline const char* read_digits(const char* at, const char* end, Digits& digits) {
  if (end - at < 16) return read_more_digits(at, end, digits);
  const Eight first(at);
  const Eight second(at + 8);
  const std::size_t count = first.count == 8 ? second.count : 0;
  const std::uint64_t more = first.count == 8 ? second.value : 0;
  digits.value = (digits.value * powers[first.count] + first.value) * powers[count] + more;
  digits.count += first.count + count;
  at += first.count + count;
  return count == 8 ? read_more_digits(at, end, digits) : at;
}

/// A text without escapes and beyond doubt about its encoding; the end of it, or nullptr.
const char* read_plain_text(const char* at, const char* end, std::string_view& text) {
  if (at == end || *at != '"') return nullptr;
  const char* const begin = ++at;
  while (at < end && *at != '"') {
    const auto byte = static_cast<unsigned char>(*at);
    if (byte < 0x20 || byte >= 0x80 || *at == '\\') return nullptr;
    ++at;
  }
  if (at == end) return nullptr;
  text = {begin, static_cast<std::size_t>(at - begin)};
  return at + 1;
}

/// A number or null; the end of it, or nullptr.
const char* read_label(const char* at, const char* end, std::optional<double>& label) {
  constexpr std::string_view none = "null";
  label.reset();
  if (std::string_view(at, static_cast<std::size_t>(end - at)).starts_with(none)) return at + none.size();
  double number = 0;
  at = read_json_number(at, end, number);
  if (at != nullptr) label = number;
  return at;
}

}  // namespace

const char* read_json_number(const char* at, const char* end, double& number) {
  const char* const begin = at;
  const bool negative = at < end && *at == '-';
  if (negative) ++at;
  Digits digits;
  const char* const whole = at;
  at = read_digits(at, end, digits);
  if (digits.count == 0 || (digits.count > 1 && *whole == '0')) return nullptr;
  int64_t exponent = 0;
  bool simple = true;
  if (at < end && *at == '.') {
    const std::size_t before = digits.count;
    at = read_digits(at + 1, end, digits);
    if (digits.count == before) return nullptr;
    exponent = -static_cast<int64_t>(digits.count - before);
  }
  if (at < end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at < end && (*at == '-' || *at == '+')) ++at;
    Digits ignored;
    const char* const from = at;
    at = read_digits(at, end, ignored);
    if (at == from) return nullptr;
    simple = false;
  }
  // Both operands are exact in this range, so one division rounds correctly (Clinger, "How to read floating
  // point numbers accurately", PLDI 1990). Whole numbers of 18 digits are rounded once, by the conversion.
  constexpr std::array<double, 23> power = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                            1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  constexpr std::uint64_t exact = std::uint64_t{1} << 53;
  if (simple && exponent == 0 && digits.count <= 18) {
    const auto magnitude = static_cast<double>(static_cast<int64_t>(digits.value));
    number = negative ? -magnitude : magnitude;
    return at;
  }
  if (simple && digits.count <= 19 && digits.value <= exact && exponent >= -22) {
    const auto magnitude = static_cast<double>(digits.value) / power[static_cast<std::size_t>(-exponent)];
    number = negative ? -magnitude : magnitude;
    return at;
  }
  const auto [stop, code] = std::from_chars(begin, at, number);
  return code == std::errc() && stop == at && std::isfinite(number) ? at : nullptr;
}

void RecordLayout::begin() {
  places_.clear();
  slots_.clear();
  literals_.clear();
  spoiled_ = false;
}

void RecordLayout::add(Kind kind, std::string_view value, std::uint32_t column) {
  places_.push_back({kind, column, value});
}

bool RecordLayout::finish(std::string_view text, std::size_t columns) {
  if (spoiled_ || places_.empty()) return false;
  columns_ = columns;
  held_.assign(columns_, 0);
  const char* at = text.data();
  for (const auto& place : places_) {
    const auto size = static_cast<std::size_t>(place.value.data() - at);
    slots_.push_back({place.kind, place.column, static_cast<std::uint32_t>(literals_.size()),
                      static_cast<std::uint32_t>(size)});
    literals_.append(at, size);
    at = place.value.data() + place.value.size();
    if (place.kind == Kind::feature) held_[place.column] = 1;
  }
  tail_begin_ = static_cast<std::uint32_t>(literals_.size());
  literals_.append(at, static_cast<std::size_t>(text.data() + text.size() - at));
  absent_.clear();
  for (std::uint32_t column = 0; column < columns_; ++column)
    if (held_[column] == 0) absent_.push_back(column);
  return true;
}

bool RecordLayout::match(std::string_view text, double* values, Texts& texts) const {
  const char* at = text.data();
  const char* const end = at + text.size();
  for (const Slot& slot : slots_) {
    if (static_cast<std::size_t>(end - at) < slot.literal_size ||
        !same(at, literals_.data() + slot.literal_begin, slot.literal_size))
      return false;
    at += slot.literal_size;
    switch (slot.kind) {
      case Kind::feature:
        at = read_json_number(at, end, values[slot.column]);
        break;
      case Kind::label:
        at = read_label(at, end, texts.label);
        break;
      case Kind::others_label: {
        std::optional<double> passed_over;
        at = read_label(at, end, passed_over);
        break;
      }
      case Kind::send_ts:
        at = read_plain_text(at, end, texts.send_ts);
        break;
      case Kind::stage:
        at = read_plain_text(at, end, texts.stage);
        break;
      case Kind::id:
        at = read_plain_text(at, end, texts.id);
        break;
    }
    if (at == nullptr) return false;
  }
  const std::string_view tail = std::string_view(literals_).substr(tail_begin_);
  return std::string_view(at, static_cast<std::size_t>(end - at)) == tail;
}

}  // namespace drst
