#include "table/npy.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "table/npy_header.h"
#include "table/utf8.h"

namespace drst {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they lie in memory");

namespace {

using detail::NpyHeader;

[[noreturn]] void refuse(const std::string& source, const std::string& what) {
  throw InputError(source + ": " + what);
}

/// The product of `shape`, or nothing if it does not fit.
std::optional<std::size_t> product(const std::vector<std::size_t>& shape) {
  if (std::find(shape.begin(), shape.end(), std::size_t{0}) != shape.end()) return 0;
  std::size_t total = 1;
  for (const auto extent : shape) {
    if (total > std::numeric_limits<std::size_t>::max() / extent) return std::nullopt;
    total *= extent;
  }
  return total;
}

template <class T>
constexpr const char* type_name() {
  if constexpr (std::is_same_v<T, float>) return "<f4";
  if constexpr (std::is_same_v<T, double>) return "<f8";
  if constexpr (std::is_same_v<T, int32_t>) return "<i4";
  if constexpr (std::is_same_v<T, int64_t>) return "<i8";
}

template <class T>
void append_values(std::string& out, std::string& type, const std::vector<T>& values) {
  type = type_name<T>();
  out.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

void append_values(std::string& out, std::string& type, const std::vector<std::string>& values) {
  std::vector<std::u32string> texts;
  texts.reserve(values.size());
  std::size_t width = 1;  // numpy has no text of width 0
  for (const auto& value : values) {
    auto text = detail::from_utf8(value);
    if (!text) throw InputError("a text for an NPY file is not valid UTF-8");
    if (text->ends_with(U'\0')) throw InputError("a text for an NPY file ends in NUL, which numpy drops");
    width = std::max(width, text->size());
    texts.push_back(std::move(*text));
  }
  constexpr std::size_t most = std::size_t{1} << 32;
  if (!values.empty() && width > most / sizeof(char32_t) / values.size())
    throw InputError("texts of up to " + to_text(width) + " characters, " + to_text(values.size()) +
                     " times, are too many for an NPY file");
  type = "<U" + to_text(width);
  const std::size_t begin = out.size();
  out.resize(begin + values.size() * width * sizeof(char32_t));  // zeros
  for (std::size_t i = 0; i < texts.size(); ++i)
    std::memcpy(out.data() + begin + i * width * sizeof(char32_t), texts[i].data(),
                texts[i].size() * sizeof(char32_t));
}

template <class T>
std::vector<T> take_values(std::string_view bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

std::vector<std::string> take_texts(std::string_view bytes, std::size_t count, std::size_t width,
                                    const std::string& source) {
  std::vector<std::string> values;
  values.reserve(count);
  std::u32string text;
  for (std::size_t i = 0; i < count; ++i) {
    text.resize(width);
    std::memcpy(text.data(), bytes.data() + i * width * sizeof(char32_t), width * sizeof(char32_t));
    while (!text.empty() && text.back() == U'\0') text.pop_back();
    auto value = detail::to_utf8(text);
    if (!value) refuse(source, "text " + to_text(i) + " holds a number that is no Unicode character");
    values.push_back(std::move(*value));
  }
  return values;
}

}  // namespace

std::size_t Array::elements() const {
  return std::visit([](const auto& values) { return values.size(); }, data);
}

Array Array::of(std::vector<float> values) { return {{values.size()}, std::move(values)}; }
Array Array::of(std::vector<double> values) { return {{values.size()}, std::move(values)}; }
Array Array::of(std::vector<int32_t> values) { return {{values.size()}, std::move(values)}; }
Array Array::of(std::vector<int64_t> values) { return {{values.size()}, std::move(values)}; }
Array Array::of(std::vector<std::string> values) { return {{values.size()}, std::move(values)}; }
Array Array::matrix(std::vector<float> values, std::size_t rows, std::size_t columns) {
  return {{rows, columns}, std::move(values)};
}

std::string to_npy(const Array& array) {
  if (product(array.shape) != array.elements())
    throw InputError("an array of " + to_text(array.elements()) + " elements does not have the shape " +
                     detail::shape_text(array.shape));
  std::string values;
  std::string type;
  std::visit([&](const auto& typed) { append_values(values, type, typed); }, array.data);
  return detail::npy_header(type, array.shape) + values;
}

Array parse_npy(std::string_view bytes, const std::string& source, std::uint64_t max_bytes) {
  if (bytes.size() > max_bytes)
    refuse(source,
           "the array has " + to_text(bytes.size()) + " bytes; at most " + to_text(max_bytes) + " are read");
  const NpyHeader header = detail::parse_npy_header(bytes, source);
  const auto body = bytes.substr(header.size);
  const auto count = product(header.shape);
  const auto fits = [&](std::size_t width) {
    return count && width > 0 && *count <= body.size() / width && *count * width == body.size();
  };
  const auto check = [&](std::size_t width) {
    if (!fits(width))
      refuse(source, "shape " + detail::shape_text(header.shape) + " of " + header.type +
                         " does not match the " + to_text(body.size()) +
                         " bytes that follow; the file is damaged or cut short");
  };
  Array array;
  array.shape = header.shape;
  if (header.type == "<f4") {
    check(4);
    array.data = take_values<float>(body);
  } else if (header.type == "<f8") {
    check(8);
    array.data = take_values<double>(body);
  } else if (header.type == "<i4") {
    check(4);
    array.data = take_values<int32_t>(body);
  } else if (header.type == "<i8") {
    check(8);
    array.data = take_values<int64_t>(body);
  } else if (header.type.starts_with("<U")) {
    const auto width = parse_int(std::string_view(header.type).substr(2));
    constexpr std::int64_t widest = std::int64_t{1} << 28;
    if (!width || *width < 1 || *width > widest)
      refuse(source, "cannot read elements of type '" + header.type + "'");
    check(static_cast<std::size_t>(*width) * sizeof(char32_t));
    array.data = take_texts(body, *count, static_cast<std::size_t>(*width), source);
  } else {
    refuse(source,
           "cannot read elements of type '" + header.type +
               "'; known are <f4, <f8, <i4, <i8 and <U (little-endian; objects would be pickled code)");
  }
  return array;
}

}  // namespace drst
