// How processes on one log tell one another that it has grown: a counter in a shared page, and the kernel's
// futex on it.
//
// Chosen over inotify and eventfd because a sleeper costs nothing, a wake-up takes microseconds, it needs
// no descriptor passed between processes, and it works within a process as well as across. The page is the
// file `growth` in the log's folder; it holds nothing that must survive. A writer killed between its commit
// and the signal delays a sleeper until its wait runs out. Any thread may call.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>

namespace drst {

class GrowthSignal {
 public:
  /// Creates the file if need be. Throws LogError.
  explicit GrowthSignal(const std::filesystem::path& file);
  ~GrowthSignal();
  GrowthSignal(const GrowthSignal&) = delete;
  GrowthSignal& operator=(const GrowthSignal&) = delete;

  [[nodiscard]] uint32_t count() const { return counter().load(std::memory_order_acquire); }
  void raise();
  /// Sleeps until count() differs from `seen` or the time is over; returns count().
  [[nodiscard]] uint32_t wait(uint32_t seen, std::chrono::milliseconds at_most) const;

 private:
  [[nodiscard]] std::atomic_ref<uint32_t> counter() const { return std::atomic_ref<uint32_t>(*word_); }

  uint32_t* word_ = nullptr;
};

}  // namespace drst
