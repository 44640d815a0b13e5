// Fixed-size little-endian numbers in byte strings, for the formats of the embedded log.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace drst {

static_assert(std::endian::native == std::endian::little,
              "the log's format is little-endian, and so is every machine it is built for");

template <std::integral T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// Overwrites the bytes at `at`, which must be there.
template <std::integral T>
void put_at(std::string& out, std::size_t at, T value) {
  std::memcpy(out.data() + at, &value, sizeof value);
}

/// The number at `at`, which must be there.
template <std::integral T>
T get_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

/// Takes a number off the front; nullopt if too little is left.
template <std::integral T>
std::optional<T> take(std::string_view& bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  const T value = get_at<T>(bytes, 0);
  bytes.remove_prefix(sizeof(T));
  return value;
}

/// Takes `size` bytes off the front; nullopt if too little is left.
inline std::optional<std::string_view> take_bytes(std::string_view& bytes, std::size_t size) {
  if (bytes.size() < size) return std::nullopt;
  const auto taken = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return taken;
}

}  // namespace drst
