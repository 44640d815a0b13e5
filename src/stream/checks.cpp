#include "stream/checks.h"

#include <algorithm>

#include "base/text.h"

namespace drst {

namespace {
constexpr int most_partitions = 4096;

[[noreturn]] void refuse(const std::string& message) { throw LogError(ExitCode::input, message); }
}  // namespace

void check_log_name(std::string_view what, std::string_view name) {
  constexpr std::size_t longest = 200;
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  };
  if (!name.empty() && name.size() <= longest && name != "." && name != ".." &&
      std::ranges::all_of(name, allowed))
    return;
  refuse("bad " + std::string(what) + " name '" + std::string(name.substr(0, longest)) +
         "': use 1 to 200 of A-Z a-z 0-9 . _ - (and not only dots)");
}

void check_partition(std::string_view topic, int partition, int count) {
  if (count == 0)
    refuse("no such topic '" + std::string(topic) +
           "' in this log; start the producer first, or check --log and the topic's name");
  if (partition < 0 || partition >= count)
    refuse("topic '" + std::string(topic) + "' has " + to_text(count) + " partitions, so no partition " +
           to_text(partition));
}

void check_topic_request(const std::string& topic, int wanted, int have) {
  check_log_name("topic", topic);
  if (wanted < 1 || wanted > most_partitions)
    refuse("topic '" + topic + "' cannot have " + to_text(wanted) + " partitions; choose 1 to " +
           to_text(most_partitions));
  if (have > 0 && have < wanted)
    throw InputError("topic '" + topic + "' has " + to_text(have) + " partitions, but " + to_text(wanted) +
                     " are asked for; ask for fewer, or use another topic or a new log");
}

void check_records(std::string_view topic, int partition, std::span<const NewRecord> records,
                   int64_t max_bytes) {
  for (std::size_t i = 0; i < records.size(); ++i) {
    std::size_t bytes = records[i].key.size() + records[i].value.size();
    for (const auto& header : records[i].headers) bytes += header.key.size() + header.value.size();
    if (bytes > static_cast<std::size_t>(max_bytes))
      refuse("topic '" + std::string(topic) + "', partition " + to_text(partition) + ": record " +
             to_text(i) + " of the append has " + to_text(bytes) +
             " bytes, more than log.max_record_bytes = " + to_text(max_bytes));
    constexpr std::size_t most_headers = 1000;
    if (records[i].headers.size() > most_headers)
      refuse("topic '" + std::string(topic) + "', partition " + to_text(partition) + ": record " +
             to_text(i) + " of the append has " + to_text(records[i].headers.size()) + " headers; " +
             to_text(most_headers) + " are allowed");
  }
}

}  // namespace drst
