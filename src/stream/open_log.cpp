// Which back end a --log means.
#include "stream/embedded_log.h"
#include "stream/kafka_log.h"
#include "stream/log.h"
#include "stream/settings.h"

namespace drst {

std::unique_ptr<Log> open_log(const std::string& url, const Clock& clock, Durability durability,
                              const LogSettings& settings, const KafkaSettings& kafka) {
  constexpr std::string_view scheme = "embedded:";
  if (url.starts_with("kafka://")) return std::make_unique<KafkaLog>(url, kafka, settings);
  if (const auto colon = url.find(':');
      colon != std::string::npos && !url.starts_with(scheme) && url.find('/') > colon)
    throw InputError("--log '" + url + "': unknown kind '" + url.substr(0, colon) + "'; known are " +
                     std::string(scheme) + "DIR, a folder's path alone, and kafka://host:port[,host:port]");
  const std::string folder = url.starts_with(scheme) ? url.substr(scheme.size()) : url;
  if (folder.empty()) throw InputError("--log '" + url + "' names no folder; use embedded:DIR");
  return std::make_unique<EmbeddedLog>(folder, clock, durability, settings);
}

std::unique_ptr<Log> open_log(const std::string& url, const Clock& clock, Durability durability,
                              const LogSettings& settings) {
  return open_log(url, clock, durability, settings, KafkaSettings());
}

}  // namespace drst
