// How monitor and retrainer hand over (SPEC 5, "Drift hand-over"): objects under results/, each replaced
// atomically.
//
//   latest_batch.npy           float32, rows x (features + label); NaN where none
//   latest_batch.columns.json  {"columns": [...], "label": "<target>", "rows": [...], "event": "<id>",
//                              "sha256": "<of the .npy>"}
//   retrain_lock.flag          JSON {"event", "tier", "row", "since", "expires"}: no second trigger while it
//                              stands and is not stale
//   retrain_grid.flag          A|B|C and nothing else; written last: the trigger, of the lock's event
//   retrain_done.flag          JSON {"event", "published", "release", "reason"}; the monitor reads it,
//                              unlocks, removes the three flags
//   retrain_skipped_no_labels.flag, monitor_done.flag
//
// An event id makes every step repeatable after a crash: doing it twice changes nothing. The trigger's is in
// the lock, which is there before the flag and goes after it; a flag of another tier than the lock's is not
// of its event and ignored. A flag without such a lock (by hand, or of another program's monitor) belongs to
// the event that the columns file names, else to the batch itself. A flag that cannot be read is reported
// once and ignored; a lock that cannot be read counts as expired. One thread an instance.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "store/store.h"

namespace drst {

enum class Tier : int { none = 0, A = 1, B = 2, C = 3 };
std::string to_text(Tier tier);  ///< "A", "B", "C", "-"
std::optional<Tier> parse_tier(std::string_view text);

struct DriftWindow {
  std::vector<std::string> columns;  ///< features in the order of the matrix, lags included
  std::vector<int64_t> rows;         ///< stream rows, one a record
  std::vector<float> values;         ///< rows x columns, NaN = missing
  std::vector<float> labels;         ///< one a row, NaN = none
};

struct Trigger {
  std::string event;  ///< "<run or topic>-<row>", unique
  Tier tier = Tier::none;
  int64_t row = 0;  ///< stream row at which the alarm was raised
  /// What the label column measures; goes into the columns file only.
  std::string target = "output_rate";
};

struct RetrainDone {
  std::string event;
  bool published = false;
  std::string release;  ///< model key, if published
  std::string reason;
};

class Handover {
 public:
  explicit Handover(ObjectStore& store) : store_(store) {}
  // monitor's side
  /// Removes a flag that is left over, writes batch, columns, lock, flag, in this order.
  void raise(const Trigger& trigger, const DriftWindow& window, Time now, Duration lock_expiry);
  struct Lock {
    std::string event;
    Time since{}, expires{};
    Tier tier = Tier::none;  ///< of the trigger
    int64_t row = 0;
  };
  std::optional<Lock> lock();
  std::optional<RetrainDone> done();
  void clear();  ///< removes flag, done, lock (in this order)
  // retrainer's side
  std::optional<Trigger> pending();  ///< the trigger that stands and has no done flag of the same event
  /// Failure: the batch is missing, torn, or of another event.
  Result<DriftWindow> window(const Trigger& trigger);
  void finish(const RetrainDone& done);

 private:
  Trigger unlocked_trigger();
  void complain(const std::string& about);

  ObjectStore& store_;
  std::string last_complaint_;
};

}  // namespace drst
