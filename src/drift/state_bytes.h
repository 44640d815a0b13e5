// Saved state as bytes: little-endian numbers and counted strings, read back with every length checked before
// use. InputError on anything short, too long, or of another kind. Not for interchange: only the same program
// reads it.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace drst {

static_assert(std::endian::native == std::endian::little, "saved state is written as it lies in memory");

class StateWriter {
 public:
  explicit StateWriter(std::string_view magic) : bytes_(magic) {}
  template <class T>
  requires std::is_arithmetic_v<T>
  void number(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof value);
    std::memcpy(bytes_.data() + at, &value, sizeof value);
  }
  void text(std::string_view value) {
    number<uint64_t>(value.size());
    bytes_ += value;
  }
  template <class T>
  void numbers(const std::vector<T>& values) {
    number<uint64_t>(values.size());
    const std::size_t at = bytes_.size();
    bytes_.resize(at + values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(bytes_.data() + at, values.data(), values.size() * sizeof(T));
  }
  void texts(const std::vector<std::string>& values) {
    number<uint64_t>(values.size());
    for (const auto& value : values) text(value);
  }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class StateReader {
 public:
  /// `what` names the state in errors. The bytes must outlive the reader.
  StateReader(std::string_view bytes, std::string_view magic, std::string what)
      : bytes_(bytes), what_(std::move(what)) {
    if (!bytes_.starts_with(magic)) refuse("does not begin as one");
    bytes_.remove_prefix(magic.size());
  }
  template <class T>
  requires std::is_arithmetic_v<T> T number() {
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  /// A bool is a byte that may hold anything when the bytes are not ours.
  bool flag() { return number<uint8_t>() != 0; }
  std::string text() { return std::string(take(number<uint64_t>())); }
  template <class T>
  std::vector<T> numbers() {
    const auto count = number<uint64_t>();
    if (count > bytes_.size() / sizeof(T)) refuse("ends too early");
    std::vector<T> values(count);
    const auto source = take(count * sizeof(T));
    if (count > 0) std::memcpy(values.data(), source.data(), source.size());
    return values;
  }
  std::vector<std::string> texts() {
    const auto count = number<uint64_t>();
    if (count > bytes_.size() / sizeof(uint64_t)) refuse("ends too early");
    std::vector<std::string> values;
    for (uint64_t i = 0; i < count; ++i) values.push_back(text());
    return values;
  }
  void end() {
    if (!bytes_.empty()) refuse("goes on after its end");
  }
  [[noreturn]] void refuse(const std::string& why) const {
    throw InputError(what_ + " cannot be used: it " + why);
  }

 private:
  std::string_view take(uint64_t count) {
    if (count > bytes_.size()) refuse("ends too early");
    const auto part = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return part;
  }

  std::string_view bytes_;
  std::string what_;
};

}  // namespace drst
