// Protobuf's encoding, read and written without building anything, for internal use of the rooms that do so
// with model files. Whatever is cut short or of an unknown kind is a ModelError.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "nn/onnx.h"

namespace drst {

enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class Wire {
 public:
  struct Field {
    uint64_t number = 0;
    uint64_t type = kVarint;
    uint64_t value = 0;        ///< of a varint
    std::string_view content;  ///< of all others
    std::string_view whole;    ///< tag and all
  };

  explicit Wire(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool done() const { return rest_.empty(); }
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) broken();
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80U) return value;
    }
    broken();
  }
  std::string_view take(uint64_t size) {
    if (size > rest_.size()) broken();
    const auto part = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return part;
  }
  Field field() {
    const std::string_view start = rest_;
    const uint64_t tag = varint();
    Field field{tag >> 3U, tag & 7U, 0, {}, {}};
    switch (field.type) {
      case kVarint:
        field.value = varint();
        break;
      case kFixed64:
        field.content = take(8);
        break;
      case kFixed32:
        field.content = take(4);
        break;
      case kBytes:
        field.content = take(varint());
        break;
      default:
        broken();
    }
    field.whole = start.substr(0, start.size() - rest_.size());
    return field;
  }
  [[noreturn]] static void broken() { throw ModelError("model file: not ONNX, or cut short"); }

 private:
  std::string_view rest_;
};

inline void put_varint(std::string& to, uint64_t value) {
  for (; value >= 0x80; value >>= 7U) to += static_cast<char>(0x80U | (value & 0x7fU));
  to += static_cast<char>(value);
}
inline void put_number(std::string& to, uint64_t field, uint64_t value) {
  put_varint(to, field << 3U);
  put_varint(to, value);
}
inline void put_bytes(std::string& to, uint64_t field, std::string_view bytes) {
  put_varint(to, field << 3U | kBytes);
  put_varint(to, bytes.size());
  to += bytes;
}
inline void put_float(std::string& to, uint64_t field, float value) {
  put_varint(to, field << 3U | kFixed32);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  to.append(bytes, sizeof bytes);
}

}  // namespace drst
