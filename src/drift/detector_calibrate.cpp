// Thresholds of a frozen baseline.
#include <algorithm>

#include "drift/detector_state.h"

namespace drst {

namespace {

constexpr uint64_t voices_most = 1 << 20;  // the generator's forks below it are the voices' own

std::size_t size(int64_t value) { return static_cast<std::size_t>(value); }

RunLengthTask task_of(const DriftSettings& settings) {
  const auto& calibration = settings.calibration;
  RunLengthTask task;
  for (std::size_t tier = 0; tier < task.budget_rows.size(); ++tier)
    task.budget_rows[tier] = calibration.budget_hours[tier] * 3600 / calibration.row_s;
  task.window = size(settings.window);
  task.spans.assign(settings.recent.begin(), settings.recent.end());
  task.bins = size(settings.bins);
  task.stride = size(settings.stride);
  task.rows = size(calibration.null_rows);
  return task;
}

}  // namespace

void DriftDetector::State::set_thresholds(std::size_t voice, const Thresholds& found,
                                          const Thresholds& errors, bool bounds) {
  const auto& calibration = settings.calibration;
  const bool is_short = voice > 0 && settings.recent[voice - 1] < settings.window;
  const std::vector<double>& least = is_short ? calibration.recent_least_effect : calibration.least_effect;
  const Thresholds held = bounds ? bounded(found, least, calibration.most_effect)
                                 : bounded(found, std::vector<double>(3, 0), std::vector<double>(3, 1));
  Thresholds left = errors;
  for (std::size_t tier = 0; tier < left.size(); ++tier)
    if (held[tier] != found[tier]) left[tier] = 0;
  baseline->thresholds.push_back(held);
  baseline->errors.push_back(left);
}

bool DriftDetector::State::calibrate_on_history(Random random) {
  if (!history || history->rows() < 2 * size(settings.window)) return false;
  baseline->history_lacks = lacking(*history, baseline->names);
  if (!baseline->history_lacks.empty()) return false;  // of another world
  const RunLengthTask task = task_of(settings);
  if (!pieces) {
    pieces = pieces_of(*history, task.window, static_cast<double>(settings.calibration.block_rows));
    RunLengthTask brief = task;  // it only decides what is of the same regime
    brief.rows = std::max(task.rows / 4, std::size_t{1});
    usual = budget_thresholds(*history, *pieces, brief, Random(seed).fork(~uint64_t{0}));
  }
  std::vector<std::size_t> from;
  for (const auto& name : baseline->names)
    from.push_back(
        size(std::find(history->columns.begin(), history->columns.end(), name) - history->columns.begin()));
  std::vector<double> values;
  values.reserve(history->rows() * from.size());
  for (std::size_t r = 0; r < history->rows(); ++r)
    for (const std::size_t c : from) values.push_back(history->values[r * history->columns.size() + c]);
  const auto found =
      budget_thresholds(baseline->js, bin_rows(values, baseline->js.edges()), *pieces, task, random);
  // Is it the same regime? If stretches of it usually lie as far from this baseline as stretches of one
  // regime do by chance once in a budget, it is not.
  if (found.medians[0] > usual->voices[0][0]) return false;
  baseline->calibrated_on = "history";
  for (std::size_t voice = 0; voice < found.voices.size(); ++voice)
    set_thresholds(voice, found.voices[voice], found.errors[voice], false);
  return true;
}

void DriftDetector::State::calibrate() {
  const auto& calibration = settings.calibration;
  const Random random = Random(seed).fork(calibrations++);
  if (calibration.rule == "budget" && calibrate_on_history(random.fork(voices_most))) return;
  baseline->calibrated_on = "baseline";
  const BinnedRows unseen = bin_rows_as_unseen(baseline->values, baseline->js.edges());
  for (std::size_t voice = 0; voice < baseline->js.voices(); ++voice) {
    // A longer window varies no more than the whole one.
    const std::size_t span =
        voice == 0 ? size(settings.window) : size(std::min(settings.recent[voice - 1], settings.window));
    Random own = random.fork(voice);
    const auto found = bootstrap_quantiles(baseline->js.baseline(), unseen, span, calibration, own);
    set_thresholds(voice, found.quantiles, found.errors, true);
  }
}

}  // namespace drst
