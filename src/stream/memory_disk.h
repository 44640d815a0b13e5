// The inside of MemoryLogDisk (memory_log.h): records and groups, and what of them has been synced.
// Everything is guarded by `mutex`.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "stream/batch.h"
#include "stream/group.h"
#include "stream/log.h"
#include "stream/memory_log.h"
#include "stream/settings.h"

namespace drst {

struct MemoryPartition {
  int64_t begin = 0;
  std::deque<NewRecord> records;
  std::size_t bytes = 0;
  int64_t synced_end = 0;

  [[nodiscard]] int64_t end() const { return begin + static_cast<int64_t>(records.size()); }
  void drop_oldest();
  void drop_newest();
  void retain(const LogSettings& settings, Time now);
  int64_t fetch(int partition, int64_t from, Batch::Storage& batch, const PollLimits& limits,
                bool one_at_least) const;
};

struct MemoryLogDisk::Content {
  using GroupKey = std::pair<std::string, std::string>;  // group, topic

  std::mutex mutex;
  std::condition_variable grown;
  uint32_t growth = 0;  // rises with each append
  Unsynced unsynced = Unsynced::kept;
  std::map<std::string, std::vector<MemoryPartition>, std::less<>> topics;
  std::map<GroupKey, GroupState> groups;
  std::map<GroupKey, GroupState> synced_groups;
  std::set<uint64_t> processes;  // the living
  uint64_t last_process = 0;

  /// Throws LogError (input) where there is none.
  MemoryPartition& partition(const std::string& topic, int number);
  void sync();
  void crash();
};

}  // namespace drst
