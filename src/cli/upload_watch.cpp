#include "cli/upload_watch.h"

#include <chrono>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace drst::cli {

namespace {
constexpr double first_after_s = 4, again_after_s = 15;
}

UploadWatch::UploadWatch(const UploadQueue& queue) : queue_(queue), thread_([this] { watch(); }) {}

UploadWatch::~UploadWatch() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void UploadWatch::trying(const S3Try& attempt) {
  const std::lock_guard lock(mutex_);
  if (doing_ != attempt.doing || attempt.number == 1) since_ = monotonic_seconds();
  doing_ = attempt.doing;
  number_ = attempt.number;
  failed_ = attempt.failed;
  elsewhere_ = false;
}

void UploadWatch::resting(bool elsewhere) {
  const std::lock_guard lock(mutex_);
  if (elsewhere && !elsewhere_) since_ = monotonic_seconds();
  doing_.clear();
  elsewhere_ = elsewhere;
}

std::string UploadWatch::waits_for() const {
  if (!doing_.empty())
    return "to " + doing_ + ": try " + to_text(number_) +
           (failed_.empty() ? ", unanswered so far" : "; the one before: " + failed_);
  return elsewhere_ ? "for another process of this machine, which uploads from the same folder" : "";
}

void UploadWatch::watch() {
  double said_at = 0, said_since = -1;
  std::unique_lock lock(mutex_);
  while (!ended_) {
    changed_.wait_for(lock, std::chrono::milliseconds(200));
    const double now = monotonic_seconds();
    const bool again = said_since == since_ && now - said_at < again_after_s;
    const std::string what = waits_for();
    if (ended_ || what.empty() || again || now - since_ < first_after_s) continue;
    said_at = now;
    said_since = since_;
    const double waited = now - since_;
    lock.unlock();
    try {
      log::info("waits since " + to_fixed(waited, 0) + " s " + what + "; " +
                to_text(queue_.waiting().size()) + " objects wait in " + queue_.folder().string());
    } catch (const Error& error) {  // the folder cannot be read; the uploads will say so, too
      log::warning(error.what());
    }
    lock.lock();
  }
}

}  // namespace drst::cli
