#include "stream/group_codec.h"

#include "stream/block.h"
#include "stream/bytes.h"

namespace drst {

namespace {
constexpr uint32_t group_magic = 0x31475244;  // "DRG1"
constexpr std::size_t checked_from = 8;
constexpr std::size_t member_head = 40;
constexpr std::size_t partition_size = 24;
}  // namespace

void encode_group(const GroupState& state, std::string& out) {
  out.clear();
  put(out, group_magic);
  put(out, uint32_t{0});
  put(out, state.epoch);
  put(out, state.sessions);
  put(out, static_cast<uint32_t>(state.members.size()));
  put(out, static_cast<uint32_t>(state.partitions.size()));
  for (const auto& member : state.members) {
    put(out, member.session);
    put(out, member.expires.time_since_epoch().count());
    put(out, member.holder.id);
    put(out, member.holder.start);
    put(out, static_cast<uint32_t>(member.exclusive));
    put(out, static_cast<uint32_t>(member.name.size()));
    out += member.name;
  }
  for (const auto& partition : state.partitions) {
    put(out, partition.committed);
    put(out, partition.owner);
    put(out, partition.generation);
  }
  put_at(out, 4, crc32_of(std::string_view(out).substr(checked_from)));
}

std::optional<GroupState> decode_group(std::string_view bytes) {
  const auto magic = take<uint32_t>(bytes);
  const auto crc = take<uint32_t>(bytes);
  if (magic != group_magic || !crc || *crc != crc32_of(bytes)) return std::nullopt;
  GroupState state;
  const auto epoch = take<uint64_t>(bytes);
  const auto sessions = take<uint64_t>(bytes);
  const auto members = take<uint32_t>(bytes);
  const auto partitions = take<uint32_t>(bytes);
  if (!epoch || !sessions || !members || !partitions) return std::nullopt;
  state.epoch = *epoch;
  state.sessions = *sessions;
  for (uint32_t i = 0; i < *members; ++i) {
    if (bytes.size() < member_head) return std::nullopt;
    GroupMember member;
    member.session = *take<uint64_t>(bytes);
    member.expires = Time(Duration(*take<int64_t>(bytes)));
    member.holder = {*take<uint64_t>(bytes), *take<uint64_t>(bytes)};
    member.exclusive = *take<uint32_t>(bytes) != 0;
    const auto name_size = *take<uint32_t>(bytes);
    const auto name = take_bytes(bytes, name_size);
    if (!name) return std::nullopt;
    member.name = *name;
    state.members.push_back(std::move(member));
  }
  if (bytes.size() != partition_size * *partitions) return std::nullopt;
  for (uint32_t i = 0; i < *partitions; ++i)
    state.partitions.push_back({*take<int64_t>(bytes), *take<uint64_t>(bytes), *take<uint64_t>(bytes)});
  return state;
}

std::optional<uint64_t> peek_epoch(std::string_view bytes) {
  if (bytes.size() < checked_from + sizeof(uint64_t)) return std::nullopt;
  return get_at<uint64_t>(bytes, checked_from);
}

}  // namespace drst
