#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "collect/columns.h"
#include "collect/follower.h"

namespace drst {

namespace {

std::string errno_words(int code) { return std::generic_category().message(code); }

/// Which file a path leads to.
struct Identity {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const Identity&) const = default;
};
Identity identity_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

class FileFollower final : public Follower {
 public:
  FileFollower(std::string path, const FollowOptions& options)
      : path_(std::move(path)), options_(options), cutter_(options.max_line_bytes), buffer_(64 << 10) {}

  void read(std::int64_t, LineSink& sink) override {
    const bool first = !std::exchange(begun_, true);
    if (!file_.valid() && !open(sink, first)) return;
    drain(sink);
    look_for_another(sink);
  }

  [[nodiscard]] bool present() const override { return present_; }

  [[nodiscard]] std::string words() const override {
    std::vector<std::string> parts{trouble_};
    if (cutter_.passed_over() > 0)
      parts.push_back(to_text(cutter_.passed_over()) + " lines beyond collect.max_line_bytes passed over");
    if (skipped_ > 0) parts.push_back(to_text(skipped_) + " bytes passed over to keep up");
    return join_words(parts);
  }

 private:
  static constexpr std::size_t tail_bytes = 64;

  bool open(LineSink& sink, bool first) {
    present_ = false;
    // Without O_NONBLOCK the open of a FIFO waits for its writer.
    Descriptor file(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    struct stat status {};
    if (!file.valid() || ::fstat(file.get(), &status) != 0) {
      trouble_ =
          errno == ENOENT ? path_ + " is not there" : "cannot read " + path_ + ": " + errno_words(errno);
      return false;
    }
    if (S_ISDIR(status.st_mode)) {
      trouble_ = path_ + " is a folder";
      return false;
    }
    file_ = std::move(file);
    identity_ = identity_of(status);
    stream_ = !S_ISREG(status.st_mode);
    present_ = !stream_;
    trouble_ = stream_ ? "nobody writes to " + path_ : "";
    position_ = 0;
    tail_.clear();
    cutter_.reset();
    writer_ = false;
    if (!stream_ && first) {
      join(status.st_size, sink);
    } else if (!stream_) {
      sink.begins(Begin::file);
    }
    return true;
  }

  /// The file was there before us: its head tells the header, and its lines count from now on. One that has
  /// been begun is still being written, and belongs to us.
  void join(std::int64_t size, LineSink& sink) {
    std::size_t heads = 0;
    std::int64_t head_end = 0;
    std::int64_t at = 0;
    LineCutter cutter(options_.max_line_bytes);
    const auto most = static_cast<std::int64_t>(options_.max_line_bytes * 2);  // for all lines of the head
    while (heads < options_.head_lines && at < std::min(size, most)) {
      const ssize_t count = ::pread(file_.get(), buffer_.data(), buffer_.size(), at);
      if (count <= 0) break;
      std::string_view bytes(buffer_.data(), static_cast<std::size_t>(count));
      while (heads < options_.head_lines && !bytes.empty()) {
        const std::size_t piece = std::min(bytes.find('\n'), bytes.size() - 1) + 1;
        at += static_cast<std::int64_t>(piece);
        cutter.feed(bytes.substr(0, piece), [&](std::string_view line) {
          sink.head(line);
          ++heads;
          head_end = at;
        });
        bytes.remove_prefix(piece);
      }
    }
    sink.begins(Begin::gap);
    position_ = std::max(head_end, last_line_begin(size));
    const std::int64_t begin = std::max<std::int64_t>(0, position_ - static_cast<std::int64_t>(tail_bytes));
    const ssize_t count =
        ::pread(file_.get(), buffer_.data(), static_cast<std::size_t>(position_ - begin), begin);
    if (count == position_ - begin) keep_tail({buffer_.data(), static_cast<std::size_t>(count)});
  }

  std::int64_t last_line_begin(std::int64_t size) {
    const auto least = std::max<std::int64_t>(0, size - static_cast<std::int64_t>(options_.max_line_bytes));
    for (std::int64_t end = size; end > least;) {
      const std::int64_t begin = std::max(least, end - static_cast<std::int64_t>(buffer_.size()));
      const ssize_t count =
          ::pread(file_.get(), buffer_.data(), static_cast<std::size_t>(end - begin), begin);
      if (count <= 0) break;
      const auto found = std::string_view(buffer_.data(), static_cast<std::size_t>(count)).rfind('\n');
      if (found != std::string_view::npos) return begin + static_cast<std::int64_t>(found) + 1;
      end = begin;
    }
    if (least > 0) cutter_.skip_line();
    return least > 0 ? size : 0;
  }

  void drain(LineSink& sink) {
    if (!stream_) check_size(sink);
    std::size_t left = options_.most_bytes;
    while (left > 0) {
      const std::size_t wanted = std::min(left, buffer_.size());
      const ssize_t count = stream_ ? ::read(file_.get(), buffer_.data(), wanted)
                                    : ::pread(file_.get(), buffer_.data(), wanted, position_);
      if (count < 0 && errno == EINTR) continue;
      if (stream_ && (count == 0 || (count < 0 && errno == EAGAIN))) {
        note_writer(count < 0);
        return;
      }
      if (count < 0) trouble_ = "cannot read " + path_ + ": " + errno_words(errno);
      if (count <= 0) return;
      if (stream_ && !std::exchange(writer_, true)) {
        cutter_.reset();
        sink.begins(Begin::run);
      }
      if (stream_) note_writer(true);
      position_ += count;
      left -= static_cast<std::size_t>(count);
      if (!stream_) keep_tail({buffer_.data(), static_cast<std::size_t>(count)});
      cutter_.feed({buffer_.data(), static_cast<std::size_t>(count)},
                   [&](std::string_view line) { sink.line(line); });
    }
  }

  /// A FIFO's end of file: all writers have closed it. The next one may be another process.
  void note_writer(bool there) {
    present_ = there;
    trouble_ = there ? "" : "nobody writes to " + path_;
    if (!there) writer_ = false;
  }

  void check_size(LineSink& sink) {
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) return;
    if (status.st_size < position_ || (status.st_size > position_ && !tail_is_there())) {
      // Cut, as `> file` and logrotate's copytruncate do; by now it may be longer again than it was.
      position_ = 0;
      tail_.clear();
      cutter_.reset();
      sink.begins(Begin::file);
    }
    const std::int64_t behind = status.st_size - position_;
    const auto most = static_cast<std::int64_t>(options_.most_bytes);
    if (behind <= most) return;
    // The newest lines are wanted; older ones would only keep them waiting.
    skipped_ += static_cast<std::uint64_t>(behind - most);
    position_ = status.st_size - most;
    tail_.clear();
    cutter_.skip_line();
    sink.begins(Begin::gap);
  }

  /// The last bytes that were read: a file in which others stand at their place was written anew.
  void keep_tail(std::string_view read) {
    tail_.append(read.substr(read.size() - std::min(read.size(), tail_bytes)));
    if (tail_.size() > tail_bytes) tail_.erase(0, tail_.size() - tail_bytes);
  }
  [[nodiscard]] bool tail_is_there() const {
    std::array<char, tail_bytes> bytes;
    const ssize_t count =
        ::pread(file_.get(), bytes.data(), tail_.size(), position_ - static_cast<std::int64_t>(tail_.size()));
    return count < 0 || std::string_view(bytes.data(), static_cast<std::size_t>(count)) == tail_;
  }

  void look_for_another(LineSink& sink) {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0) {  // what is open may still be written to
      present_ = false;
      trouble_ = errno == ENOENT ? path_ + " is gone" : "cannot read " + path_ + ": " + errno_words(errno);
      return;
    }
    if (identity_of(status) == identity_) {
      if (!stream_) {
        present_ = true;
        trouble_.clear();
      }
      return;
    }
    drain(sink);  // what the old one got until the new one was there
    file_ = Descriptor();
    if (open(sink, false)) drain(sink);
  }

  std::string path_;
  FollowOptions options_;
  LineCutter cutter_;
  std::vector<char> buffer_;
  Descriptor file_;
  Identity identity_;
  std::int64_t position_ = 0;
  std::string tail_;
  bool begun_ = false, stream_ = false, writer_ = false, present_ = false;
  std::uint64_t skipped_ = 0;
  std::string trouble_;
};

}  // namespace

std::unique_ptr<Follower> follow_file(const std::string& path, const FollowOptions& options,
                                      const std::string& where) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    throw InputError(where + ": " + path + " is a folder; name the file that the tool writes");
  return std::make_unique<FileFollower>(path, options);
}

}  // namespace drst
