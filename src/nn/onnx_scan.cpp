#include "nn/onnx_scan.h"

#include <cstdint>
#include <functional>

#include "base/text.h"

namespace drst {

namespace {

// Field numbers of onnx.proto, and wire types of protobuf's encoding.
constexpr uint64_t kModelGraph = 7;
constexpr uint64_t kGraphNode = 1;
constexpr uint64_t kGraphInitializer = 5;
constexpr uint64_t kTensorFloatData = 4;
constexpr uint64_t kTensorRawData = 9;
enum WireType : uint64_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

class Wire {
 public:
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
  [[noreturn]] static void broken() { throw ModelError("model file: not ONNX, or cut short"); }

 private:
  std::string_view rest_;
};

/// Calls `each(number, content)` for every field; content is empty but for byte fields.
void fields(std::string_view message, const std::function<void(uint64_t, std::string_view)>& each) {
  Wire wire(message);
  while (!wire.done()) {
    const uint64_t tag = wire.varint();
    std::string_view content;
    switch (tag & 7U) {
      case kVarint:
        wire.varint();
        break;
      case kFixed64:
        wire.take(8);
        break;
      case kFixed32:
        wire.take(4);
        break;
      case kBytes:
        content = wire.take(wire.varint());
        break;
      default:
        Wire::broken();
    }
    each(tag >> 3U, content);
  }
}

}  // namespace

void scan_onnx(std::string_view bytes, const OnnxLimits& limits) {
  if (bytes.size() > limits.max_bytes)
    throw ModelError("model file: " + to_text(bytes.size()) + " bytes, more than the limit of " +
                     to_text(limits.max_bytes));
  std::size_t nodes = 0;
  std::size_t constants = 0;
  std::size_t data = 0;
  fields(bytes, [&](uint64_t number, std::string_view graph) {
    if (number != kModelGraph) return;
    fields(graph, [&](uint64_t part, std::string_view content) {
      if (part == kGraphNode) ++nodes;
      if (part != kGraphInitializer) return;
      ++constants;
      fields(content, [&](uint64_t field, std::string_view values) {
        if (field == kTensorFloatData || field == kTensorRawData) data += values.size();
      });
    });
  });
  if (nodes > limits.max_nodes || constants > limits.max_nodes)
    throw ModelError("model file: " + to_text(nodes) + " nodes and " + to_text(constants) +
                     " constants, the limit is " + to_text(limits.max_nodes) + " of each");
  if (bytes.size() - data > limits.max_structure_bytes)
    throw ModelError("model file: " + to_text(bytes.size() - data) +
                     " bytes beside tensor data, more than the limit of " +
                     to_text(limits.max_structure_bytes));
}

}  // namespace drst
