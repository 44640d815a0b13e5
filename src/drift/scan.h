// Drift over tables that are at hand: no log, no monitor. For `drst drift scan`, tests and figures. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "drift/detector.h"
#include "table/table.h"

namespace drst {

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
  [[nodiscard]] const DriftDetector& detector() const { return detector_; }

 private:
  std::vector<std::string> kpis_;
  DriftDetector detector_;
  std::vector<Alarm> alarms_;
  int64_t rows_ = 0;
};

/// One table.
std::vector<Alarm> scan(const Table& table, const std::vector<std::string>& kpis,
                        const DriftSettings& settings, uint64_t seed,
                        std::vector<SignalPoint>* points = nullptr,
                        std::shared_ptr<const DriftHistory> history = nullptr);

}  // namespace drst
