#include "stream/label_follower.h"

#include <algorithm>
#include <utility>

namespace drst {

LabelFollower::LabelFollower(Log& log, const std::string& topic, std::vector<int64_t> offsets,
                             const WireLimits& limits, std::string lane)
    : log_(log),
      topic_(labels_topic(topic)),
      limits_(limits),
      lane_(std::move(lane)),
      offsets_(std::move(offsets)) {}

void LabelFollower::poll() {
  if (next_.empty()) {
    const int count = log_.partitions(topic_);
    if (count == 0) return;
    offsets_.resize(static_cast<std::size_t>(count), 0);
    next_ = end_ = offsets_;
  }
  for (std::size_t p = 0; p < next_.size(); ++p) {
    const Watermarks marks = log_.watermarks(topic_, static_cast<int>(p));
    end_[p] = std::max(marks.end, next_[p]);
  }
}

std::optional<Result<LabelMessage>> LabelFollower::next() {
  while (queue_.empty())
    if (!fill()) return std::nullopt;
  Entry entry = std::move(queue_.front());
  queue_.pop_front();
  offsets_[entry.partition] = entry.offset + 1;
  return std::move(entry.message);
}

bool LabelFollower::fill() {
  for (std::size_t p = 0; p < next_.size(); ++p) {
    if (next_[p] >= end_[p]) continue;
    log_.read(topic_, static_cast<int>(p), next_[p], batch_, {});
    for (const RecordView& record : batch_.records()) {
      next_[p] = record.offset + 1;
      queue_.push_back({p, record.offset, decode_label(record.value, limits_, lane_)});
    }
    if (batch_.empty()) next_[p] = end_[p];  // trimmed meanwhile
    end_[p] = std::max(end_[p], next_[p]);
    return true;
  }
  return false;
}

}  // namespace drst
