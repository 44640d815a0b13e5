// What every back end refuses in the same words, as LogErrors with exit code input. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "stream/log.h"

namespace drst {

/// Names of topics, groups and members: 1 to 200 of [A-Za-z0-9._-], and not "." or "..", which is what Kafka
/// takes too.
void check_log_name(std::string_view what, std::string_view name);
/// `count`: how many partitions the topic has, 0 if there is no such topic.
void check_partition(std::string_view topic, int partition, int count);
void check_topic_request(const std::string& topic, int wanted, int have);
/// Each key + value + headers must fit max_bytes.
void check_records(std::string_view topic, int partition, std::span<const NewRecord> records,
                   int64_t max_bytes);

}  // namespace drst
