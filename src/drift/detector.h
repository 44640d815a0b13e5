// The drift detector: records in, alarms out. No log, no store, no clock: the monitor, `drst drift scan`,
// simulation and benches share it. Start here for how drift is decided.
//
// The first full window is the baseline: bin edges frozen (divergence.h), thresholds A < B < C calibrated by
// block bootstrap on the baseline's own variability (calibration.h). Then windows slide and are judged every
// `stride` records. Four voices may raise an alarm:
//   * the whole window (`window` records) against the baseline: sees small change in time;
//   * further windows (`recent`) against the same baseline, with thresholds of their own: shorter ones, which
//   a change of stage fills sooner, and longer ones, for slow and small change;
//   * while a baseline is young (up to window + the longest recent records after it began), the best split of
//     all its records (split.h): a baseline that holds a change of its own would make the others deaf to it;
//   * columns that were in the baseline and are gone, or were not and are there: no histogram is needed to
//   see that a VNF was replaced. Sure after `vanished_rows` records, so it is told then.
// Thresholds follow from a budget of false alarms for all windows together (run_length.h) where a history of
// the regime at hand is known (`set_history`). A baseline alone cannot say how much experiments differ: then
// they are quantiles of its bootstrapped signal, and no lower than the least effects worth acting on.
// A fifth comes from outside (`hear`): the frozen model's error on labelled records (error_voice.h).
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
#include "drift/error_voice.h"
#include "drift/history.h"
#include "registry/handover.h"

namespace drst {

struct DriftSettings {
  int64_t window = 300;
  int64_t stride = 10;
  std::vector<int64_t> recent = {100, 900};
  int64_t bins = 16;
  CalibrationSettings calibration;
  int64_t split_bins = 8;
  int64_t split_least = 25;
  double split_effect = 0.33;
  int64_t cool_down = 300;
  int64_t vanished_rows = 10;
  double vanished_share = 0.05;
  std::vector<std::string> vnfs;
  // the error voice, on labels as they come
  int64_t error_reference = 100;
  int64_t error_block = 1;
  double error_risk = 0.05;
  double error_budget_labels = 100'000;  ///< 0: none
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
/// InputError for combinations that ranges cannot express (lists of three rising values, further windows that
/// divide or multiply the window, ...).
void check(const DriftSettings& settings);

struct Alarm {
  int64_t row = 0;         ///< of the record that raised it
  int64_t change_row = 0;  ///< estimated first row of the new regime
  std::string voice;       ///< "window", "recent <records>", "split", "columns", "error"
  /// Bits, of that voice; of "columns": the share of columns gone or new (each is one bit); of "error": mean
  /// of min(e, 1) since the change.
  double signal = 0;
  double threshold = 0;        ///< of its tier
  double threshold_error = 0;  ///< its standard error; 0: a setting, not an estimate
  Tier tier = Tier::none;
  std::vector<std::string> columns;
  std::vector<double> by_feature;  ///< bits, in the order of `columns`
  std::string
      calibrated_on;  ///< what the threshold follows from: "history", "baseline", "labels"; else "setting"
  std::vector<std::string> gone;  ///< of "columns"
  std::vector<std::string> appeared;
};

struct VoicePoint {
  int64_t records = 0;  ///< length of the window
  double signal = 0;    ///< NaN: a longer window that is not full yet
  Thresholds thresholds{};
  Thresholds errors{};  ///< standard errors; 0: a setting, not an estimate
};
struct SignalPoint {  ///< published at each evaluation
  int64_t row = 0;
  double signal = 0;                 ///< the whole window's, bits
  double thresholds[3] = {0, 0, 0};  ///< A, B, C
  double errors[3] = {0, 0, 0};      ///< theirs
  std::vector<VoicePoint> recent;    ///< the further windows'
  std::vector<double> by_feature;    ///< the whole window's, in the order of columns()
};

/// What is odd about the input. Nothing of it stops the detector: a constant column has one bin and tells
/// when it moves, a doubled one counts twice, an infinite value is a missing one.
struct DriftInput {
  uint64_t infinite_cells = 0;          ///< since the start, or the restart
  uint64_t ignored_columns = 0;         ///< names beyond max_columns
  std::vector<std::string> constant;    ///< columns of the present baseline with one value
  std::vector<std::string> duplicated;  ///< equal to another column of it, row by row
};

class DriftDetector {
 public:
  /// InputError if the settings do not fit together.
  DriftDetector(DriftSettings settings, uint64_t seed);
  ~DriftDetector();
  DriftDetector(DriftDetector&&) noexcept;
  DriftDetector& operator=(DriftDetector&&) noexcept;

  /// Records of a world taken to be without change, such as the offline table's: how much stretches of one
  /// regime differ. Used for baselines that are of the same regime. Not part of the saved state: give it
  /// again after a restart.
  void set_history(std::shared_ptr<const DriftHistory> history);

  /// One record in stream order. `columns`: names of `values`, allowed to grow or change from record to
  /// record (matched by name; what is not there is missing; lags, "...@-1", are not looked at). Returns an
  /// alarm when one is raised; none is raised while one is unacknowledged, and none before a full window has
  /// been seen.
  std::optional<Alarm> push(int64_t row, const std::vector<std::string>& columns,
                            std::span<const double> values);
  /// The error voice spoke, and `row` is the last record pushed. An alarm, unless one stands, or the change
  /// is too near to the last one to be another.
  std::optional<Alarm> hear(const ErrorAlarm& error, int64_t row);
  void acknowledge();
  [[nodiscard]] bool alarmed() const;  ///< an alarm stands unacknowledged
  /// The evaluation made by the last push, if it made one.
  [[nodiscard]] const std::optional<SignalPoint>& evaluated() const;
  [[nodiscard]] const std::vector<std::string>& columns() const;  ///< those of the baseline
  /// What the present thresholds follow from: "history" (and a budget) or "baseline" (and its quantiles and
  /// least effects); empty before there are any.
  [[nodiscard]] const std::string& calibrated_on() const;
  /// Columns of the baseline that the history does not have: it was of no use then, and no budget is kept.
  /// Not part of the saved state.
  [[nodiscard]] const std::vector<std::string>& history_lacks() const;
  [[nodiscard]] DriftInput input() const;
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
