// A server of a test, written in Python, as a child process: it prints its port and runs until its standard
// input ends. For tests only.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/files.h"

namespace drst {

/// Ends with this object.
class PythonServer {
 public:
  /// `script` is a file of tests/; `argument` is handed to it.
  explicit PythonServer(const std::string& script, const std::string& argument = "") {
    int in[2], out[2];
    if (::pipe(in) != 0 || ::pipe(out) != 0) std::abort();
    const std::string path = std::string(DRST_SOURCE_DIR) + "/tests/" + script;
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      for (const int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
      ::execlp("python3", "python3", path.c_str(), argument.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_ = Descriptor(in[1]);
    const Descriptor answer(out[0]);
    char c = 0;
    while (::read(answer.get(), &c, 1) == 1 && c != '\n') port_ += c;
  }
  ~PythonServer() {
    in_ = Descriptor();
    ::waitpid(child_, nullptr, 0);
  }
  PythonServer(const PythonServer&) = delete;
  PythonServer& operator=(const PythonServer&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + port_; }

 private:
  pid_t child_ = -1;
  Descriptor in_;
  std::string port_;
};

}  // namespace drst
