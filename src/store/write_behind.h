// A store whose writes land on this machine's disk first and go to another store in the background.
//
// A write returns once it is durable in the queue (upload_queue.h), and is seen at once by all processes of
// this machine that share its folder; others see it once it is uploaded, in the order of the writes
// (uploader.h). A read gives what waits for upload, else what the other store has now; where that cannot be
// reached, what this machine wrote or read there before, and what it never met counts as absent, which is
// said. So nothing waits for the network longer than store.read_wait_s (twice), and then not again for
// store.read_again_s; a list may miss what other machines wrote. What that could harm is not done: an object
// under models/ is only removed while the other store answers.
//
// `put_new`: of the processes of one machine exactly one wins. Of two machines both may; the later upload is
// put aside then. Nothing may rest on it that does not hold anyway (registry.h).
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "store/settings.h"
#include "store/store.h"
#include "store/upload_queue.h"

namespace drst {

class WriteBehindStore final : public ObjectStore {
 public:
  using CheckKey = std::function<void(const std::string& key)>;
  /// `there` is for reading only. `check`: besides check_key, InputError for what could never go up.
  WriteBehindStore(std::unique_ptr<UploadQueue> queue, std::unique_ptr<ObjectStore> there,
                   const StoreSettings& settings, CheckKey check = {});
  /// Waits for uploads if it wrote anything, at most store.close_wait_s, and says what is left.
  ~WriteBehindStore() override;

  /// Starts the thread that uploads to `there`. It asks `closing()` whether it should end.
  void upload_in_background(std::unique_ptr<ObjectStore> there);
  [[nodiscard]] bool closing() const;

  void put(const std::string& key, std::string_view bytes) override;
  bool put_new(const std::string& key, std::string_view bytes) override;
  std::optional<std::string> get(const std::string& key,
                                 std::uint64_t limit = std::uint64_t{1} << 32) override;
  bool exists(const std::string& key) override;
  std::vector<std::string> list(const std::string& prefix) override;
  bool remove(const std::string& key) override;
  [[nodiscard]] std::string url() const override { return there_->url(); }

  UploadQueue& queue() { return *queue_; }
  /// The other store was not reached when it was asked last.
  [[nodiscard]] bool away() const { return away_; }
  /// It could not be reached just now (`why`); it is not asked again for a while.
  void is_away(const std::string& why);

 private:
  void check(const std::string& key) const;
  void keep_in_queue(const std::function<void()>& add);
  void wake();
  /// False: it cannot be reached.
  bool ask(const std::function<void()>& question);
  void upload_until_closed();
  bool exists_beyond_queue(const std::string& key);

  std::unique_ptr<UploadQueue> queue_;
  std::unique_ptr<ObjectStore> there_, there_for_uploads_;
  StoreSettings settings_;
  CheckKey check_;
  SystemClock clock_;

  std::atomic<bool> away_{false};
  std::atomic<double> ask_again_at_{0};  ///< by monotonic_seconds()

  std::mutex mutex_;  ///< guards closed_, added_
  bool closed_ = false;
  bool added_ = false;  ///< since the thread looked last
  bool wrote_ = false;
  std::condition_variable changed_;
  std::atomic<double> close_by_{0};  ///< 0: not closing
  std::thread thread_;
};

}  // namespace drst
