// A model file of any family, mixtures above all: refused with a ModelError, or a model that predicts numbers
// and writes itself again.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "learn/model.h"

namespace {

/// Rows of zeros, of large counters, and of nothing at all.
std::vector<float> predictions(const drst::Model& model) {
  const std::size_t inputs = model.inputs().size();
  std::vector<float> raw(inputs * 3, 0);
  std::fill_n(raw.begin() + static_cast<std::ptrdiff_t>(inputs), inputs, 1e6F);
  std::fill_n(raw.begin() + static_cast<std::ptrdiff_t>(2 * inputs), inputs, std::nanf(""));
  std::vector<float> out(3);
  model.predict(raw, 3, out, *model.make_scratch());
  return out;
}

bool same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  drst::ModelLimits limits;
  limits.network.max_structure_bytes = limits.trees.max_structure_bytes = 1U << 16U;
  std::unique_ptr<const drst::Model> model;
  try {
    model = drst::load_model({reinterpret_cast<const char*>(data), size}, limits);
  } catch (const drst::ModelError&) {
    return 0;
  }
  const auto first = predictions(*model);
  const auto again =
      drst::load_model(model->to_onnx({{"relevance", drst::relevance_text(model->relevance())}}));
  if (again->inputs() != model->inputs() || again->members().size() != model->members().size())
    __builtin_trap();
  const auto second = predictions(*again);
  for (std::size_t i = 0; i < first.size(); ++i)
    if (!same(first[i], second[i])) __builtin_trap();
  return 0;
}
