// Settings of the log ([log] in the file): sizes, bounds and retention; and of those who read a topic in
// stream order ([reader]). Plain data.
#pragma once

#include <cstdint>

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

/// Of joined_reader.h: monitor and retrainer must agree on what a stream is.
struct ReaderSettings {
  int64_t reorder_bound = 1024;
  double max_missing_fraction = 0.5;
  double lease_s = 10;
};
void describe(SettingsVisitor& visitor, ReaderSettings& settings);

}  // namespace drst
