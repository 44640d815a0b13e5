// What is written here and has yet to go to another store: a folder of files, one an operation. Internal.
//
//   queue/<number>-<kind>-<bytes>-<key>   waiting, in the order of their numbers ('/' of a key is '+' there)
//   kept/<key>                            what went up or was read: for when the other store is away
//   refused/...                           what can never go up; nobody removes it but a person
//   number, creating, uploading           locks; `number` holds the number that comes next
//
// An operation counts once its file is in the folder, whole and synced: a crash at any moment leaves it there
// or not at all. It leaves the folder after its effect, so that a crash between the two repeats it; each may
// be repeated. A number is taken before the file is written, so that whoever has seen a write return writes
// behind it. All that is in a file is checked by its SHA-256 when it is read.
//
// Two kinds of object need no order among others, and of them only the newest content is kept waiting:
// results/*_inference_trace.npz and results/monitor_state.bin, which nobody reads before a run has ended, and
// telemetry (results/metrics/, results/resources/, results/drift_signal.*). Telemetry alone may be dropped,
// the oldest first: where more waits than is allowed, or where the disk is full and all of kept/ is gone.
//
// Any number of threads and processes may add and look; one at a time uploads (uploader.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fault.h"
#include "base/files.h"

namespace drst {

struct Upload {
  enum class Kind : char { put = 'p', create = 'c', remove = 'r' };
  std::uint64_t number = 0;
  Kind kind = Kind::put;
  std::uint64_t bytes = 0;  ///< of the content
  std::string key;
  std::string file;  ///< name in the folder
};

/// What is it allowed to do to an object's uploads (see above)?
enum class UploadOrder { strict, newest_only, droppable };
UploadOrder upload_order(std::string_view key);

struct UploadLimits {
  std::uint64_t waiting_bytes = std::uint64_t{4} << 30;  ///< then telemetry is dropped
  std::uint64_t kept_bytes = std::uint64_t{1} << 30;     ///< then the longest unused is removed
  std::int64_t leftover_age_s = 3600;
  Sync sync = Sync::yes;  ///< no: for tests in which no power is lost
};

class UploadQueue {
 public:
  /// Creates the folder, private to its user. `faults` must outlive the queue; it is told
  /// "queue.{add,write,finish}.{before,after}" with the key.
  explicit UploadQueue(std::filesystem::path folder, UploadLimits limits = {}, FaultPoint* faults = nullptr);

  /// Durable when it returns.
  void add(Upload::Kind kind, const std::string& key, std::string_view bytes);
  /// As add(Kind::create), unless `taken()` says so or a put of the key waits; of several callers of one
  /// machine, one gets true.
  bool add_new(const std::string& key, std::string_view bytes, const std::function<bool()>& taken);

  /// By number.
  [[nodiscard]] std::vector<Upload> waiting() const;
  /// The newest that waits for this key.
  [[nodiscard]] std::optional<Upload> newest(const std::string& key) const;
  /// nullopt: it is not there any more, or is damaged (`damaged` then says so).
  std::optional<std::string> content(const Upload& upload, bool* damaged = nullptr) const;
  /// The first that must go up, what newer ones have made needless removed. nullopt: nothing waits.
  std::optional<Upload> next();
  /// Its effect is there.
  void finish(const Upload& upload);
  void refuse(const Upload& upload, const std::string& why);

  [[nodiscard]] std::optional<std::string> kept(const std::string& key) const;
  [[nodiscard]] std::vector<std::string> kept_keys() const;
  /// Of what is read there; nullopt: it is not there. `mark`: what mark() was before anything was looked at;
  /// nothing is kept if something has been added since.
  void keep(const std::string& key, const std::optional<std::string>& bytes, std::uint64_t mark);
  [[nodiscard]] std::uint64_t mark() const;  ///< another after each add

  [[nodiscard]] std::filesystem::path uploading_lock() const { return folder_ / "uploading"; }
  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::size_t refused() const;
  [[nodiscard]] std::uint64_t dropped() const;  ///< telemetry objects, ever

 private:
  std::uint64_t take_number();
  bool drop_oldest_telemetry(std::uint64_t before);
  void count_dropped(const std::string& key);
  bool drop_oldest_kept();
  void shrink_kept();
  void reached(std::string_view operation, const std::string& key) const;

  std::filesystem::path folder_, queue_, kept_;
  UploadLimits limits_;
  FaultPoint* faults_;
};

}  // namespace drst
