// A mixture's file, and what both sides of it agree on. Internal to this room.
//
// The graph of a mixture holds its members' graphs as they are, each value's name behind "m<k>/", all fed by
// the one input, and behind them a tail: for a geometric mean Max(p, 1e-30), Log, Mul(weight), Add ..., Exp;
// else Mul(weight), Add .... Reading takes it apart again, as bytes, and gives each member to the reader of
// its kind, which trusts nothing; what is left must be the tail, to the byte, with weights that are 1
// together. Files: mixture_onnx (writing), mixture_read, mixture_parts (what both share).
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "learn/model.h"

namespace drst::learn {

inline constexpr float least_prediction = 1e-30F;
inline constexpr std::size_t most_members = 16;

/// Metadata key that only a mixture has: the number of its members.
inline constexpr const char* members_key = "mixture_members";

std::string mixture_to_onnx(std::span<const MixtureMember> members, bool geometric,
                            std::map<std::string, std::string> metadata);
/// Whether the file says that it is one. Never throws.
bool holds_mixture(std::string_view onnx_bytes) noexcept;
/// ModelError if it is not a mixture as written above.
std::unique_ptr<Model> mixture_from_onnx(std::string_view onnx_bytes, const ModelLimits& limits,
                                         std::map<std::string, std::string>& metadata);

}  // namespace drst::learn
