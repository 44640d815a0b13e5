// Stream order over partitions: samples merged by row (of one run), else by send_ts, with bounded reordering (SPEC 4).
//
// A record is handed on when every partition that has not ended has shown a later one, or when it has waited for more than `bound`
// records; what then comes with a smaller key than the last one handed on is late: handed on nevertheless, and counted.
// One thread. Used by monitor and retrainer.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/time.h"

namespace drst {

template <class Item>
class StreamMerge {
 public:
  StreamMerge(int partitions, std::size_t bound) : queues_(static_cast<std::size_t>(partitions)), bound_(bound) {}

  /// `row` < 0: ordered by `send_ts`.
  void push(int partition, int64_t row, Time send_ts, Item item) {
    auto& queue = queues_[static_cast<std::size_t>(partition)];
    queue.items.push_back({row, send_ts, std::move(item)});
    ++waiting_;
  }
  /// A partition that has shown its sentinel holds nothing up any more.
  void end(int partition) { queues_[static_cast<std::size_t>(partition)].ended = true; }
  [[nodiscard]] bool ended() const {
    for (const auto& queue : queues_)
      if (!queue.ended) return false;
    return true;
  }

  /// The next item in stream order, if one is due.
  std::optional<Item> pop() {
    const bool forced = waiting_ > bound_;
    Queue* first = nullptr;
    for (auto& queue : queues_) {
      if (queue.items.empty()) {
        // With consecutive rows nothing needs to be waited for: the next row is known when it is seen.
        if (!queue.ended && !forced && !next_is_here()) return std::nullopt;
        continue;
      }
      if (first == nullptr || before(queue.items.front(), first->items.front())) first = &queue;
    }
    if (first == nullptr) return std::nullopt;
    Entry entry = std::move(first->items.front());
    first->items.pop_front();
    --waiting_;
    if (last_ && before(entry, *last_)) {
      ++late_;
    } else {
      last_ = Entry{entry.row, entry.send_ts, Item{}};
    }
    return std::move(entry.item);
  }
  [[nodiscard]] std::uint64_t late() const { return late_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

 private:
  struct Entry {
    int64_t row;
    Time send_ts;
    Item item;
  };
  struct Queue {
    std::deque<Entry> items;
    bool ended = false;
  };
  static bool before(const Entry& a, const Entry& b) {
    if (a.row >= 0 && b.row >= 0) return a.row < b.row;
    return a.send_ts < b.send_ts;
  }
  bool next_is_here() const {
    const int64_t wanted = last_ ? last_->row + 1 : 0;
    if (last_ && last_->row < 0) return false;
    for (const auto& queue : queues_)
      if (!queue.items.empty() && queue.items.front().row == wanted) return true;
    return false;
  }

  std::vector<Queue> queues_;
  std::size_t bound_;
  std::size_t waiting_ = 0;
  std::uint64_t late_ = 0;
  std::optional<Entry> last_;
};

}  // namespace drst
