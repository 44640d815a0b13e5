// Which ids of a partition were there before: bounded memory, no allocation after warm-up. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drst {

/// The last `window` rows of one run as a ring of bits. What lies further back is unknown, and taken for new:
/// then readers of the trace drop the repeat, as they do with every other one.
class RowWindow {
 public:
  explicit RowWindow(int64_t window);
  /// True if `row` (>= 0) was not there before.
  bool add(int64_t row);

 private:
  [[nodiscard]] uint64_t& word(int64_t row);

  int64_t window_;
  int64_t next_ = 0;  // one past the highest row
  std::vector<uint64_t> bits_;
};

/// Ids that carry no row: their last `window` hashes (64 bits: among 2^16 ids two collide once in 10^10
/// windows).
class HashWindow {
 public:
  explicit HashWindow(int64_t window);
  bool add(std::string_view id);

 private:
  static constexpr uint64_t empty = 0;
  [[nodiscard]] std::size_t find(uint64_t hash) const;  // its slot, or the free slot where it would go
  void erase(uint64_t hash);

  std::size_t mask_;
  std::vector<uint64_t> table_;  // open addressing, at most half full
  std::vector<uint64_t> order_;  // ring of the hashes in the table, oldest at at_
  std::size_t at_ = 0;
};

/// All ids of one partition. A topic sees few runs at a time; the one not met for longest is forgotten first.
class SeenIds {
 public:
  explicit SeenIds(int64_t window) : window_(window) {}
  /// True if the id was not there before. `row`: as split_id has it, -1 if the id has none. An empty id is
  /// always new.
  bool add(std::string_view id, int64_t row);

 private:
  static constexpr std::size_t most_runs = 4;
  struct Run {
    std::string name;
    RowWindow rows;
    uint64_t last_met = 0;
  };
  int64_t window_;
  uint64_t clock_ = 0;
  std::vector<Run> runs_;
  std::vector<HashWindow> others_;  // none or one: most topics have no such ids
};

}  // namespace drst
