#include "measure/lines.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/decimal.h"

namespace drst {

namespace {
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool is_blank(char c) { return c == ' ' || c == '\t'; }
}  // namespace

Lines::Lines(std::string_view bytes, FileDirt& dirt, ConflictSide side)
    : at_(bytes.data()), end_(bytes.data() + bytes.size()), dirt_(dirt), side_(side) {
  if (bytes.starts_with("\xEF\xBB\xBF")) {
    dirt_.add(Dirt::bom, 1);
    at_ += 3;
  }
  if (at_ == end_) dirt_.add(Dirt::empty_file);
}

bool Lines::kept() const {
  return part_ == Part::outside || part_ == (side_ == ConflictSide::ours ? Part::ours : Part::theirs);
}

bool Lines::is_marker(std::string_view line) {
  if (line.size() < 7 || (line.size() > 7 && line[7] != ' ')) return false;
  const char c = line[0];
  if (c != '<' && c != '|' && c != '=' && c != '>') return false;
  for (std::size_t i = 1; i < 7; ++i)
    if (line[i] != c) return false;
  if (c == '<') {
    part_ = Part::ours;
  } else if (c == '>') {
    part_ = Part::outside;
  } else if (part_ != Part::outside) {  // stray ones say nothing
    part_ = c == '=' ? Part::theirs : Part::base;
  }
  return true;
}

bool Lines::next(std::string_view& line) {
  while (at_ != end_) {
    ++number_;
    const auto* newline =
        static_cast<const char*>(std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_)));
    unfinished_ = newline == nullptr;
    const char* stop = unfinished_ ? end_ : newline;
    const char* begin = at_;
    at_ = unfinished_ ? end_ : newline + 1;
    if (unfinished_) dirt_.add(Dirt::no_final_newline, number_);
    if (stop != begin && stop[-1] == '\r') {
      --stop;
      if (!unfinished_) dirt_.add(Dirt::crlf, number_);
    }
    if (stop == begin) continue;
    line = std::string_view(begin, static_cast<std::size_t>(stop - begin));
    if (is_marker(line)) {
      dirt_.add(Dirt::conflict_marker, number_);
      continue;
    }
    if (!kept()) {
      dirt_.add(Dirt::conflict_dropped, number_);
      continue;
    }
    if (is_blank(*begin) && line.find_first_not_of(" \t") == std::string_view::npos) continue;
    return true;
  }
  return false;
}

std::size_t split_fields(std::string_view line, std::string_view separator,
                         std::span<std::string_view> fields) {
  std::size_t count = 0;
  std::size_t begin = 0;
  const auto take = [&](std::size_t end) {
    if (count < fields.size()) fields[count] = line.substr(begin, end - begin);
    ++count;
  };
  if (separator.size() == 1) {
    const char c = separator[0];
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] != c) continue;
      take(i);
      begin = i + 1;
    }
  } else {
    for (std::size_t i = line.find(separator); i != std::string_view::npos; i = line.find(separator, begin)) {
      take(i);
      begin = i + separator.size();
    }
  }
  take(line.size());
  return count;
}

double cell_number(std::string_view cell) {
  const char* at = cell.data();
  const char* end = at + cell.size();
  while (at != end && is_blank(*at)) ++at;
  while (at != end && is_blank(end[-1])) --end;
  if (at == end) return nan;
  double value = 0;
  const char* stop = detail::read_decimal(at, end, value);
  if (stop == end) return value;
  if (stop == nullptr) return nan;
  const auto [rest, code] = std::from_chars(at, end, value);  // an exponent
  return code == std::errc() && rest == end && std::isfinite(value) ? value : nan;
}

double without_wrap(double value, bool decimals, double most, std::uint64_t line, FileDirt& dirt) {
  if (!(value > 1e9)) return value;
  constexpr double two_to_64 = 18446744073709551616.0;
  if (decimals) {
    for (const double scale : {1e3, 1e6, 1e9}) {
      const double below = value - two_to_64 / scale;  // signed, but for what the text rounded away
      if (std::abs(below) > two_to_64 / scale * 1e-6) continue;
      const bool nothing = std::abs(below) <= 0.0051;
      dirt.add(nothing ? Dirt::wrapped_restored : Dirt::wrapped_missing, line);
      return nothing ? 0 : nan;
    }
  }
  if (value <= most) return value;
  dirt.add(Dirt::wrapped_missing, line);
  return nan;
}

}  // namespace drst
