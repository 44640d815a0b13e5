// Drift over tables that are at hand: no log, no monitor. For `drst drift scan`, tests and figures. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "drift/detector.h"
#include "table/table.h"

namespace drst {

/// A feature that left its baseline without an alarm: alarms go by the mean over all features.
struct QuietMove {
  std::string feature;
  int64_t row = 0;  ///< of the first look that saw it
  double bits = 0;  ///< the most its window differed from the baseline
};
/// From here on a window has next to nothing in common with the baseline (1 bit: nothing). Sweeps inside one
/// regime move single features by half a bit and more.
inline constexpr double quiet_move_bits = 0.9;

/// Runs the detector over tables that follow one another; each alarm is acknowledged at once, as if the
/// retrainer needed no time. Rows are numbered over all tables. Columns named in `kpis` are not looked at.
/// One thread.
class TableScan {
 public:
  TableScan(const DriftSettings& settings, std::vector<std::string> kpis, uint64_t seed,
            std::shared_ptr<const DriftHistory> history = nullptr);
  /// All rows of one more table. `progress`, if given, is told the rows so far now and then, and ends the
  /// scan by returning false. `points`, if given, receives every evaluation.
  void add(const Table& table, const std::function<bool(int64_t)>& progress = nullptr,
           std::vector<SignalPoint>* points = nullptr);
  [[nodiscard]] int64_t rows() const { return rows_; }
  [[nodiscard]] const std::vector<Alarm>& alarms() const { return alarms_; }
  /// One a feature and baseline, by row. What an alarm tells of is not among them.
  [[nodiscard]] std::vector<QuietMove> quiet_moves() const;
  [[nodiscard]] const DriftDetector& detector() const { return detector_; }

 private:
  std::vector<std::string> kpis_;
  DriftDetector detector_;
  void look();
  void settle(int64_t change_row);

  std::vector<Alarm> alarms_;
  std::vector<QuietMove> quiet_;            // of earlier baselines
  std::map<std::string, QuietMove> moved_;  // from the present one
  int64_t rows_ = 0;
};

/// One table.
std::vector<Alarm> scan(const Table& table, const std::vector<std::string>& kpis,
                        const DriftSettings& settings, uint64_t seed,
                        std::vector<SignalPoint>* points = nullptr,
                        std::shared_ptr<const DriftHistory> history = nullptr);

}  // namespace drst
