// A release made ready to serve: loaded, verified, warmed. Used by the guard, for the baseline, and by
// whoever recomputes predictions.
#pragma once

#include <cstddef>
#include <memory>

#include "base/error.h"
#include "inference/slot.h"
#include "learn/model_limits.h"
#include "registry/registry.h"

namespace drst {

/// Checks size and SHA-256 (Registry::load), that the graph is readable within the limits, that its inputs
/// are those of its metrics, and that it predicts a finite number for a record without any input. Scratch
/// memory is grown for `batch` rows. A model that is on the shelf is not read again. The Failure names the
/// object and the cause.
Result<std::unique_ptr<ServedModel>> load_served(Registry& registry, const Pointer& pointer,
                                                 std::size_t batch, const ModelLimits& limits,
                                                 ModelShelf& shelf);

/// Writes the events; one that cannot be is warned of, as `who`.
void write_swaps(ObjectStore& store, const std::vector<SwapEvent>& swaps, const std::string& who);

}  // namespace drst
