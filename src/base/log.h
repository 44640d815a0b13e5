// Messages for people, to stderr. Data goes to stdout, never through here. Secrets are never passed to it.
// The header keeps spdlog out of the includes of others; callers hand in a finished text. Any thread may
// call.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace drst::log {

enum class Level { debug, info, warning, error, off };

/// `-q` sets warning; `--verbose` sets debug. Default info.
void set_level(Level level);
Level level();

void debug(std::string_view message);
void info(std::string_view message);
void warning(std::string_view message);
void error(std::string_view message);
/// A warning that this process says once, however often the same text comes.
void warning_once(const std::string& message);

/// While it lives, messages of this thread begin with `prefix`; for parts that the text alone cannot tell
/// apart. Nested ones add theirs.
class Scope {
 public:
  explicit Scope(std::string_view prefix);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  std::size_t length_before_;
};

}  // namespace drst::log
