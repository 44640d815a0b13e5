// The drift detector: records in, alarms out. No log, no store, no clock: the monitor, `drst drift scan`, simulation and benches share it.
//
// First full window = baseline: edges frozen, thresholds A < B < C calibrated by block bootstrap on the baseline's own variability
// (calibration.h). Then the window slides, the signal is evaluated every `stride` records, and a crossing raises one Alarm with tier,
// per-feature account and an estimate of the change row. After `acknowledge()` (the retrainer is done, or the lock went stale) the new
// baseline is the next full window that lies after the estimated change, the signal against the old one still being published
// meanwhile; then it recalibrates. One change, one alarm. State can be saved and restored to the bit. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/settings.h"
#include "registry/handover.h"

namespace drst {

struct DriftSettings {
  int64_t window = 300;
  int64_t stride = 50;
  // the rest (bins, block length, bootstrap rounds, quantiles or budgets, cool-down, lock expiry, reorder bound, ...): with unit, default, reason
};
void describe(SettingsVisitor& visitor, DriftSettings& settings);

struct Alarm {
  int64_t row = 0;              ///< of the record that raised it
  int64_t change_row = 0;       ///< estimated first row of the new regime
  double signal = 0;            ///< bits
  double threshold = 0;         ///< of its tier
  Tier tier = Tier::none;
  std::vector<double> by_feature;  ///< bits, in the order of columns()
};

struct SignalPoint {            ///< published at each evaluation
  int64_t row = 0;
  double signal = 0;
  double thresholds[3] = {0, 0, 0};  ///< A, B, C
};

class DriftDetector {
 public:
  DriftDetector(DriftSettings settings, uint64_t seed);

  /// One record in stream order. `columns`: names of `values`, allowed to grow or change from record to record (matched by name; what is not
  /// there is missing). Returns an alarm when one is raised; none is raised while one is unacknowledged.
  std::optional<Alarm> push(int64_t row, const std::vector<std::string>& columns, std::span<const double> values);
  void acknowledge();
  [[nodiscard]] bool alarmed() const;                    ///< an alarm stands unacknowledged
  [[nodiscard]] std::optional<SignalPoint> evaluated();  ///< the evaluation made by the last push, if it made one
  [[nodiscard]] const std::vector<std::string>& columns() const;  ///< those watched
  /// "calibrating", "watching", "alarmed", "settling"
  [[nodiscard]] std::string phase() const;

  [[nodiscard]] std::string save() const;                ///< bytes; bounded
  void restore(const std::string& bytes);                ///< InputError if they are not such a state
};

}  // namespace drst
