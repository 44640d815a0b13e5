#include "nn/onnx_scan.h"

#include <cstdint>

#include "base/text.h"
#include "nn/onnx_wire.h"

namespace drst {

namespace {

// Field numbers of onnx.proto.
constexpr uint64_t kModelGraph = 7;
constexpr uint64_t kGraphNode = 1;
constexpr uint64_t kGraphInitializer = 5;
constexpr uint64_t kTensorFloatData = 4;
constexpr uint64_t kTensorRawData = 9;

/// Calls `each(number, content)` for every field; content is empty but for byte fields.
template <class Each>
void fields(std::string_view message, const Each& each) {
  for (Wire wire(message); !wire.done();) {
    const auto field = wire.field();
    each(field.number, field.type == kBytes ? field.content : std::string_view());
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
