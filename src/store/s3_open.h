// A bucket as store.mode wants it. Internal, but for `drst store`, which looks at its queue.
#pragma once

#include <memory>
#include <string>

#include "store/s3_client.h"
#include "store/s3_settings.h"
#include "store/settings.h"
#include "store/store.h"
#include "store/write_behind.h"

namespace drst {

std::unique_ptr<ObjectStore> open_s3_store(const std::string& url, const StoreSettings& settings,
                                           const S3Settings& s3, StoreUse use);
/// With nothing asked and no thread yet.
std::unique_ptr<WriteBehindStore> make_s3_write_behind(const std::string& url, const StoreSettings& settings,
                                                       const S3Settings& s3);
/// For uploads: does not give up soon, as nobody waits for it, and ends when `ending` says so. `trying` is
/// told of each request before it is sent.
std::unique_ptr<ObjectStore> make_s3_for_uploads(const std::string& url, const S3Settings& s3,
                                                 std::function<bool()> ending,
                                                 std::function<void(const S3Try&)> trying = {});

}  // namespace drst
