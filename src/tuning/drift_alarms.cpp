#include "tuning/drift_alarms.h"

#include "registry/events.h"

namespace drst::tuning {

void DriftAlarms::look(const std::string& run_id) {
  if (run_id != run_id_) {
    run_id_ = run_id;
    keys_ = 0;
    newest_ = -1;
    ahead_.clear();
  }
  const std::size_t keys = drift_event_keys(store_).size();
  if (keys == keys_) return;
  keys_ = keys;
  for (const auto& event : read_drift_events(store_)) {
    if (event.row <= newest_ || run_of_event(event.id) != run_id_) continue;
    newest_ = event.row;
    ahead_.push_back(event.row);
  }
}

bool DriftAlarms::meet(int64_t row) {
  bool any = false;
  for (; !ahead_.empty() && ahead_.front() <= row; ahead_.pop_front()) any = true;
  return any;
}

}  // namespace drst::tuning
