#include "store/local_store.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "store/key.h"

namespace drst {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(const std::string& doing, const std::string& key, const std::string& url,
                       const std::string& why) {
  throw FailedError("cannot " + doing + " object '" + key + "' in " + url + ": " + why);
}

/// Runs `work`; what the file system says is told with the key.
template <class Work>
auto with_key(const char* doing, const std::string& key, const std::string& url, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    fail(doing, key, url, error.what());
  }
}

}  // namespace

LocalStore::LocalStore(const fs::path& folder, const StoreSettings& settings) : settings_(settings) {
  std::error_code code;
  folder_ = fs::absolute(folder, code).lexically_normal();
  if (code) throw FailedError("cannot open the store " + folder.string() + ": " + code.message());
  if (!folder_.has_filename()) folder_ = folder_.parent_path();  // "store/" -> "store"
  make_folders(folder_);
}

void LocalStore::prepare_folder(const fs::path& target) {
  const fs::path folder = target.parent_path();
  {
    const std::lock_guard lock(mutex_);
    std::error_code unknown;
    if (prepared_.contains(folder) && fs::is_directory(folder, unknown)) return;
  }
  make_folders(folder);
  // Whoever made these folders may have died before it synced them, and a renamed file is as durable as its
  // folders.
  for (fs::path above = folder; above != folder_; above = above.parent_path())
    sync_folder(above.parent_path());
  remove_leftovers(folder);
  const std::lock_guard lock(mutex_);
  prepared_.insert(folder);
}

void LocalStore::remove_leftovers(const fs::path& folder) const {
  const auto now = fs::file_time_type::clock::now();
  std::error_code code;
  for (fs::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    if (!entry->path().filename().string().starts_with(temporary_prefix)) continue;
    std::error_code gone;  // another writer may be cleaning too
    const auto written = entry->last_write_time(gone);
    if (gone || now - written < std::chrono::seconds(settings_.leftover_age_s)) continue;
    if (fs::remove(entry->path(), gone))
      log::info("removed what a crashed writer left: " + entry->path().string());
  }
}

void LocalStore::put(const std::string& key, std::string_view bytes) {
  check_key(key);
  with_key("write", key, url(), [&] {
    prepare_folder(path_of(key));
    write_file_atomic(path_of(key), bytes);
  });
}

bool LocalStore::put_new(const std::string& key, std::string_view bytes) {
  check_key(key);
  return with_key("create", key, url(), [&] {
    prepare_folder(path_of(key));
    return create_file_atomic(path_of(key), bytes);
  });
}

std::optional<std::string> LocalStore::get(const std::string& key, std::uint64_t limit) {
  check_key(key);
  return with_key("read", key, url(), [&] { return read_file_if_exists(path_of(key), limit); });
}

bool LocalStore::exists(const std::string& key) {
  check_key(key);
  std::error_code code;
  const auto status = fs::status(path_of(key), code);
  if (code && status.type() == fs::file_type::none) fail("examine", key, url(), code.message());
  return fs::is_regular_file(status);
}

std::vector<std::string> LocalStore::list(const std::string& prefix) {
  check_prefix(prefix);
  const auto slash = prefix.rfind('/');
  const fs::path top = slash == std::string::npos ? folder_ : folder_ / prefix.substr(0, slash);
  const auto skip = folder_.native().size() + (folder_.native().ends_with('/') ? 0 : 1);
  std::vector<std::string> keys;
  std::error_code code;
  fs::recursive_directory_iterator entry(top, code);
  if (code == std::errc::no_such_file_or_directory || code == std::errc::not_a_directory) return {};
  for (; !code && entry != fs::recursive_directory_iterator(); entry.increment(code)) {
    std::string key = entry->path().native().substr(skip);
    std::error_code gone;
    if (!key.starts_with(prefix) || !is_key(key)) {
      if (entry->is_directory(gone)) entry.disable_recursion_pending();
    } else if (entry->is_regular_file(gone)) {
      keys.push_back(std::move(key));
    }
  }
  if (code) throw FailedError("cannot list objects '" + prefix + "*' in " + url() + ": " + code.message());
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::optional<fs::path> LocalStore::local_file(const std::string& key) const {
  check_key(key);
  return path_of(key);
}

bool LocalStore::remove(const std::string& key) {
  check_key(key);
  const auto path = path_of(key);
  if (!exists(key)) return false;
  if (::unlink(path.c_str()) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;  // someone else was faster
    fail("remove", key, url(), std::generic_category().message(errno));
  }
  with_key("remove", key, url(), [&] { sync_folder(path.parent_path()); });
  return true;
}

}  // namespace drst
