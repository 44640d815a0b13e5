// When a run's drift alarms were raised, for whoever must do something at their rows, each once. Internal to
// this room.
//
// The monitor keeps each alarm as a DriftEvent in the store, under the row at which it was raised; reading
// them there, not the flag of the hand-over, an heir who reads the log again meets each alarm at its row.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "store/store.h"

namespace drst::tuning {

class DriftAlarms {
 public:
  /// The store must outlive it.
  explicit DriftAlarms(ObjectStore& store) : store_(store) {}
  /// Looks for new ones. Another run than before: begins anew.
  void look(const std::string& run_id);
  /// True if one was raised at this row or before, and was not met yet.
  bool meet(int64_t row);

 private:
  ObjectStore& store_;
  std::string run_id_;
  std::size_t keys_ = 0;       // events of all runs when it looked last; they are only ever added
  int64_t newest_ = -1;        // row of the newest alarm known
  std::deque<int64_t> ahead_;  // rows of those not met yet, in order
};

}  // namespace drst::tuning
