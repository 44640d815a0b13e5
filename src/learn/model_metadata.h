// What a model file says beside its graph, for readers of ours: metadata that changes no prediction. Internal
// to this room.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "nn/network.h"
#include "trees/ensemble.h"

namespace drst::learn {

/// Empty for none. ModelError: not a JSON list of so many numbers between 0 and 1e6.
std::vector<float> parse_relevance(const std::string& text, std::size_t inputs);

/// Null for none. Stand-ins, imputation and whether the target is a logarithm are the ensemble's. ModelError:
/// not what scaling_text wrote for so many inputs.
std::shared_ptr<const Network> parse_scaling(const std::string& text, const TreeEnsemble& ensemble);

}  // namespace drst::learn
