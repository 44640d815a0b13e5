// The records of <topic>-labels, followed without a group: every reader of labels needs all of them. Internal
// to this room.
//
// poll() notes how far the topic reaches; next() hands out what lies before that mark, partition by
// partition. `offsets()` is what a successor starts with. The topic may appear later. One thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "stream/log.h"
#include "stream/record.h"

namespace drst {

class LabelFollower {
 public:
  LabelFollower(Log& log, const std::string& topic, std::vector<int64_t> offsets, const WireLimits& limits,
                std::string lane);

  void poll();
  /// The next label record, or why it is none; nothing: all before the mark has been handed out.
  std::optional<Result<LabelMessage>> next();
  [[nodiscard]] bool drained() const { return queue_.empty() && next_ == end_; }
  [[nodiscard]] const std::vector<int64_t>& offsets() const { return offsets_; }

 private:
  struct Entry {
    std::size_t partition;
    int64_t offset;
    Result<LabelMessage> message;
  };
  bool fill();

  Log& log_;
  std::string topic_;
  WireLimits limits_;
  std::string lane_;
  std::vector<int64_t> offsets_;     // handed out up to here
  std::vector<int64_t> next_, end_;  // read up to here, to be read up to here
  std::deque<Entry> queue_;
  Batch batch_;
};

}  // namespace drst
