// Objects: one bucket of named byte strings (datasets, models, results). SPEC 5.
//
// A key is a relative path of [A-Za-z0-9._/-], at most 1024 characters, without empty, "." or ".." parts or
// parts that begin with ".tmp-"; an object cannot also be the folder of another ("a" and "a/b"). `put`
// replaces atomically and is durable when it returns: a reader sees the old object or the new. `LocalStore`
// (local_store.h) is a folder (file and folder synced); `MemoryStore` (memory_store.h) is for simulation;
// `S3Store` (s3_store.h) is a bucket, which cannot keep the rule about folders and for which `put_new` is no
// lock; `WriteBehindStore` (write_behind.h), which s3:// is by default, writes to local disk and uploads
// behind. All calls may come from any thread and process. Errors:
// FailedError (disk full, read-only; message names key and cause), InputError for a bad key, Error with exit
// code 4 for a service that cannot be reached.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/s3_settings.h"
#include "store/settings.h"

namespace drst {

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual void put(const std::string& key, std::string_view bytes) = 0;
  /// Fails (false, nothing written) if the key exists already; for immutable objects.
  virtual bool put_new(const std::string& key, std::string_view bytes) = 0;
  /// nullopt: no such object. `limit`: larger objects are a FailedError.
  virtual std::optional<std::string> get(const std::string& key,
                                         std::uint64_t limit = std::uint64_t{1} << 32) = 0;
  virtual bool exists(const std::string& key) = 0;
  /// Keys that begin with `prefix` (any text, not only whole parts), sorted. InputError for one that no key
  /// can begin with.
  virtual std::vector<std::string> list(const std::string& prefix) = 0;
  /// True if there was one.
  virtual bool remove(const std::string& key) = 0;
  /// Where objects are files of this machine: the file that is this object, for what appends a line at a time
  /// (metrics). nullopt elsewhere. InputError for a bad key.
  [[nodiscard]] virtual std::optional<std::filesystem::path> local_file(const std::string& key) const;
  /// For messages: "file:/data/store".
  [[nodiscard]] virtual std::string url() const = 0;
};

/// InputError if `key` is not acceptable.
void check_key(const std::string& key);

/// For a store that cannot be reached now, but whose writes wait on local disk until it can.
enum class StoreUse {
  work,     ///< go on
  existing  ///< Error(unreachable), unless something of it is known here: a mistyped name must not be empty
};
/// "file:DIR" (or a bare folder path), which creates the folder, or "s3://bucket[/prefix]", which must let us
/// in, and be there in store.mode direct. Other schemes: InputError that lists what is known.
std::unique_ptr<ObjectStore> open_store(const std::string& url, const StoreSettings& settings = {},
                                        const S3Settings& s3 = {}, StoreUse use = StoreUse::work);

}  // namespace drst
