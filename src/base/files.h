// Files that survive a crash.
//
// `write_file_atomic` writes a temporary file beside the target, syncs it, renames it over the target and
// syncs the folder: a reader sees the old content or the new, never a mixture, whenever the machine stops.
// Errors are FailedError (disk full, read-only, ...) or InputError (missing, too large, unreadable), each
// naming the path and errno's words. Thread-safe as the file system is; two writers of one path: the last
// rename wins.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace drst {

/// No room on the disk (or in the quota): worth another try once something has been removed.
struct DiskFullError : FailedError {
  using FailedError::FailedError;
};

enum class Sync { yes, no };

/// A bound on what is read into memory at once unless the caller knows better (4 GiB).
inline constexpr std::uint64_t default_read_limit = std::uint64_t{4} << 30;

std::string read_file(const std::filesystem::path& path, std::uint64_t limit = default_read_limit);
/// nullopt where there is no such file (or a folder of that name).
std::optional<std::string> read_file_if_exists(const std::filesystem::path& path,
                                               std::uint64_t limit = default_read_limit);
void write_file_atomic(const std::filesystem::path& path, std::string_view content, Sync sync = Sync::yes);
/// As write_file_atomic, but where `path` exists already it stays as it is and the answer is false. Of
/// several writers of one path, one gets true.
bool create_file_atomic(const std::filesystem::path& path, std::string_view content, Sync sync = Sync::yes);
/// How the temporary files of the two begin. A crash leaves them behind; who owns the folder may remove old
/// ones.
inline constexpr std::string_view temporary_prefix = ".tmp-";
void sync_folder(const std::filesystem::path& folder);
/// mkdir -p, each new folder's parent synced.
void make_folders(const std::filesystem::path& folder);

/// Closes a file descriptor when it goes out of scope.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  int release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_;
};

/// An exclusive advisory lock (flock) on a file, held as long as the object lives; the kernel frees it when
/// the process dies.
class FileLock {
 public:
  /// Tries once. `valid()` is false where another process holds it. Throws FailedError if the file cannot be
  /// opened.
  explicit FileLock(const std::filesystem::path& path) : FileLock(path, Wait::no) {}
  enum class Wait { no, yes };
  /// Wait::yes: until it is held; for what others hold for a moment only.
  FileLock(const std::filesystem::path& path, Wait wait);
  [[nodiscard]] bool valid() const { return held_; }

 private:
  Descriptor descriptor_;
  bool held_ = false;
};

/// A folder of its own under the system's temporary folder, removed with all it holds.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& prefix = "drst");
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace drst
