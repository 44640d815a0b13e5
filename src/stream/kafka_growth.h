// Wakes those who wait for news of a KafkaLog. Inside of kafka_log.h. Any thread may call.
//
// News of consumed topics and of our own appends come by raise(); ends of other topics are looked at by who
// waits, each look_ms.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "stream/wait_marks.h"

namespace drst::kafka {

class Growth {
 public:
  void raise() {
    {
      const std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }
  /// True if there was news since this thread's last true.
  bool wait(std::chrono::milliseconds at_most) {
    std::unique_lock lock(mutex_);
    const uint32_t seen = marks_.mine();
    if (!changed_.wait_for(lock, at_most, [&] { return count_ != seen; })) return false;
    marks_.set_mine(count_);
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t count_ = 0;
  WaitMarks marks_;
};

}  // namespace drst::kafka
