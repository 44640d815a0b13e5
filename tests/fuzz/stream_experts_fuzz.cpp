// What judge, retrainer and consumers read of -experts, -proposals and -memory: any bytes are read or
// refused, and what is read keeps its bounds and writes back to itself.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "stream/experts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace drst;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto proposal = decode_proposal(bytes)) {
    if (proposal->line.empty() || proposal->model_key.empty() || proposal->metrics_key.empty()) std::abort();
    const auto again = decode_proposal(make_record(*proposal, {}).value);
    if (!again || again->row != proposal->row || again->model_key != proposal->model_key ||
        again->candidate != proposal->candidate)
      std::abort();
  }
  if (const auto state = decode_experts(bytes)) {
    if (state->experts.empty() || state->experts.size() > 32) std::abort();
    if (state->last_label && !std::isfinite(*state->last_label)) std::abort();
    double sum = 0;
    for (const auto& expert : state->experts) sum += expert.weight;
    if (!(std::abs(sum - 1) < 1e-5)) std::abort();
    const auto again = decode_experts(make_record(*state, {}).value);
    if (!again || again->row != state->row || again->labels != state->labels ||
        again->last_label != state->last_label || again->experts.size() != state->experts.size())
      std::abort();
  }
  if (const auto sample = decode_labelled(bytes)) {
    if (sample->raw.size() * sizeof(float) > size) std::abort();
    if (make_record(*sample, "fuzz", {}).value != bytes) std::abort();
  }
  return 0;
}
