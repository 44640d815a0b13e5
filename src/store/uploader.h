// Takes what waits in an UploadQueue to the other store, one object after the other in the order in which
// they were written, so that there, too, a release is whole before a pointer names it: what the other store
// holds is always what this one held some time ago. (But for what upload_queue.h says of newest content.)
//
// Of all uploaders of a folder, in whatever process, one works at a time: a lock that the kernel frees with
// its process. What fails is tried again after growing waits, for ever, and nothing overtakes it; only an
// object that is damaged on this disk, or whose immutable name holds other content there, is put aside, said,
// and counted. The last failure stands in the file `trouble` of the folder, for `drst store status`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/component.h"
#include "base/error.h"
#include "base/files.h"
#include "base/random.h"
#include "base/time.h"
#include "store/settings.h"
#include "store/store.h"
#include "store/upload_queue.h"

namespace drst {

class Uploader final : public Component {
 public:
  /// All must outlive it. `seed` is of the waits.
  Uploader(UploadQueue& queue, ObjectStore& there, const Clock& clock, const StoreSettings& settings,
           std::uint64_t seed);

  [[nodiscard]] std::string_view name() const override { return "uploader"; }
  /// worked: an object went up. idle: nothing waits, another uploads, or it is not yet time to try again.
  Step step() override;
  /// Try again now, whatever the wait.
  void hurry() { next_try_ = Time::min(); }
  /// Why the last upload failed; nullopt: it went well.
  [[nodiscard]] const std::optional<Error>& trouble() const { return trouble_; }
  /// Another process has the lock, as far as is known from the last step.
  [[nodiscard]] bool elsewhere() const { return elsewhere_; }

 private:
  void upload(const Upload& upload);
  void failed(const Upload& upload, const Error& error);
  void went_well();

  UploadQueue& queue_;
  ObjectStore& there_;
  const Clock& clock_;
  StoreSettings settings_;
  Random random_;
  std::optional<FileLock> lock_;
  bool elsewhere_ = false;
  int failures_ = 0;
  Time next_try_ = Time::min();
  std::optional<Error> trouble_;
  bool trouble_file_ = true;  ///< may be there, by whoever was here before
};

}  // namespace drst
