// How a live chain is collected ([collect]).
#pragma once

#include <cstdint>

#include "base/settings.h"

namespace drst {

struct CollectSettings {
  double interval_s = 1;
  double patience = 0.2;  ///< share of the interval that answers over sockets are waited for
  double header_wait_s = 5;
  double stale = 1.5;         ///< a followed line counts until it is so many intervals old
  double restart_wait_s = 1;  ///< before an ended command is started again; doubles to a minute
  double sync_s = 5;          ///< rows in a file are on disk after this
  bool lags = true;           ///< `<column>@-1` on the log
  std::int64_t queue_rows = 3600;
  std::int64_t max_line_bytes = 1 << 20;
  std::int64_t max_answer_bytes = 8 << 20;
  std::int64_t max_columns = 4096;
};
void describe(SettingsVisitor& visitor, CollectSettings& settings);

}  // namespace drst
