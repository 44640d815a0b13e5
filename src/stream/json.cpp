#include "stream/json.h"

#include "base/text.h"

namespace drst::wire {

namespace {

constexpr int max_depth = 32;  // of members that nobody reads

/// A number by JSON's grammar; only asked where simdjson refused it (too large for a double, or malformed).
bool is_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t from = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - from;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const std::size_t whole = at;
  const std::size_t count = digits();
  if (count == 0 || (count > 1 && text[whole] == '0')) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

/// A scalar without a usable number: null, true, NaN, 1e999. False: no JSON value at all. Does not consume
/// it.
bool is_odd_scalar(std::string_view token) {
  return token == "null" || token == "true" || token == "false" || token == "NaN" || token == "Infinity" ||
         token == "-Infinity" || is_number(token);
}

}  // namespace

std::string shortened(std::string_view text) {
  constexpr std::size_t limit = 80;
  if (text.size() <= limit) return std::string(text);
  std::size_t end = limit;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
    --end;  // never half of a character
  return std::string(text.substr(0, end)) + "...";
}

tl::unexpected<Failure> not_json(simdjson::error_code code) {
  return failure(std::string("not JSON: ") + simdjson::error_message(code));
}
tl::unexpected<Failure> not_json(const std::string& what) { return failure("not JSON: " + what); }

Result<void> check(json::value value, int depth) {
  if (depth > max_depth) return failure("nested deeper than " + to_text(max_depth) + " levels");
  const std::string_view token = trim(value.raw_json_token());
  const char first = token.empty() ? '\0' : token.front();
  if (first == '{') {
    json::object object;
    if (const auto error = value.get_object().get(object)) return not_json(error);
    for (auto member : object) {
      json::field field;
      if (const auto error = std::move(member).get(field)) return not_json(error);
      std::string_view name;
      if (const auto error = field.unescaped_key().get(name)) return not_json(error);
      if (auto inner = check(field.value(), depth + 1); !inner) return inner;
    }
  } else if (first == '[') {
    json::array array;
    if (const auto error = value.get_array().get(array)) return not_json(error);
    for (auto element : array) {
      json::value item;
      if (const auto error = element.get(item)) return not_json(error);
      if (auto inner = check(item, depth + 1); !inner) return inner;
    }
  } else if (first == '"') {
    std::string_view text;
    if (const auto error = value.get_string().get(text)) return not_json(error);
  } else if (!is_odd_scalar(token)) {
    return not_json("'" + shortened(token) + "' is no value");
  }
  return {};
}

Result<std::optional<double>> optional_number(json::value& value, std::string_view name) {
  double number = 0;
  if (value.get_double().get(number) == simdjson::SUCCESS) return number;
  const std::string_view token = trim(value.raw_json_token());
  if (token == "true" || token == "false" || !is_odd_scalar(token))
    return failure(std::string(name) + " is neither a number nor null");
  return std::nullopt;
}

Result<std::string_view> optional_text(json::value& value, std::string_view name) {
  std::string_view text;
  if (value.get_string().get(text) == simdjson::SUCCESS) return text;
  if (trim(value.raw_json_token()) != "null") return failure(std::string(name) + " is not a text");
  return text;
}

}  // namespace drst::wire
