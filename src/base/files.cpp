#include "base/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

#include "base/error.h"
#include "base/text.h"

namespace drst {

namespace fs = std::filesystem;

namespace {
std::string errno_words(int code) { return std::generic_category().message(code); }

[[noreturn]] void fail(const std::string& doing, const fs::path& path, int code) {
  throw FailedError("cannot " + doing + " " + path.string() + ": " + errno_words(code));
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

std::string read_file(const fs::path& path, std::uint64_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) throw InputError("cannot read " + path.string() + ": " + errno_words(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) fail("examine", path, errno);
  if (S_ISDIR(status.st_mode)) throw InputError("cannot read " + path.string() + ": it is a folder");
  if (static_cast<std::uint64_t>(status.st_size) > limit)
    throw InputError(path.string() + " has " + to_text(static_cast<std::int64_t>(status.st_size)) +
                     " bytes; at most " + to_text(limit) + " are read");
  std::string content;
  content.resize(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  for (;;) {
    if (filled == content.size()) {  // the file may be growing, or a pipe of unknown length
      if (filled >= limit) {
        char probe = 0;
        if (::read(file.get(), &probe, 1) > 0)
          throw InputError(path.string() + " is larger than " + to_text(limit) + " bytes");
        break;
      }
      content.resize(static_cast<std::size_t>(std::min<std::uint64_t>(limit, filled + (S_ISREG(status.st_mode) ? 1 : 65536))));
    }
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

void sync_folder(const fs::path& folder) {
  const fs::path target = folder.empty() ? fs::path(".") : folder;
  const Descriptor file(::open(target.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.valid()) fail("open folder", target, errno);
  if (::fsync(file.get()) != 0 && errno != EINVAL) fail("sync folder", target, errno);
}

void make_folders(const fs::path& folder) {
  if (folder.empty() || fs::is_directory(folder)) return;
  make_folders(folder.parent_path());
  if (::mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST) fail("create folder", folder, errno);
  if (!fs::is_directory(folder)) throw FailedError("cannot create folder " + folder.string() + ": a file is in the way");
  sync_folder(folder.parent_path());
}

void write_file_atomic(const fs::path& path, std::string_view content, Sync sync) {
  static std::atomic<std::uint64_t> serial{0};
  const fs::path folder = path.parent_path();
  const fs::path temporary = (folder.empty() ? fs::path(".") : folder) /
                             (".tmp-" + to_text(static_cast<std::int64_t>(::getpid())) + "-" + to_text(++serial));
  Descriptor file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file.valid()) fail("write", path, errno);
  const auto give_up = [&](const std::string& doing, int code) {
    ::unlink(temporary.c_str());
    fail(doing, path, code);
  };
  std::size_t done = 0;
  while (done < content.size()) {
    const auto wrote = ::write(file.get(), content.data() + done, content.size() - done);
    if (wrote < 0) {
      if (errno == EINTR) continue;
      give_up("write", errno);
    }
    done += static_cast<std::size_t>(wrote);
  }
  if (sync == Sync::yes && ::fsync(file.get()) != 0) give_up("sync", errno);
  if (::close(file.release()) != 0) give_up("close", errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) give_up("replace", errno);
  if (sync == Sync::yes) sync_folder(folder);
}

FileLock::FileLock(const fs::path& path)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (!descriptor_.valid()) fail("open lock file", path, errno);
  held_ = ::flock(descriptor_.get(), LOCK_EX | LOCK_NB) == 0;
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
