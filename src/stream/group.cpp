#include "stream/group.h"

#include <algorithm>

namespace drst {

GroupMember* GroupState::find(std::string_view name) {
  const auto at = std::ranges::find(members, name, &GroupMember::name);
  return at == members.end() ? nullptr : &*at;
}

bool GroupState::has_session(uint64_t session) const {
  return std::ranges::find(members, session, &GroupMember::session) != members.end();
}

GroupMember& GroupState::join(const std::string& name) {
  ++epoch;
  const uint64_t session = ++sessions;
  if (GroupMember* known = find(name)) {
    for (auto& partition : partitions) {
      if (partition.owner != known->session) continue;
      partition.owner = session;
      ++partition.generation;
    }
    known->session = session;
    return *known;
  }
  const auto at = std::ranges::lower_bound(members, name, {}, &GroupMember::name);
  return *members.insert(at, GroupMember{.name = name, .session = session});
}

void GroupState::remove_expired(Time now, std::string_view except) {
  const auto gone = std::erase_if(
      members, [&](const GroupMember& member) { return member.expires <= now && member.name != except; });
  if (gone > 0) ++epoch;
}

void GroupState::settle(uint64_t session) {
  for (std::size_t p = 0; p < partitions.size(); ++p) {
    GroupPartition& partition = partitions[p];
    const uint64_t dealt_to = members[range_owner(p, partitions.size(), members.size())].session;
    if (partition.owner == session && dealt_to != session) {
      partition.owner = 0;
    } else if (partition.owner != session && dealt_to == session && !has_session(partition.owner)) {
      partition.owner = session;
    } else {
      continue;
    }
    ++partition.generation;
    ++epoch;
  }
}

void GroupState::leave(uint64_t session) {
  if (std::erase_if(members, [&](const GroupMember& member) { return member.session == session; }) == 0)
    return;
  ++epoch;
  for (auto& partition : partitions) {
    if (partition.owner != session) continue;
    partition.owner = 0;
    ++partition.generation;
  }
}

std::size_t range_owner(std::size_t partition, std::size_t partitions, std::size_t members) {
  const std::size_t each = partitions / members;
  const std::size_t more = partitions % members;  // this many members get one more
  const std::size_t in_larger = more * (each + 1);
  return partition < in_larger ? partition / (each + 1) : more + (partition - in_larger) / each;
}

}  // namespace drst
