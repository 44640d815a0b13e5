#include "tuning/judging.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "base/text.h"
#include "tuning/track.h"

namespace drst::tuning {

Cut cut_memory(const Question& question, const TuningSettings& settings) {
  const auto& rows = question.memory->rows();
  const int64_t window_begin =
      question.window.rows.empty() ? std::numeric_limits<int64_t>::min() : question.window.rows.front();
  std::size_t lately = 0;
  for (const auto& row : rows) lately += row.row >= window_begin ? 1 : 0;
  const auto wanted =
      static_cast<std::size_t>(std::ceil(settings.validation_share * static_cast<double>(lately)));
  Cut cut;
  cut.end = rows.size();
  cut.judge_begin =
      cut.end - std::min(cut.end, std::max(wanted, static_cast<std::size_t>(settings.min_validation)));
  cut.train_end = cut.judge_begin;
  // The gap is one of stream rows: with few labels the neighbour that trains is far away anyway.
  while (cut.train_end > 0 && cut.judge_begin < cut.end &&
         rows[cut.judge_begin].row - rows[cut.train_end - 1].row <= settings.gap_rows)
    --cut.train_end;
  return cut;
}

Dataset window_rows(const Question& question, const std::vector<std::string>& inputs) {
  std::unordered_set<int64_t> known;
  for (const auto& row : question.memory->rows()) known.insert(row.row);
  const DriftWindow& window = question.window;
  Dataset data;
  data.inputs = window.columns;
  for (std::size_t r = 0; r < window.rows.size(); ++r) {
    if (!std::isfinite(window.labels[r]) || known.contains(window.rows[r])) continue;
    const auto values = window.values.begin() + static_cast<std::ptrdiff_t>(r * window.columns.size());
    data.x.insert(data.x.end(), values, values + static_cast<std::ptrdiff_t>(window.columns.size()));
    data.y.push_back(window.labels[r]);
  }
  if (data.rows() > 0) data.starts = {0};
  return with_inputs(data, inputs);
}

std::vector<std::string> new_columns(const Memory& memory, const std::vector<std::string>& inputs,
                                     const Cut& cut, std::size_t newest) {
  const std::unordered_set<std::string> used(inputs.begin(), inputs.end());
  const std::size_t first = cut.train_end > newest ? cut.train_end - newest : 0;
  std::vector<std::string> fresh;
  for (std::size_t c = 0; c < memory.columns().size(); ++c) {
    if (used.contains(memory.columns()[c])) continue;
    std::size_t present = 0;
    for (std::size_t r = first; r < cut.train_end; ++r) {
      const auto& values = memory.rows()[r].values;
      present += c < values.size() && std::isfinite(values[c]) ? 1 : 0;
    }
    if (2 * present > cut.train_end - first) fresh.push_back(memory.columns()[c]);
  }
  return fresh;
}

bool enough_rows(Answer& answer, const Cut& cut, const Dataset& late, const TuningSettings& settings) {
  answer.labels = static_cast<int64_t>(cut.end + late.rows());
  if (answer.labels >= settings.min_labels && cut.train_end + late.rows() > 0 && cut.judge_begin < cut.end)
    return true;
  answer.reason = to_text(answer.labels) +
                  " labelled rows are too few to train and to judge (tuning.min_labels is " +
                  to_text(settings.min_labels) + ")";
  return false;
}

namespace {

/// What the models in service predicted for the judging rows when they came.
void judge_served(Answer& answer, const Question& question, const Cut& cut) {
  Scores live(question.epsilon);
  Scores baseline(question.epsilon);
  for (std::size_t r = cut.judge_begin; r < cut.end; ++r) {
    const LabelledRow& row = question.memory->rows()[r];
    live.add(static_cast<double>(row.predicted.live), static_cast<double>(row.label));
    baseline.add(static_cast<double>(row.predicted.baseline), static_cast<double>(row.label));
  }
  answer.live_val_loss = live.metrics().bounded;
  answer.live_val_rmse = live.metrics().rmse;
  answer.baseline_val_loss = baseline.metrics().bounded;
}

/// Baseline minus winner on the judging rows, row by row.
Difference gain(std::span<const float> predictions, const Question& question, const Cut& cut) {
  Difference difference;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const LabelledRow& row = question.memory->rows()[cut.judge_begin + i];
    difference.add(bounded_error(row.predicted.baseline, row.label, question.epsilon) -
                   bounded_error(predictions[i], row.label, question.epsilon));
  }
  return difference;
}

}  // namespace

bool convinces(Answer& answer, const Metrics& figures, std::span<const float> predictions,
               const Question& question, const Cut& cut, const TuningSettings& settings) {
  answer.val_loss = figures.bounded;
  answer.val_rmse = figures.rmse;
  judge_served(answer, question, cut);
  const std::string said = "mean bounded error " + to_fixed(answer.val_loss, 4) + " on the " +
                           to_text(predictions.size()) + " newest labelled rows, live model " +
                           to_fixed(answer.live_val_loss, 4) + ", baseline " +
                           to_fixed(answer.baseline_val_loss, 4);
  if (!(answer.val_loss < answer.live_val_loss - settings.margin)) {
    answer.reason = "no better than the live model: " + said;
  } else if (!(answer.val_loss < answer.baseline_val_loss - settings.margin)) {
    answer.reason = "no better than the baseline: " + said;
  } else if (const Difference over = gain(predictions, question, cut);
             !(over.mean() > settings.answer_z * over.error(settings.rows_a_fact))) {
    answer.reason = "too few rows to tell it from the baseline (gain " + to_fixed(over.mean(), 4) +
                    ", standard error " + to_fixed(over.error(settings.rows_a_fact), 4) + "): " + said;
  } else {
    answer.better = true;
    answer.reason = "better than the live model: " + said;
  }
  return answer.better;
}

}  // namespace drst::tuning
