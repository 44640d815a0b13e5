#include "base/time.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>

namespace drst {

using namespace std::chrono;

Duration from_seconds(double seconds) {
  constexpr double most = static_cast<double>(int64_t{1} << 61);
  if (std::isnan(seconds)) return Duration::zero();
  return Duration(static_cast<int64_t>(std::clamp(seconds * 1e6, -most, most)));
}

Time SystemClock::now() const { return time_point_cast<Duration>(system_clock::now()); }

Time VirtualClock::default_epoch() { return Time(sys_days(year(2026) / 1 / 1)); }

namespace {
void put_digits(char* out, unsigned value, int digits) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

bool read_digits(std::string_view text, std::size_t at, std::size_t count, int& value) {
  if (at + count > text.size()) return false;
  value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  return true;
}
}  // namespace

void write_iso8601(Time t, char* out) {
  const auto day = floor<days>(t);
  const year_month_day date(day);
  const auto us = (t - day).count();
  put_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out[4] = '-';
  put_digits(out + 5, static_cast<unsigned>(date.month()), 2);
  out[7] = '-';
  put_digits(out + 8, static_cast<unsigned>(date.day()), 2);
  out[10] = 'T';
  put_digits(out + 11, static_cast<unsigned>(us / 3'600'000'000), 2);
  out[13] = ':';
  put_digits(out + 14, static_cast<unsigned>(us / 60'000'000 % 60), 2);
  out[16] = ':';
  put_digits(out + 17, static_cast<unsigned>(us / 1'000'000 % 60), 2);
  out[19] = '.';
  put_digits(out + 20, static_cast<unsigned>(us % 1'000'000), 6);
  out[26] = 'Z';
}

std::string to_iso8601(Time t) {
  std::string text(27, ' ');
  write_iso8601(t, text.data());
  return text;
}

std::optional<Time> from_iso8601(std::string_view text) {
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0;
  if (text.size() < 20 || !read_digits(text, 0, 4, y) || text[4] != '-' || !read_digits(text, 5, 2, mo) ||
      text[7] != '-' || !read_digits(text, 8, 2, d) || (text[10] != 'T' && text[10] != ' ') ||
      !read_digits(text, 11, 2, h) || text[13] != ':' || !read_digits(text, 14, 2, mi) || text[16] != ':' ||
      !read_digits(text, 17, 2, s))
    return std::nullopt;
  std::size_t at = 19;
  int64_t us = 0;
  if (at < text.size() && text[at] == '.') {
    int64_t unit = 100'000;
    std::size_t digits = 0;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++digits) {
      us += (text[at] - '0') * unit;
      unit /= 10;
    }
    if (digits == 0 || digits > 9) return std::nullopt;
  }
  const auto zone = text.substr(at);
  if (zone != "Z" && zone != "+00:00") return std::nullopt;
  const year_month_day date = year(y) / month(static_cast<unsigned>(mo)) / day(static_cast<unsigned>(d));
  if (!date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
  return Time(sys_days(date)) + hours(h) + minutes(mi) + seconds(s) + microseconds(us);
}

std::string to_compact(Time t) {
  const std::string iso = to_iso8601(t);
  std::string text;
  text.reserve(22);
  for (const char c : iso)
    if (c != '-' && c != ':' && c != '.') text += c;
  return text;
}

double monotonic_seconds() { return duration<double>(steady_clock::now().time_since_epoch()).count(); }

}  // namespace drst
