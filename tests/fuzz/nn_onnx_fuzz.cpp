// A model file of any bytes is either refused with a ModelError or gives a network that predicts and writes
// itself again.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "nn/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  drst::Network network;
  try {
    network = drst::from_onnx(std::string_view(reinterpret_cast<const char*>(data), size));
  } catch (const drst::ModelError&) {
    return 0;
  }
  const std::vector<float> raw(network.inputs.size() * 3, 1e6F);
  std::vector<float> out(3);
  drst::Workspace workspace;
  drst::forward(network, raw, 3, out, workspace);
  if (drst::from_onnx(drst::to_onnx(network)).inputs != network.inputs) __builtin_trap();
  return 0;
}
