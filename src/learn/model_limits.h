// Limits of the model files that are read ([onnx]): whoever can write into the store must not take a reader's
// memory.
#pragma once

#include <cstdint>

#include "base/settings.h"
#include "nn/onnx.h"
#include "trees/onnx.h"

namespace drst {

struct ModelLimits {
  OnnxLimits network;
  TreeLimits trees;
};

struct OnnxSettings {
  int64_t max_mib = 256;
  int64_t max_structure_kib = 1024;
  int64_t max_nodes = 4096;
  int64_t max_inputs = 16'384;
  int64_t max_layers = 32;
  int64_t max_width = 65'536;
  int64_t max_trees = 20'000;
  int64_t max_tree_nodes = 4'000'000;

  [[nodiscard]] ModelLimits limits() const;  ///< for load_model
};
void describe(SettingsVisitor& visitor, OnnxSettings& settings);

}  // namespace drst
