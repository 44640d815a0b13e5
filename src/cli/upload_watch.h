// What `drst store flush` and `sync` say while an upload does not end: the object, the try, why the last one
// failed, or that another process has the queue; first after a few seconds, then now and then. With a thread
// of its own, as the one that uploads waits.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/time.h"
#include "store/s3_client.h"
#include "store/upload_queue.h"

namespace drst::cli {

class UploadWatch {
 public:
  explicit UploadWatch(const UploadQueue& queue);  ///< which must outlive it
  ~UploadWatch();
  UploadWatch(const UploadWatch&) = delete;
  UploadWatch& operator=(const UploadWatch&) = delete;

  /// A request goes out. Until it is answered, that is what is waited for.
  void trying(const S3Try& attempt);
  /// No request is out; `elsewhere`: another process uploads.
  void resting(bool elsewhere);

 private:
  void watch();
  [[nodiscard]] std::string waits_for() const;  ///< "": nothing

  const UploadQueue& queue_;
  std::mutex mutex_;  ///< guards what follows
  std::condition_variable changed_;
  bool ended_ = false;
  std::string doing_, failed_;  ///< of the request that is out
  int number_ = 0;
  bool elsewhere_ = false;
  double since_ = 0;  ///< of this wait, by monotonic_seconds()
  std::thread thread_;
};

}  // namespace drst::cli
