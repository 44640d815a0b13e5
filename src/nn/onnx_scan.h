// A look at a model file's bytes before protobuf builds objects from them, for internal use of this room.
//
// Protobuf objects can be a hundred times the bytes that make them (an empty node takes two bytes), so a
// small hostile file could take gigabytes. The scan walks the wire format without building anything and
// bounds the number of nodes and constants, and the bytes of all that is not plain tensor data.
#pragma once

#include <cstddef>
#include <string_view>

#include "nn/onnx.h"

namespace drst {

/// Throws ModelError where `bytes` is no well-formed model or exceeds the limits.
void scan_onnx(std::string_view bytes, const OnnxLimits& limits);

}  // namespace drst
