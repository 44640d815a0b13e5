// A model file of any bytes is either refused with a ModelError or gives trees that predict numbers and write
// themselves again.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "trees/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const bool trees = drst::holds_trees(bytes);
  drst::TreeEnsemble ensemble;
  try {
    ensemble = drst::trees_from_onnx(bytes);
  } catch (const drst::ModelError&) {
    return 0;
  }
  if (!trees) __builtin_trap();
  const std::vector<float> raw(ensemble.inputs.size() * 3, 1e6F);
  std::vector<float> out(3);
  drst::TreeScratch scratch;
  drst::predict(ensemble, raw, 3, out, scratch);
  if (std::isnan(out[0])) __builtin_trap();
  std::vector<float> again(3);
  drst::predict(drst::trees_from_onnx(drst::to_onnx(ensemble)), raw, 3, again, scratch);
  if (out != again) __builtin_trap();
  return 0;
}
