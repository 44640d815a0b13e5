#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <mutex>
#include <set>

namespace drst::log {

namespace {
spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made =
        std::make_shared<spdlog::logger>("drst", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

thread_local std::string prefix;
}  // namespace

Scope::Scope(std::string_view more) : length_before_(prefix.size()) { prefix += more; }
Scope::~Scope() { prefix.resize(length_before_); }

void set_level(Level wanted) {
  switch (wanted) {
    case Level::debug:
      logger().set_level(spdlog::level::debug);
      break;
    case Level::info:
      logger().set_level(spdlog::level::info);
      break;
    case Level::warning:
      logger().set_level(spdlog::level::warn);
      break;
    case Level::error:
      logger().set_level(spdlog::level::err);
      break;
    case Level::off:
      logger().set_level(spdlog::level::off);
      break;
  }
}

Level level() {
  switch (logger().level()) {
    case spdlog::level::trace:
    case spdlog::level::debug:
      return Level::debug;
    case spdlog::level::info:
      return Level::info;
    case spdlog::level::warn:
      return Level::warning;
    case spdlog::level::off:
      return Level::off;
    default:
      return Level::error;
  }
}

// The text is an argument, never a format: a brace in a file name must not be read as one.
void debug(std::string_view message) { logger().debug("{}{}", prefix, message); }
void info(std::string_view message) { logger().info("{}{}", prefix, message); }
void warning(std::string_view message) { logger().warn("{}{}", prefix, message); }
void error(std::string_view message) { logger().error("{}{}", prefix, message); }

void warning_once(const std::string& message) {
  static std::mutex mutex;
  static std::set<std::string> said;
  {
    const std::lock_guard lock(mutex);
    if (!said.insert(message).second) return;
  }
  warning(message);
}

}  // namespace drst::log
