#include "store/s3_open.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/stop.h"
#include "store/s3_store.h"
#include "store/spool.h"

namespace drst {

namespace {

/// Of reads that have another answer if none comes: no longer than store.read_wait_s, twice.
S3Settings for_reading(S3Settings s3, double wait_s) {
  s3.connect_timeout_s = std::min(s3.connect_timeout_s, wait_s / 3);
  s3.stall_timeout_s = std::min(s3.stall_timeout_s, wait_s * 2 / 3);
  if (std::isfinite(wait_s)) s3.retries = std::min<std::int64_t>(s3.retries, 1);
  return s3;
}

std::unique_ptr<UploadQueue> open_queue(const std::filesystem::path& folder, const UploadLimits& limits) {
  try {
    return std::make_unique<UploadQueue>(folder, limits);
  } catch (const FailedError& error) {
    throw FailedError(error.what() + spool_remedy(folder));
  }
}

}  // namespace

std::unique_ptr<WriteBehindStore> make_s3_write_behind(const std::string& url, const StoreSettings& settings,
                                                       const S3Settings& s3) {
  auto there = std::make_shared<S3Store>(url, s3);  // of the checks, which ask nobody
  constexpr std::uint64_t mebibyte = 1 << 20;
  const UploadLimits limits{static_cast<std::uint64_t>(settings.queue_limit_mib) * mebibyte,
                            static_cast<std::uint64_t>(settings.keep_mib) * mebibyte,
                            settings.leftover_age_s};
  auto queue = open_queue(spool_folder(settings, *there), limits);
  note_store(queue->folder(), *there);
  return std::make_unique<WriteBehindStore>(
      std::move(queue), std::make_unique<S3Store>(url, for_reading(s3, settings.read_wait_s)), settings,
      [there](const std::string& key) { there->check_key_here(key); });
}

std::unique_ptr<ObjectStore> make_s3_for_uploads(const std::string& url, const S3Settings& s3,
                                                 std::function<bool()> ending,
                                                 std::function<void(const S3Try&)> trying) {
  S3Surroundings surroundings;
  surroundings.ending = std::move(ending);
  surroundings.trying = std::move(trying);
  return std::make_unique<S3Store>(url, s3, surroundings);
}

std::unique_ptr<ObjectStore> open_s3_store(const std::string& url, const StoreSettings& settings,
                                           const S3Settings& s3, StoreUse use) {
  if (settings.mode == "direct") {
    auto store = std::make_unique<S3Store>(url, s3);
    store->check();
    return store;
  }
  std::unique_ptr<WriteBehindStore> store;
  try {
    S3Store(url, for_reading(s3, settings.read_wait_s)).check();
    // Whoever only reads what others made, a report, has time: half of the traces, because the service was
    // slow once, would be a wrong report.
    StoreSettings patient = settings;
    if (use == StoreUse::existing) {
      patient.read_wait_s = std::numeric_limits<double>::infinity();
      patient.read_again_s = 0;
    }
    store = make_s3_write_behind(url, patient, s3);
  } catch (const Error& error) {
    if (error.exit_code() != ExitCode::unreachable) throw;
    store = make_s3_write_behind(url, settings, s3);
    auto& queue = store->queue();
    if (use == StoreUse::existing && queue.waiting().empty() && queue.kept_keys().empty()) throw;
    store->is_away(error.what());
  }
  auto* const behind = store.get();
  store->upload_in_background(
      make_s3_for_uploads(url, s3, [behind] { return behind->closing() || stop_requested(); }));
  return store;
}

}  // namespace drst
