#include "store/uploader.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"

namespace drst {

Uploader::Uploader(UploadQueue& queue, ObjectStore& there, const Clock& clock, const StoreSettings& settings,
                   std::uint64_t seed)
    : queue_(queue), there_(there), clock_(clock), settings_(settings), random_(seed) {}

Step Uploader::step() {
  if (clock_.now() < next_try_) return Step::idle;
  if (!lock_) {
    if (queue_.waiting().empty()) return Step::idle;
    FileLock lock(queue_.uploading_lock());
    elsewhere_ = !lock.valid();
    if (elsewhere_) return Step::idle;
    lock_.emplace(std::move(lock));
  }
  const auto next = queue_.next();
  if (!next) {
    lock_.reset();
    return Step::idle;
  }
  try {
    upload(*next);
  } catch (const Error& error) {
    lock_.reset();  // another machine's network may be better, but another process' may, too
    if (error.exit_code() != ExitCode::interrupted) failed(*next, error);
    return Step::idle;
  }
  went_well();
  return Step::worked;
}

void Uploader::upload(const Upload& upload) {
  if (upload.kind == Upload::Kind::remove) {
    there_.remove(upload.key);
    return queue_.finish(upload);
  }
  bool damaged = false;
  const auto content = queue_.content(upload, &damaged);
  if (damaged) return queue_.refuse(upload, "its file is damaged");
  if (!content) return;  // dropped, or replaced by a newer one
  if (upload.kind == Upload::Kind::put) {
    there_.put(upload.key, *content);
  } else if (!there_.put_new(upload.key, *content)) {
    // Ours, if a crash came between its upload and its end.
    const auto present = there_.get(upload.key);
    if (present && *present != *content)
      return queue_.refuse(upload, "another object of this name is in " + there_.url() + " already");
    if (!present) there_.put(upload.key, *content);
  }
  queue_.finish(upload);
}

void Uploader::failed(const Upload& upload, const Error& error) {
  const double bound =
      std::min(settings_.retry_limit_s,
               settings_.retry_s * static_cast<double>(std::int64_t{1} << std::min(failures_, 30)));
  ++failures_;
  // Never all of it by chance: many machines must not come back at once.
  next_try_ = clock_.now() + from_seconds(bound * random_.uniform(0.5, 1));
  trouble_file_ = true;
  const std::string why = error.what();
  const bool news = !trouble_ || why != trouble_->what();
  trouble_ = error;
  if (!news) return;
  log::warning("uploads wait, and nothing is lost: " + why);
  try {
    write_file_atomic(queue_.folder() / "trouble",
                      to_iso8601(clock_.now()) + " " + upload.key + "\n" + why + "\n", Sync::no);
  } catch (const Error&) {  // a full disk has its own words elsewhere
  }
}

void Uploader::went_well() {
  if (failures_ == 0 && !trouble_file_) return;
  if (failures_ > 0) log::info("uploads to " + there_.url() + " go on");
  failures_ = 0;
  trouble_.reset();
  trouble_file_ = false;
  std::error_code gone;
  std::filesystem::remove(queue_.folder() / "trouble", gone);
}

}  // namespace drst
