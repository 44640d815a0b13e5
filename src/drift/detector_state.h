// The inside of DriftDetector, shared by detector.cpp (decisions), detector_calibrate.cpp (thresholds) and
// detector_state.cpp (saving).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drift/detector.h"
#include "drift/divergence.h"
#include "drift/rows.h"
#include "drift/run_length.h"
#include "drift/split.h"

namespace drst {

struct DriftDetector::State {
  State(DriftSettings s, uint64_t seed_);

  /// A frozen baseline and all that follows from it.
  struct Baseline {
    std::vector<std::string> names;
    std::vector<std::size_t> columns;  // where `names` are in `rows`
    std::vector<double> values;        // window x columns; kept to rebuild `js` after a restart
    JsWindow js;
    std::vector<Thresholds> thresholds;  // one a voice
    std::vector<Thresholds> errors;
    std::string calibrated_on;
    std::vector<std::string> constant, duplicated;
    std::vector<std::string> history_lacks;
  };

  // Positions count records pushed, since rows may be unknown, late or doubled.
  [[nodiscard]] std::size_t index_of(int64_t position) const;
  [[nodiscard]] Baseline make_baseline(std::vector<std::size_t> columns, std::vector<double> values) const;
  void freeze();
  void calibrate();  // the frozen baseline's thresholds
  bool calibrate_on_history(Random random);
  void set_thresholds(std::size_t voice, const Thresholds& found, const Thresholds& errors, bool bounds);
  [[nodiscard]] int64_t young_rows() const;
  void look_at_columns();  // of the frozen baseline
  std::optional<Alarm> judge(int64_t row);
  std::optional<Alarm> judge_split(int64_t row);
  std::optional<Alarm> judge_voices(int64_t row);
  std::optional<Alarm> judge_columns(int64_t row);
  void evaluate(int64_t row);
  void raise(Alarm& alarm, int64_t change_position);
  [[nodiscard]] int64_t first_kept() const { return pushed - static_cast<int64_t>(rows.size()); }
  [[nodiscard]] bool settled() const { return baseline && baseline_of == regime; }

  DriftSettings settings;
  uint64_t seed;
  RecentRows rows;
  int64_t pushed = 0;        // records so far
  int64_t regime = 0;        // position where the present regime is taken to begin
  int64_t baseline_of = -1;  // the regime whose baseline is frozen
  bool alarmed = false;
  int64_t change = 0;  // position of the standing alarm's change
  uint64_t calibrations = 0;
  std::shared_ptr<const DriftHistory> history;
  std::optional<Pieces> pieces;           // of the history; made when first needed
  std::optional<BudgetThresholds> usual;  // between stretches of the history
  std::optional<Baseline> baseline;
  std::optional<SignalPoint> point;
  std::vector<double> scratch;
};

}  // namespace drst
