#include "store/write_behind.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "store/key.h"
#include "store/spool.h"
#include "store/uploader.h"

namespace drst {

namespace {

/// So often a thread looks for what other processes have added.
constexpr auto look_again = std::chrono::milliseconds(300),
               look_again_closing = std::chrono::milliseconds(20);
constexpr double close_wait_after_signal_s = 1;

bool is_of_models(const std::string& key) {
  const auto at = key.starts_with("targets/") ? key.find("/models/") : std::string::npos;
  return key.starts_with("models/") || at != std::string::npos;
}

}  // namespace

WriteBehindStore::WriteBehindStore(std::unique_ptr<UploadQueue> queue, std::unique_ptr<ObjectStore> there,
                                   const StoreSettings& settings, CheckKey check)
    : queue_(std::move(queue)), there_(std::move(there)), settings_(settings), check_(std::move(check)) {}

WriteBehindStore::~WriteBehindStore() {
  if (!thread_.joinable()) return;
  bool wrote = false;
  const double wait =
      stop_requested() ? std::min(close_wait_after_signal_s, settings_.close_wait_s) : settings_.close_wait_s;
  close_by_ = monotonic_seconds() + wait;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    wrote = wrote_;
  }
  changed_.notify_all();
  thread_.join();
  try {
    const auto left = queue_->waiting();
    std::uint64_t bytes = 0;
    for (const auto& upload : left) bytes += upload.bytes;
    if (wrote && !left.empty())
      log::warning(to_text(left.size()) + " objects (" + to_text(bytes) + " bytes) wait in " +
                   queue_->folder().string() + " for their upload to " + url() +
                   "; the next process with this store goes on, or `drst store flush`");
  } catch (const Error& error) {
    log::warning(error.what());
  }
}

bool WriteBehindStore::closing() const {
  const double by = close_by_;
  return by > 0 ? monotonic_seconds() > by : false;
}

void WriteBehindStore::upload_in_background(std::unique_ptr<ObjectStore> there) {
  there_for_uploads_ = std::move(there);
  thread_ = std::thread([this] { upload_until_closed(); });
}

void WriteBehindStore::upload_until_closed() {
  Uploader uploader(*queue_, *there_for_uploads_, clock_, settings_, std::random_device{}());
  std::string complaint;
  for (bool hurried = false;;) {
    bool worked = false, done = false;
    try {
      worked = uploader.step() == Step::worked;
      done = !worked && (queue_->waiting().empty() || (hurried && uploader.trouble()));
    } catch (const std::exception& error) {  // the folder cannot be read, or memory is short
      if (complaint != error.what()) log::warning(std::string("uploads wait: ") + error.what());
      complaint = error.what();
    }
    std::unique_lock lock(mutex_);
    if (closed_) {
      if (done || closing() || !wrote_) return;
      if (!hurried) {
        uploader.hurry();
        hurried = true;
        continue;
      }
    }
    const auto nap = closed_ ? look_again_closing : look_again;
    if (!worked) changed_.wait_for(lock, nap, [&] { return added_ || (closed_ && !hurried); });
    added_ = false;
  }
}

void WriteBehindStore::check(const std::string& key) const {
  check_key(key);
  if (check_) check_(key);
}

bool WriteBehindStore::ask(const std::function<void()>& question) {
  if (monotonic_seconds() < ask_again_at_) return false;
  try {
    question();
  } catch (const Error& error) {
    if (error.exit_code() != ExitCode::unreachable) throw;
    is_away(error.what());
    return false;
  }
  if (away_.exchange(false)) log::info(url() + " answers again");
  return true;
}

void WriteBehindStore::is_away(const std::string& why) {
  ask_again_at_ = monotonic_seconds() + settings_.read_again_s;
  if (!away_.exchange(true)) log::warning(why + "; meanwhile what this machine knows of it serves");
}

void WriteBehindStore::wake() {
  {
    const std::lock_guard lock(mutex_);
    added_ = wrote_ = true;
  }
  changed_.notify_all();
}

/// What the folder refuses is said with the setting that names it. A full disk has had all that may go
/// removed.
void WriteBehindStore::keep_in_queue(const std::function<void()>& add) {
  try {
    add();
  } catch (const FailedError& error) {
    throw FailedError(error.what() + spool_remedy(queue_->folder()));
  }
}

void WriteBehindStore::put(const std::string& key, std::string_view bytes) {
  check(key);
  keep_in_queue([&] { queue_->add(Upload::Kind::put, key, bytes); });
  wake();
}

bool WriteBehindStore::put_new(const std::string& key, std::string_view bytes) {
  check(key);
  bool added = false;
  keep_in_queue([&] { added = queue_->add_new(key, bytes, [&] { return exists_beyond_queue(key); }); });
  if (added) wake();
  return added;
}

std::optional<std::string> WriteBehindStore::get(const std::string& key, std::uint64_t limit) {
  check_key(key);
  const auto within = [&](std::optional<std::string> bytes) {
    if (bytes && bytes->size() > limit)
      throw FailedError("cannot read object '" + key + "' in " + url() + ": it has " +
                        to_text(bytes->size()) + " bytes; at most " + to_text(limit) + " are read");
    return bytes;
  };
  const auto mark = queue_->mark();
  while (const auto upload = queue_->newest(key)) {
    if (upload->kind == Upload::Kind::remove) return std::nullopt;
    bool damaged = false;
    auto bytes = queue_->content(*upload, &damaged);
    if (damaged)
      throw FailedError("cannot read object '" + key + "' of " + url() + ": the file " +
                        (queue_->folder() / "queue" / upload->file).string() +
                        ", which waits for upload, is damaged");
    if (bytes) return within(std::move(bytes));  // else it has just gone up
  }
  std::optional<std::string> bytes;
  if (!ask([&] { bytes = there_->get(key, limit); })) return within(queue_->kept(key));
  queue_->keep(key, bytes, mark);
  return bytes;
}

bool WriteBehindStore::exists_beyond_queue(const std::string& key) {
  bool there = false;
  if (!ask([&] { there = there_->exists(key); })) there = queue_->kept(key).has_value();
  return there;
}

bool WriteBehindStore::exists(const std::string& key) {
  check_key(key);
  if (const auto upload = queue_->newest(key)) return upload->kind != Upload::Kind::remove;
  return exists_beyond_queue(key);
}

std::vector<std::string> WriteBehindStore::list(const std::string& prefix) {
  check_prefix(prefix);
  // Before the other store is asked: what goes up in between is in one of the two.
  const auto waiting = queue_->waiting();
  std::vector<std::string> keys;
  if (!ask([&] { keys = there_->list(prefix); })) keys = queue_->kept_keys();
  std::set<std::string> all(keys.begin(), keys.end());
  for (const auto& upload : waiting) {
    if (upload.kind == Upload::Kind::remove) {
      all.erase(upload.key);
    } else {
      all.insert(upload.key);
    }
  }
  std::erase_if(all, [&](const std::string& key) { return !key.starts_with(prefix); });
  return {all.begin(), all.end()};
}

bool WriteBehindStore::remove(const std::string& key) {
  check(key);
  if (!exists(key)) return false;
  if (is_of_models(key) && away_ && !ask([&] { (void)there_->exists(key); }))
    throw Error(ExitCode::unreachable, "object '" + key + "' is not removed: " + url() +
                                           " cannot be reached, and others may need it; try again later");
  keep_in_queue([&] { queue_->add(Upload::Kind::remove, key, ""); });
  wake();
  return true;
}

}  // namespace drst
