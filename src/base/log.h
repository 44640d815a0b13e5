// Messages for people, to stderr. Data goes to stdout, never through here. Secrets are never passed to it.
// The header keeps spdlog out of the includes of others; callers hand in a finished text. Any thread may
// call.
#pragma once

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

}  // namespace drst::log
