#include "inference/serve.h"

#include <cmath>
#include <exception>
#include <limits>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"

namespace drst {

Result<std::unique_ptr<ServedModel>> load_served(Registry& registry, const Pointer& pointer,
                                                 std::size_t batch, const ModelLimits& limits,
                                                 ModelShelf& shelf) {
  const double start = monotonic_seconds();
  auto loaded = registry.load(pointer);
  if (!loaded) return tl::unexpected(loaded.error());
  auto served = std::make_unique<ServedModel>();
  try {
    served->model = shelf.get(loaded->info.sha256, [&] { return load_model(loaded->onnx, limits); });
    const auto& inputs = served->model->inputs();
    if (inputs.empty()) return failure(pointer.model_key + ": the model has no inputs");
    if (inputs != loaded->info.inputs)
      return failure(pointer.model_key + ": the model's " + to_text(inputs.size()) + " inputs are not the " +
                     to_text(loaded->info.inputs.size()) + " that " + pointer.metrics_key + " names");
    served->scratch = served->model->make_scratch();
    const std::vector<float> nothing(batch * inputs.size(), std::numeric_limits<float>::quiet_NaN());
    std::vector<float> predictions(batch);
    served->model->predict(nothing, batch, predictions, *served->scratch);
    for (const float prediction : predictions)
      if (!std::isfinite(prediction))
        return failure(pointer.model_key + ": predicts " + to_text(static_cast<double>(prediction)) +
                       " for a record without values; imputation must be inside the model");
  } catch (const std::exception& error) {  // whatever a hostile file makes a reader throw, bad_alloc included
    return failure(pointer.model_key + ": " + error.what());
  }
  served->release = pointer.model_key;
  served->load_ms = (monotonic_seconds() - start) * 1e3;
  return served;
}

void write_swaps(ObjectStore& store, const std::vector<SwapEvent>& swaps, const std::string& who) {
  for (const auto& event : swaps) {
    try {
      write_event(store, event);
    } catch (const Error& error) {  // the trace holds the release of every row; the event is a comfort
      log::warning(who + ": the swap to " + event.release + " could not be noted: " + error.what());
    }
  }
}

}  // namespace drst
