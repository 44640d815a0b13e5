// Stream order over partitions: samples merged by row (of one run), else by send_ts, with bounded reordering
// (SPEC 4).
//
// A record is handed on when it is the next row, or when every partition that has not ended has shown a later
// one, or when more than `bound` records wait; what then comes with a smaller key than the last one handed on
// is late: handed on at once, and counted. Within a partition order is kept. Where keys are equal the lower
// partition comes first, so the order does not depend on who arrived when. A stream has rows or has not; a
// record without row among others that have one is placed by its send_ts as well as that can be. One thread.
// Used by monitor and retrainer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"

namespace drst {

/// What orders records. `row` < 0: none, ordered by `send_ts`.
struct StreamKey {
  int64_t row = -1;
  Time send_ts{};

  [[nodiscard]] bool before(const StreamKey& other) const {
    if (row >= 0 && other.row >= 0) return row < other.row;
    return send_ts < other.send_ts;
  }
};

template <class Item>
class StreamMerge {
 public:
  StreamMerge(int partitions, std::size_t bound)
      : queues_(static_cast<std::size_t>(partitions)), bound_(bound) {}

  /// Goes on after a record that was handed on in an earlier life.
  void resume_after(const StreamKey& last) { last_ = last; }

  void push(int partition, const StreamKey& key, Item item) {
    queues_[static_cast<std::size_t>(partition)].items.push_back({key, std::move(item)});
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
    Queue* first = nullptr;
    bool all_shown = true;
    for (auto& queue : queues_) {
      if (queue.items.empty()) {
        all_shown = all_shown && queue.ended;
      } else if (first == nullptr || queue.items.front().key.before(first->items.front().key)) {
        first = &queue;
      }
    }
    if (first == nullptr) return std::nullopt;
    const StreamKey key = first->items.front().key;
    if (!all_shown && waiting_ <= bound_ && !is_due(key)) return std::nullopt;
    Item item = std::move(first->items.front().item);
    first->items.pop_front();
    --waiting_;
    if (last_ && key.before(*last_)) {
      ++late_;
    } else {
      last_ = key;
    }
    return item;
  }
  [[nodiscard]] std::uint64_t late() const { return late_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  /// The greatest key handed on.
  [[nodiscard]] const std::optional<StreamKey>& last() const { return last_; }

 private:
  struct Entry {
    StreamKey key;
    Item item;
  };
  struct Queue {
    std::deque<Entry> items;
    bool ended = false;
  };
  /// Rows are consecutive from 0, so the next one is known when it is seen; and for what is late or a repeat
  /// nothing can be gained by waiting.
  [[nodiscard]] bool is_due(const StreamKey& key) const {
    if (key.row < 0) return last_ && key.before(*last_);
    if (!last_) return key.row == 0;
    return last_->row >= 0 && key.row <= last_->row + 1;
  }

  std::vector<Queue> queues_;
  std::size_t bound_;
  std::size_t waiting_ = 0;
  std::uint64_t late_ = 0;
  std::optional<StreamKey> last_;
};

}  // namespace drst
