// How an answer to a drift is judged, whatever its model is made of (answer.h says by which rules). Internal
// to this room.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "learn/dataset.h"
#include "learn/metrics.h"
#include "tuning/answer.h"

namespace drst::tuning {

/// How the memory is cut: [0, train_end) trains, [judge_begin, end) judges.
struct Cut {
  std::size_t train_end = 0;
  std::size_t judge_begin = 0;
  std::size_t end = 0;
};
Cut cut_memory(const Question& question, const TuningSettings& settings);

/// Labelled rows of the window that the memory lacks (a retrainer that came late): older than all it has.
Dataset window_rows(const Question& question, const std::vector<std::string>& inputs);

/// Stream columns that most of the newest training rows have and the model, with its `inputs`, does not use:
/// another topology's.
std::vector<std::string> new_columns(const Memory& memory, const std::vector<std::string>& inputs,
                                     const Cut& cut, std::size_t newest);

/// Whether `late` and the memory are enough to train and to judge; sets the labels of the answer, and its
/// reason if they are not.
bool enough_rows(Answer& answer, const Cut& cut, const Dataset& late, const TuningSettings& settings);

/// The verdict on the winner, of which `figures` and `predictions` are on the judging rows: sets losses and
/// reason of the answer, and whether it is better.
bool convinces(Answer& answer, const Metrics& figures, std::span<const float> predictions,
               const Question& question, const Cut& cut, const TuningSettings& settings);

}  // namespace drst::tuning
