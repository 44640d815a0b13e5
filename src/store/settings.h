// Settings of the object store.
#pragma once

#include <cstdint>
#include <string>

#include "base/settings.h"

namespace drst {

struct StoreSettings {
  int64_t leftover_age_s = 3'600;
  // Of s3:// only
  std::string mode = "write-behind";
  std::string spool;  ///< "": $STATE_DIRECTORY, $XDG_STATE_HOME/drst or ~/.local/state/drst
  int64_t queue_limit_mib = 4096;
  int64_t keep_mib = 1024;
  double read_wait_s = 3;
  double read_again_s = 10;
  double retry_s = 1;
  double retry_limit_s = 30;
  double close_wait_s = 3;
};

void describe(SettingsVisitor& visitor, StoreSettings& settings);

}  // namespace drst
