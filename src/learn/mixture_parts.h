// What writer and reader of a mixture's file agree on, with protobuf's types. Internal to this room.
#pragma once

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace drst::learn {

inline constexpr const char* mixture_input = "counters";
inline constexpr const char* mixture_output = "prediction";

std::string mixture_prefix(std::size_t member);  ///< of the names of its values
std::string mixture_weight(std::size_t member);  ///< name of the constant
/// What follows the members' own outputs.
void write_mixture_tail(onnx::GraphProto& graph, const std::vector<float>& weights, bool geometric);

}  // namespace drst::learn
