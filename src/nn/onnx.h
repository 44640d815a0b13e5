// The model file: ONNX, opset 17 (SPEC 5). One float32 input "counters" [N, F] of raw values, NaN = missing;
// one float32 output "prediction" [N, 1].
//
// `to_onnx` writes imputation (IsNaN, Where), log1p (Max, Add, Log; only where wanted), scaling, Gemm, Relu
// or erf-GELU, un-standardising into the graph; metadata_props hold feature_names (JSON list), family, and
// whatever the caller adds. `from_onnx` reads such a graph back into a Network and trusts nothing: size of
// the file, number of nodes, ranks, dims against data lengths, names defined before use (so no cycles), every
// node reached and known, finite weights. It reads what it understands and refuses the rest with a ModelError
// naming the node. Pure functions.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "nn/network.h"

namespace drst {

/// A model file that is broken, hostile, or of another kind. Message says where.
struct ModelError : InputError {
  using InputError::InputError;
};

struct OnnxLimits {
  std::size_t max_bytes = 256U << 20U;
  std::size_t max_structure_bytes = 1U << 20U;  ///< all but tensor data: names, nodes, metadata
  std::size_t max_nodes = 4096;
  std::size_t max_inputs = 16'384;
  std::size_t max_layers = 32;
  std::size_t max_width = 65'536;
};

std::string to_onnx(const Network& network, const std::map<std::string, std::string>& metadata = {});
Network from_onnx(std::string_view bytes, std::map<std::string, std::string>* metadata = nullptr,
                  const OnnxLimits& limits = {});

}  // namespace drst
