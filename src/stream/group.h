// A consumer group on one topic: who is in it, who owns which partition, how far each partition is done.
//
// Plain data and pure logic, shared by all back ends of ours, which only have to keep one GroupState a
// (group, topic) and let one writer at a time edit it. How ownership moves:
//  * A member joins at its first poll and gets a session number that no other member ever had. It renews
//    its expiry while it polls; members whose expiry has passed are removed by whoever edits the state
//    next.
//  * Partitions are dealt to live members sorted by name, in ranges, the first ones getting one more where
//    it does not come out even.
//  * A partition moves in two steps: its owner gives it up at its own poll (so that what it has begun is
//    finished and committed), then the new one takes it at its next. A partition of a member that is gone
//    is taken at once. Each move raises the partition's generation, and a commit names session and
//    generation, so an owner that slept through its lease can commit only if nobody has taken over
//    meanwhile.
//  * A member that comes back under its old name inherits its partitions at once if the process that held
//    the name is dead (or its lease has run out); while that process lives the second is refused. So two
//    monitors started by mistake do not fight, and a restart does not wait.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace drst {

/// Who holds a name: for processes, the id and the start time that tells it from a later process of the same
/// id.
struct HolderId {
  uint64_t id = 0;
  uint64_t start = 0;
};

struct GroupMember {
  std::string name;
  uint64_t session = 0;
  Time expires{};
  bool exclusive = false;
  HolderId holder{};
};

struct GroupPartition {
  int64_t committed = -1;  ///< next offset to read; -1: nothing committed yet
  uint64_t owner = 0;      ///< a session; 0: nobody
  uint64_t generation = 0;
};

struct GroupState {
  uint64_t epoch = 0;                ///< changes whenever a member or an owner does
  uint64_t sessions = 0;             ///< handed out so far
  std::vector<GroupMember> members;  ///< sorted by name
  std::vector<GroupPartition> partitions;

  GroupMember* find(std::string_view name);
  [[nodiscard]] bool has_session(uint64_t session) const;
  /// Puts a new member in, under a new session, with what the last holder of its name still owns.
  GroupMember& join(const std::string& name);
  /// Takes out members whose lease has run out, but for `except`.
  void remove_expired(Time now, std::string_view except);
  /// One member's turn: gives up and takes partitions as the deal says.
  void settle(uint64_t session);
  /// Takes a member out and frees its partitions.
  void leave(uint64_t session);
};

/// The index of the member that partition `p` of `partitions` is dealt to, of `members` > 0.
std::size_t range_owner(std::size_t partition, std::size_t partitions, std::size_t members);

}  // namespace drst
