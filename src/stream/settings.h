// Settings of the log ([log] in the file): sizes, bounds and retention; of Kafka ([kafka]); and of those who
// read a topic in stream order ([reader]). Plain data.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/settings.h"

namespace drst {

struct LogSettings {
  int64_t block_bytes = 32752;
  int64_t max_record_bytes = int64_t{16} << 20;
  int64_t map_initial_mib = 64;
  int64_t map_limit_mib = int64_t{1} << 20;
  int64_t max_readers = 512;
  int64_t retention_records = 0;
  int64_t retention_bytes = 0;
  double retention_age_s = 0;
};
void describe(SettingsVisitor& visitor, LogSettings& settings);

/// Of kafka_log.h. Holds no secret: those are in files or in the environment.
struct KafkaSettings {
  std::string security = "plaintext";
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::string key_password_file;
  std::string sasl_mechanism = "PLAIN";
  std::string username;
  std::string password_file;
  std::string token_file;
  int64_t replication = -1;
  std::string assignment = "range";
  double connect_timeout_s = 10;
  double patience_s = 300;
  double fetch_queue_mib = 4;
  int64_t send_queue_mib = 16;
  int64_t look_ms = 20;
  std::map<std::string, std::string> properties;
};
void describe(SettingsVisitor& visitor, KafkaSettings& settings);

/// Of joined_reader.h: monitor and retrainer must agree on what a stream is.
struct ReaderSettings {
  int64_t reorder_bound = 1024;
  double max_missing_fraction = 0.5;
  double lease_s = 10;
};
void describe(SettingsVisitor& visitor, ReaderSettings& settings);

}  // namespace drst
