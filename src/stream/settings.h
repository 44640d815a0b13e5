// Settings of the log ([log] in the file): sizes, bounds and retention. Plain data.
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

}  // namespace drst
