// A GroupState as bytes (value of the embedded log's `groups`). All numbers little-endian.
//   "DRG1" | u32 CRC-32 of all that follows | u64 epoch | u64 sessions | u32 members | u32 partitions |
//   per member: u64 session, i64 expires us, u64 process id, u64 process start, u32 1 if exclusive,
//     u32 name size, name |
//   per partition: i64 committed offset (-1: none), u64 owning session (0: none), u64 generation
// Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "stream/group.h"

namespace drst {

void encode_group(const GroupState& state, std::string& out);
/// nullopt: damaged.
std::optional<GroupState> decode_group(std::string_view bytes);
/// The epoch alone, without checking the rest; nullopt if there are too few bytes for it.
std::optional<uint64_t> peek_epoch(std::string_view bytes);

}  // namespace drst
