// The drift detector: records in, alarms out. No log, no store, no clock: the monitor, `drst drift scan`,
// simulation and benches share it. Start here for how drift is decided.
//
// The first full window is the baseline: bin edges frozen (divergence.h), thresholds A < B < C calibrated by
// block bootstrap on the baseline's own variability (calibration.h). Then windows slide and are judged every
// `stride` records. Four voices may raise an alarm:
//   * the whole window (`window` records) against the baseline: sees slow change, and small change in time;
//   * shorter windows (`recent`) against the same baseline, with thresholds of their own: a change of stage
//   fills them sooner;
//   * while a baseline is young (up to window + the longest recent records after it began), the best split of
//     all its records (split.h): a baseline that holds a change of its own would make the others deaf to it;
//   * columns that were in the baseline and are gone: no histogram is needed to see that a VNF was replaced.
// An alarm carries tier, account by feature, and the estimated row of the change (the best split of the last
// records). It stands until `acknowledge()` (the retrainer is done, or its lock went stale). Then the new
// baseline is the next full window that lies after the estimated change; until then the signal against the
// old one is still published. One change, one alarm: none is raised within `cool_down` records of the last
// change, and a split found within 2 x `split_least` records of it is the same change seen better, so that
// the baseline begins there instead. Deterministic: same records, settings and seed, same alarms. State can
// be saved and restored to the bit. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/settings.h"
#include "drift/calibration.h"
#include "registry/handover.h"

namespace drst {

struct DriftSettings {
  int64_t window = 300;
  int64_t stride = 10;
  std::vector<int64_t> recent = {100};
  int64_t bins = 16;
  CalibrationSettings calibration;
  int64_t split_bins = 8;
  int64_t split_least = 25;
  double split_effect = 0.33;
  int64_t cool_down = 300;
  int64_t vanished_rows = 50;
  double vanished_share = 0.05;
  int64_t max_columns = 4096;
  // the monitor's
  double first_record_timeout_s = 600;  ///< 0: none, as below
  double idle_timeout_s = 30;
  double lock_expiry_s = 600;
  int64_t save_every = 50;
  double publish_every_s = 10;
  int64_t top_features = 10;
  int64_t history_points = 2048;
};
void describe(SettingsVisitor& visitor, DriftSettings& settings);
/// InputError for combinations that ranges cannot express (lists of three rising values, recent windows that
/// divide the window, ...).
void check(const DriftSettings& settings);

struct Alarm {
  int64_t row = 0;         ///< of the record that raised it
  int64_t change_row = 0;  ///< estimated first row of the new regime
  std::string voice;       ///< "window", "recent <records>", "split", "columns"
  double signal =
      0;  ///< bits, of that voice; of "columns": the share of columns gone (a gone column is one bit)
  double threshold = 0;  ///< of its tier
  Tier tier = Tier::none;
  std::vector<std::string> columns;
  std::vector<double> by_feature;  ///< bits, in the order of `columns`
};

struct VoicePoint {
  int64_t records = 0;  ///< length of the window
  double signal = 0;
  Thresholds thresholds{};
};
struct SignalPoint {  ///< published at each evaluation
  int64_t row = 0;
  double signal = 0;                 ///< the whole window's, bits
  double thresholds[3] = {0, 0, 0};  ///< A, B, C
  std::vector<VoicePoint> recent;    ///< the shorter windows'
  std::vector<double> by_feature;    ///< the whole window's, in the order of columns()
};

class DriftDetector {
 public:
  /// InputError if the settings do not fit together.
  DriftDetector(DriftSettings settings, uint64_t seed);
  ~DriftDetector();
  DriftDetector(DriftDetector&&) noexcept;
  DriftDetector& operator=(DriftDetector&&) noexcept;

  /// One record in stream order. `columns`: names of `values`, allowed to grow or change from record to
  /// record (matched by name; what is not there is missing; lags, "...@-1", are not looked at). Returns an
  /// alarm when one is raised; none is raised while one is unacknowledged, and none before a full window has
  /// been seen.
  std::optional<Alarm> push(int64_t row, const std::vector<std::string>& columns,
                            std::span<const double> values);
  void acknowledge();
  [[nodiscard]] bool alarmed() const;  ///< an alarm stands unacknowledged
  [[nodiscard]] const std::optional<SignalPoint>& evaluated()
      const;  ///< the evaluation made by the last push, if it made one
  [[nodiscard]] const std::vector<std::string>& columns() const;  ///< those of the baseline
  /// "calibrating", "watching", "alarmed", "settling"
  [[nodiscard]] std::string phase() const;

  [[nodiscard]] std::string save() const;  ///< bytes; bounded by window x columns
  void restore(
      const std::string& bytes);  ///< InputError if they are not such a state, or one of other settings

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
