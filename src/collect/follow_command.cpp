#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <limits>
#include <system_error>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/text.h"
#include "collect/columns.h"
#include "collect/follower.h"

namespace drst {

namespace {

/// What a command has between SIGTERM and SIGKILL.
constexpr std::chrono::milliseconds grace{500};

std::string errno_words(int code) { return std::generic_category().message(code); }

struct Pipe {
  Descriptor out, in;  ///< read from, written to
};
bool make_pipe(Pipe& pipe, int flags) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | flags) != 0) return false;
  for (int& end : ends) {  // who was started with standard streams closed gets their numbers here
    if (end > 2) continue;
    const int higher = ::fcntl(end, F_DUPFD_CLOEXEC, 3);
    ::close(end);
    end = higher;
  }
  pipe.out = Descriptor(ends[0]);
  pipe.in = Descriptor(ends[1]);
  return true;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  list.reserve(texts.size() + 1);
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

/// Ours, but numbers are printed with a point whatever the user's language.
std::vector<std::string> environment() {
  std::vector<std::string> list;
  for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view entry(*at);
    if (!entry.starts_with("LC_ALL=")) list.emplace_back(entry);
  }
  list.emplace_back("LC_ALL=C");
  return list;
}

/// In the child, between fork and exec: only what is safe there.
[[noreturn]] void become(const std::vector<char*>& arguments, const std::vector<char*>& variables, int out,
                         int errors, int report, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // died before it could be seen
  for (const int number : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP}) (void)std::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing >= 0 && ::dup2(nothing, 0) >= 0 && ::dup2(out, 1) >= 0 && ::dup2(errors, 2) >= 0) {
    if (nothing > 2) ::close(nothing);
    ::execvpe(arguments[0], arguments.data(), variables.data());
  }
  const int code = errno;
  (void)!::write(report, &code, sizeof code);
  ::_exit(127);
}

class CommandFollower final : public Follower {
 public:
  CommandFollower(const std::vector<std::string>& command, const FollowOptions& options)
      : command_(command),
        options_(options),
        cutter_(options.max_line_bytes),
        error_cutter_(4096),
        wait_s_(options.restart_wait_s) {}

  ~CommandFollower() override { end(); }
  CommandFollower(const CommandFollower&) = delete;
  CommandFollower& operator=(const CommandFollower&) = delete;

  void read(std::int64_t now_ns, LineSink& sink) override {
    if (child_ < 0 && now_ns >= next_start_ns_) start(now_ns, sink);
    if (child_ < 0) return;
    // Seen before the pipe is read: what it wrote at its end is in there.
    siginfo_t ended{};
    const bool over = ::waitid(P_PID, static_cast<id_t>(child_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                      ended.si_pid == child_;
    drain(out_, cutter_, [&](std::string_view line) { sink.line(line); });
    drain(errors_, error_cutter_, [&](std::string_view line) {
      if (!trim(line).empty()) last_error_ = std::string(trim(line).substr(0, 200));
    });
    if (over) reap(now_ns);
  }

  [[nodiscard]] bool present() const override { return child_ >= 0; }

  [[nodiscard]] std::string words() const override {
    std::vector<std::string> parts{trouble_};
    if (!trouble_.empty() && !last_error_.empty()) parts.push_back("it said: " + last_error_);
    if (cutter_.passed_over() > 0)
      parts.push_back(to_text(cutter_.passed_over()) + " lines beyond collect.max_line_bytes passed over");
    return join_words(parts);
  }

 private:
  void start(std::int64_t now_ns, LineSink& sink) {
    Pipe out, errors, report;
    if (!make_pipe(out, O_NONBLOCK) || !make_pipe(report, 0) ||
        (!options_.with_errors && !make_pipe(errors, O_NONBLOCK)))
      return failed("cannot start " + command_[0] + ": " + errno_words(errno), now_ns);
    // Of one pipe both ends are non-blocking now; a tool that knows nothing of that would lose lines.
    for (const Pipe* pipe : {&out, &errors})
      if (pipe->in.valid()) ::fcntl(pipe->in.get(), F_SETFL, O_WRONLY);
    std::vector<std::string> words = command_;
    std::vector<std::string> variables = environment();
    const auto argument_list = pointers(words);
    const auto variable_list = pointers(variables);
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child == 0)
      become(argument_list, variable_list, out.in.get(), (options_.with_errors ? out : errors).in.get(),
             report.in.get(), parent);
    if (child < 0) return failed("cannot start " + command_[0] + ": " + errno_words(errno), now_ns);
    ::setpgid(child, child);  // here as well: whoever comes first
    report.in = Descriptor();
    int code = 0;
    if (::read(report.out.get(), &code, sizeof code) == sizeof code) {  // ends when exec has happened
      ::waitpid(child, nullptr, 0);
      return failed("cannot start " + command_[0] + ": " + errno_words(code), now_ns);
    }
    child_ = child;
    started_ns_ = now_ns;
    out_ = std::move(out.out);
    errors_ = std::move(errors.out);
    ::fcntl(out_.get(), F_SETPIPE_SZ, 1 << 20);  // as good as it gets
    cutter_.reset();
    error_cutter_.reset();
    trouble_.clear();
    last_error_.clear();
    sink.begins(Begin::run);
  }

  template <class OnLine>
  void drain(const Descriptor& from, LineCutter& cutter, const OnLine& on_line) {
    if (!from.valid()) return;
    std::array<char, 16 << 10> buffer;
    for (std::size_t left = options_.most_bytes; left > 0;) {
      const ssize_t count = ::read(from.get(), buffer.data(), std::min(left, buffer.size()));
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return;
      left -= static_cast<std::size_t>(count);
      cutter.feed({buffer.data(), static_cast<std::size_t>(count)}, on_line);
    }
  }

  /// It has ended and is not reaped yet, so its group's number is still its own.
  void reap(std::int64_t now_ns) {
    ::kill(-child_, SIGKILL);  // what it left behind
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    out_ = Descriptor();
    errors_ = Descriptor();
    if (static_cast<double>(now_ns - started_ns_) * 1e-9 >= options_.most_wait_s)
      wait_s_ = options_.restart_wait_s;  // it had worked
    failed(command_[0] + (WIFSIGNALED(status) ? " was ended by signal " + to_text(WTERMSIG(status))
                                              : " ended with exit code " + to_text(WEXITSTATUS(status))),
           now_ns);
  }

  void failed(std::string what, std::int64_t now_ns) {
    next_start_ns_ = now_ns + static_cast<std::int64_t>(wait_s_ * 1e9);
    trouble_ = std::move(what) + "; started again " + to_text(wait_s_) + " s after that";
    wait_s_ = std::min(wait_s_ * 2, std::max(options_.most_wait_s, options_.restart_wait_s));
  }

  /// Waits until the child has ended, not longer than `most`.
  void await_end(std::chrono::milliseconds most) const {
    const auto until = std::chrono::steady_clock::now() + most;
    siginfo_t ended{};
    while (::waitid(P_PID, static_cast<id_t>(child_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           ended.si_pid != child_ && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  void end() {
    if (child_ < 0) return;
    ::kill(-child_, SIGTERM);
    await_end(grace);
    ::kill(-child_, SIGKILL);
    await_end(grace);  // not for ever: it may be another user's (sudo), or hang in the kernel
    ::waitpid(child_, nullptr, WNOHANG);
    child_ = -1;
  }

  std::vector<std::string> command_;
  FollowOptions options_;
  LineCutter cutter_, error_cutter_;
  double wait_s_;
  pid_t child_ = -1;
  Descriptor out_, errors_;
  std::int64_t started_ns_ = 0;
  std::int64_t next_start_ns_ = std::numeric_limits<std::int64_t>::min();
  std::string trouble_, last_error_;
};

}  // namespace

std::unique_ptr<Follower> follow_command(const std::vector<std::string>& command,
                                         const FollowOptions& options) {
  return std::make_unique<CommandFollower>(command, options);
}

}  // namespace drst
