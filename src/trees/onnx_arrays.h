// The arrays of a TreeEnsembleRegressor, read side by side as a stream, for internal use of this room.
#pragma once

#include <string_view>

#include "trees/ensemble.h"
#include "trees/onnx.h"

namespace drst {

/// Reads trees, nodes and comparison into `ensemble`, whose inputs are set, from the bytes of the node (a
/// NodeProto). ModelError: an attribute that is missing, twice there or unknown; arrays of different lengths;
/// trees, nodes or targets out of order; more than the limits allow.
void read_tree_arrays(std::string_view node, const TreeLimits& limits, TreeEnsemble& ensemble);

}  // namespace drst
