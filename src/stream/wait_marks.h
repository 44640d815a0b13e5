// Up to where each thread has seen a log grow, for Log::wait(). Any thread may call.
//
// A thread's first wait compares with an empty log, so what was appended before it is reported at once rather
// than missed.
#pragma once

#include <cstdint>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace drst {

class WaitMarks {
 public:
  uint32_t mine() {
    const std::lock_guard lock(mutex_);
    return marks_[std::this_thread::get_id()];
  }
  void set_mine(uint32_t growth) {
    const std::lock_guard lock(mutex_);
    marks_[std::this_thread::get_id()] = growth;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::thread::id, uint32_t> marks_;
};

}  // namespace drst
