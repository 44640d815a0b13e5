#include "base/text.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>
#include <utility>

namespace drst {

std::string to_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

std::string to_fixed(double value, int digits) {
  if (!std::isfinite(value)) return to_text(value);
  char buffer[512];  // the largest double has 309 digits before the point
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed,
                                 std::clamp(digits, 0, 100))
                       .ptr;
  return {buffer, end};
}

std::optional<double> parse_double(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<int64_t> parse_int(std::string_view text) {
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

namespace {
char fold(char c) {
  if (c == '_' || c == ' ' || c == '.') return '-';
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

/// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (fold(a[i]) == fold(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}
}  // namespace

std::string join_first(std::span<const std::string> names, std::size_t most) {
  const std::string text = join(names.first(std::min(most, names.size())));
  return names.size() > most ? text + " and " + to_text(names.size() - most) + " more" : text;
}

std::vector<std::string> near_names(std::string_view wanted, std::span<const std::string> names) {
  constexpr std::size_t longest = 200;  // beyond this a suggestion helps nobody and costs quadratic time
  if (wanted.empty() || wanted.size() > longest) return {};
  std::vector<std::pair<std::size_t, std::string>> scored;
  for (const auto& name : names) {
    if (name.empty() || name.size() > longest) continue;
    const std::size_t d = distance(wanted, name);
    if (d <= std::max<std::size_t>(2, wanted.size() / 3)) scored.emplace_back(d, name);
  }
  std::stable_sort(scored.begin(), scored.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> best;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, scored.size()); ++i) best.push_back(scored[i].second);
  return best;
}

std::string did_you_mean(std::string_view wanted, std::span<const std::string> names) {
  const auto near = near_names(wanted, names);
  return near.empty() ? "" : "; did you mean '" + join(near, "' or '") + "'?";
}

}  // namespace drst
