// The monitor: the detector on the stream (SPEC 8), as a component.
//
// Own consumer group, exclusive. Merges partitions into stream order (stream/joined_reader.h), ignores lags
// and records that cannot be used, feeds the detector, and on an alarm: writes the drift event, then the
// hand-over (window snapshot with features, lags, labels; NaN where none; lock; tier flag). No second trigger
// while locked. Polls the done flag: unlocks, acknowledges. A stale lock expires with a warning. Publishes
// the current signal as results/drift_signal.json (latest) and the history as results/drift_signal.npz at the
// end. Ends when every partition has shown its sentinel, or after an idle time-out, with
// results/monitor_done.flag. State is saved to results/monitor_state.bin at each stride, before offsets are
// committed; a restarted monitor goes on from it and repeats itself exactly.
#pragma once

#include <memory>
#include <string>

#include "base/component.h"
#include "base/time.h"
#include "drift/detector.h"
#include "store/store.h"
#include "stream/log.h"

namespace drst {

struct MonitorOptions {
  std::string topic = "latencyTopic";
  std::string run_id;  ///< empty: the run of the first record seen
  std::string member = "monitor";
  std::string target = "output_rate";
  uint64_t seed = 1;
  double idle_timeout_s = 30;  ///< of the injected clock; 0: none
};

class Monitor final : public Component {
 public:
  Monitor(Log& log, ObjectStore& store, const Clock& clock, DriftSettings settings, MonitorOptions options);
  ~Monitor() override;
  [[nodiscard]] std::string_view name() const override { return "monitor"; }
  Step step() override;

  struct Counts {
    uint64_t records = 0, unusable = 0, late = 0, alarms = 0, stale_locks = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
