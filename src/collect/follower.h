// The lines that a tool writes while it runs: into a growing file, into a FIFO, or to the standard output of
// a command that is started here.
//
// `read` takes what has come and returns at once; whatever is wrong is said by `words` and looked after by
// the next `read`: a file that is not there yet, is replaced (logrotate), cut to nothing, or gone and back; a
// FIFO whose writer went; a command that ended and is started again after a wait. A last line without its end
// waits for it. Lines beyond `max_line_bytes` are passed over and counted, and one `read` takes a bounded
// number of bytes. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "collect/chain.h"
#include "collect/settings.h"

namespace drst {

/// How the lines that follow hang together with those before.
enum class Begin {
  gap,   ///< lines are missing between: an old file was joined at its end, or bytes were passed over
  file,  ///< another file, from its start; the tool may be the same (logrotate)
  run    ///< another process writes, from its start
};

class LineSink {
 public:
  virtual ~LineSink() = default;
  /// A line at the head of a file that was there before: for its header, not for its values.
  virtual void head(std::string_view line) = 0;
  /// A line that has come, without its line feed.
  virtual void line(std::string_view line) = 0;
  virtual void begins(Begin how) = 0;
};

/// Cuts bytes into lines, whatever the pieces they come in.
class LineCutter {
 public:
  explicit LineCutter(std::size_t most_bytes) : most_(most_bytes) {}

  template <class OnLine>
  void feed(std::string_view bytes, const OnLine& on_line) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      const std::string_view piece = bytes.substr(0, end);
      if (!passing_ && half_.size() + piece.size() > most_) {
        passing_ = true;
        ++passed_over_;
        half_.clear();
      }
      if (end == std::string_view::npos) {
        if (!passing_) half_ += piece;
        return;
      }
      if (passing_) {
        passing_ = false;
      } else if (half_.empty()) {
        on_line(piece);
      } else {
        half_ += piece;
        on_line(std::string_view(half_));
      }
      half_.clear();
      bytes.remove_prefix(end + 1);
    }
  }
  /// The half line is forgotten.
  void reset() {
    half_.clear();
    passing_ = false;
  }
  /// What comes is in the middle of a line, which is passed over.
  void skip_line() {
    half_.clear();
    passing_ = true;
  }
  [[nodiscard]] std::uint64_t passed_over() const { return passed_over_; }

 private:
  std::size_t most_;
  std::string half_;
  bool passing_ = false;
  std::uint64_t passed_over_ = 0;
};

class Follower {
 public:
  virtual ~Follower() = default;
  /// `now_ns` of CLOCK_MONOTONIC: for what is tried again after a wait.
  virtual void read(std::int64_t now_ns, LineSink& sink) = 0;
  /// What is followed is there: the file, the FIFO with a writer, the running command.
  [[nodiscard]] virtual bool present() const = 0;
  [[nodiscard]] virtual std::string words() const = 0;
};

struct FollowOptions {
  std::size_t head_lines = 0;  ///< of a file that is there at the start; `LineSink::head`
  bool with_errors = false;    ///< a command's standard error is followed as well
  std::size_t max_line_bytes = 1 << 20;
  double restart_wait_s = 1;
  double most_wait_s = 60;
  std::size_t most_bytes = 4 << 20;  ///< of one `read`
};

/// A regular file, or a FIFO (or any other file that is a stream). InputError if `path` is a folder.
std::unique_ptr<Follower> follow_file(const std::string& path, const FollowOptions& options,
                                      const std::string& where);
/// `command[0]` is looked for in PATH; no shell. In a process group of its own, with standard input from
/// /dev/null and the locale C (numbers), ended with this object and, by the kernel, with the thread that
/// called `read` when it was started.
std::unique_ptr<Follower> follow_command(const std::vector<std::string>& command,
                                         const FollowOptions& options);

}  // namespace drst
