// The monitor: the detector on the stream (SPEC 8), as a component.
//
// Own consumer group, exclusive: a second live monitor gets an InputError. Merges partitions into stream
// order (stream/joined_reader.h), feeds the detector, and the error voice where labels come; on an alarm:
// writes the drift event, then the hand-over (window snapshot with features, lags, labels; NaN where none;
// lock; tier flag). No second trigger while locked. Looks for the done flag before each record: acknowledges,
// unlocks. A stale lock expires with a warning. Publishes the current signal as results/drift_signal.json and
// the history as results/drift_signal.npz at the end. Ends with results/monitor_done.flag when every
// partition has shown its sentinel, which is for good, or after an idle time-out, after which a restart goes
// on. If no record comes at all, it fails.
//
// Order of effects, so that a crash between any two of them loses and doubles nothing: event and hand-over
// (keyed by the event's id, repeatable) before the state results/monitor_state.bin; state before offsets;
// acknowledgement in the state before the flags are removed. A restarted monitor goes on from its state and
// repeats itself exactly. The stage of a record goes into the event for reports and influences nothing. One
// thread.
#pragma once

#include <memory>
#include <string>

#include "base/component.h"
#include "base/time.h"
#include "drift/detector.h"
#include "store/store.h"
#include "stream/log.h"
#include "stream/record.h"
#include "stream/settings.h"

namespace drst {

struct MonitorOptions {
  std::string topic = "latencyTopic";
  std::string run_id;  ///< empty: the run of the first record seen
  std::string group = "drst-monitor";
  std::string member = "monitor";
  std::string target = "output_rate";
  std::string lane;  ///< whose labels, and whose group (stream/lane.h)
  uint64_t seed = 1;
  double epsilon = 1e-6;  ///< least denominator of a relative error
  ReaderSettings reader = {};
  WireLimits limits = {};
  std::shared_ptr<const DriftHistory> history = {};  ///< the offline table's, if it is known
};

class Monitor final : public Component {
 public:
  /// Log, store and clock must outlive it. Restores the saved state, if there is one of the same run or of no
  /// named run; InputError if it cannot be used.
  Monitor(Log& log, ObjectStore& store, const Clock& clock, DriftSettings settings, MonitorOptions options);
  ~Monitor() override;
  [[nodiscard]] std::string_view name() const override { return "monitor"; }
  Step step() override;

  struct Counts {
    uint64_t records = 0, unusable = 0, late = 0, alarms = 0, stale_locks = 0;
  };
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] std::string phase() const;  ///< the detector's

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
