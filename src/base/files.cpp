#include "base/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "base/text.h"

namespace drst {

namespace fs = std::filesystem;

namespace {
std::string errno_words(int code) { return std::generic_category().message(code); }

/// What to do about it, where that is known.
std::string_view advice(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return "; make room and try again";
    case EROFS:
    case EACCES:
    case EPERM:
      return "; choose a place that this user may write to";
    default:
      return "";
  }
}

[[noreturn]] void fail(const std::string& doing, const fs::path& path, int code) {
  const std::string words =
      "cannot " + doing + " " + path.string() + ": " + errno_words(code).append(advice(code));
  if (code == ENOSPC || code == EDQUOT) throw DiskFullError(words);
  throw FailedError(words);
}
}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

namespace {
std::string read_open_file(const Descriptor& file, const struct stat& status, const fs::path& path,
                           std::uint64_t limit) {
  const auto promised = static_cast<std::uint64_t>(status.st_size);
  if (promised > limit)
    throw InputError(path.string() + " has " + to_text(promised) + " bytes; at most " + to_text(limit) +
                     " are read");
  // One byte more than promised, so that the usual file is read without growing. It may have grown meanwhile,
  // and pipes and /proc promise nothing.
  std::string content(promised + 1, '\0');
  std::size_t filled = 0;
  for (;;) {
    if (filled > limit)
      throw InputError(path.string() + " is larger than " + to_text(limit) + " bytes; more is not read");
    constexpr std::size_t step = 64 * 1024;
    if (filled == content.size()) content.resize(filled + std::max(step, filled / 2));
    const auto got = ::read(file.get(), content.data() + filled, content.size() - filled);
    if (got < 0) {
      if (errno == EINTR) continue;
      fail("read", path, errno);
    }
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  content.resize(filled);
  return content;
}
}  // namespace

std::string read_file(const fs::path& path, std::uint64_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) throw InputError("cannot read " + path.string() + ": " + errno_words(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("examine", path, errno);
  if (S_ISDIR(status.st_mode)) throw InputError("cannot read " + path.string() + ": it is a folder");
  return read_open_file(file, status, path, limit);
}

std::optional<std::string> read_file_if_exists(const fs::path& path, std::uint64_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw InputError("cannot read " + path.string() + ": " + errno_words(errno));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("examine", path, errno);
  if (S_ISDIR(status.st_mode)) return std::nullopt;
  return read_open_file(file, status, path, limit);
}

void sync_folder(const fs::path& folder) {
  const fs::path target = folder.empty() ? fs::path(".") : folder;
  const Descriptor file(::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.valid()) fail("open folder", target, errno);
  if (::fsync(file.get()) != 0 && errno != EINVAL) fail("sync folder", target, errno);
}

void make_folders(const fs::path& folder) {
  std::error_code
      unknown;  // what cannot be examined cannot be created either, and mkdir has the better words
  if (folder.empty() || fs::is_directory(folder, unknown)) return;
  make_folders(folder.parent_path());
  if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) fail("create folder", folder, errno);
  if (!fs::is_directory(folder, unknown))
    throw FailedError("cannot create folder " + folder.string() + ": a file is in the way");
  sync_folder(folder.parent_path());
}

namespace {

/// Removes its file unless told that it has become something else.
class TemporaryFile {
 public:
  /// Beside `target`, so that it can be renamed to it.
  explicit TemporaryFile(const fs::path& target) : target_(target) {
    static std::atomic<std::uint64_t> serial{0};
    const fs::path folder = target.parent_path().empty() ? fs::path(".") : target.parent_path();
    const std::string stem =
        std::string(temporary_prefix) + to_text(static_cast<std::int64_t>(::getpid())) + "-";
    // O_EXCL: process ids repeat, after a crash and between containers that share a volume.
    do {
      path_ = folder / (stem + to_text(++serial));
      descriptor_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
    } while (!descriptor_.valid() && errno == EEXIST);
    if (!descriptor_.valid()) fail("write", target, errno);
    present_ = true;
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (present_) ::unlink(path_.c_str());
  }

  void write(std::string_view content, Sync sync) {
    while (!content.empty()) {
      const auto wrote = ::write(descriptor_.get(), content.data(), content.size());
      if (wrote < 0) {
        if (errno == EINTR) continue;
        fail("write", target_, errno);
      }
      content.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (sync == Sync::yes && ::fsync(descriptor_.get()) != 0) fail("sync", target_, errno);
    if (::close(descriptor_.release()) != 0) fail("close", target_, errno);
  }
  void replace_target() {
    if (::rename(path_.c_str(), target_.c_str()) != 0) fail("replace", target_, errno);
    present_ = false;
  }
  /// False if the target exists.
  bool become_target() {
    if (::link(path_.c_str(), target_.c_str()) == 0) return true;
    if (errno == EEXIST) return false;
    fail("create", target_, errno);
  }

 private:
  const fs::path& target_;
  fs::path path_;
  Descriptor descriptor_;
  bool present_ = false;
};

}  // namespace

void write_file_atomic(const fs::path& path, std::string_view content, Sync sync) {
  TemporaryFile temporary(path);
  temporary.write(content, sync);
  temporary.replace_target();
  if (sync == Sync::yes) sync_folder(path.parent_path());
}

bool create_file_atomic(const fs::path& path, std::string_view content, Sync sync) {
  TemporaryFile temporary(path);
  temporary.write(content, sync);
  const bool created = temporary.become_target();
  // Synced also where another writer was first: its entry may not be on disk yet, and the caller builds on
  // it.
  if (sync == Sync::yes) sync_folder(path.parent_path());
  return created;
}

FileLock::FileLock(const fs::path& path, Wait wait)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (!descriptor_.valid()) fail("open lock file", path, errno);
  const int how = wait == Wait::yes ? LOCK_EX : LOCK_EX | LOCK_NB;
  int locked = 0;
  do locked = ::flock(descriptor_.get(), how);
  while (locked != 0 && errno == EINTR);
  held_ = locked == 0;
  if (!held_ && errno != EWOULDBLOCK) fail("lock", path, errno);
}

TemporaryFolder::TemporaryFolder(const std::string& prefix) {
  std::string pattern = (fs::temp_directory_path() / (prefix + "-XXXXXX")).string();
  if (::mkdtemp(pattern.data()) == nullptr) fail("create a temporary folder like", pattern, errno);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace drst
