#include "collect/asking.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace drst {

/// Both threads hold it, so a thread that was left to itself finds all that it uses.
struct AskingThread::Shared {
  std::function<void(std::int64_t)> work;
  std::mutex mutex;
  std::condition_variable change;
  bool asked = false, ending = false, ended = false;
  std::int64_t deadline_ns = 0;
  std::thread thread;
};

AskingThread::AskingThread(std::function<void(std::int64_t)> work) : shared_(std::make_shared<Shared>()) {
  shared_->work = std::move(work);
  shared_->thread = std::thread([shared = shared_] {
    std::unique_lock lock(shared->mutex);
    while (true) {
      shared->change.wait(lock, [&] { return shared->asked || shared->ending; });
      if (shared->ending) break;
      const std::int64_t deadline = shared->deadline_ns;
      lock.unlock();
      try {
        shared->work(deadline);
      } catch (...) {  // no memory, at worst; the next question may fare better
      }
      lock.lock();
      shared->asked = false;
    }
    shared->ended = true;
    shared->change.notify_all();
  });
}

AskingThread::~AskingThread() {
  std::thread thread;
  bool ended = false;
  {
    std::unique_lock lock(shared_->mutex);
    shared_->ending = true;
    shared_->change.notify_all();
    ended = shared_->change.wait_for(lock, std::chrono::duration<double>(farewell_s),
                                     [&] { return shared_->ended; });
    thread = std::move(shared_->thread);
  }
  if (ended) {
    thread.join();
  } else {
    thread.detach();
  }
}

bool AskingThread::ask(std::int64_t deadline_ns) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->asked) return false;
    shared_->asked = true;
    shared_->deadline_ns = deadline_ns;
  }
  shared_->change.notify_all();
  return true;
}

bool AskingThread::answered() const {
  const std::lock_guard lock(shared_->mutex);
  return !shared_->asked;
}

double answer_timeout_s(double patience, double interval_s) {
  return std::clamp(patience * interval_s, 0.05, 30.0);
}

std::int64_t answer_deadline_ns(const Tick& tick, double patience) {
  return tick.now_ns + static_cast<std::int64_t>(answer_timeout_s(patience, tick.interval_s) * 1e9);
}

}  // namespace drst
