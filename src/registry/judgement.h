// Why the pointer moved: one object a move, results/judgements/<run>-<row>.json, keyed so that repeating a
// step after a crash writes the same object again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/store.h"

namespace drst {

struct Judgement {
  std::string run_id;
  int64_t row = 0;           ///< newest stream row when it was made; serves from the next one on
  std::string kind;          ///< "promotion": a challenger became live; "return": a former model did again
  std::string from, to;      ///< model keys
  std::string to_metrics;    ///< metrics key of `to`
  double log_e = 0;          ///< natural logarithm of the evidence
  double log_threshold = 0;  ///< what it had to reach
  int64_t labels = 0;        ///< on which both had predicted
  double gain = 0;           ///< mean bounded error of `from` minus that of `to` on them
  double frozen_gain = 0;    ///< of the frozen model minus that of `to`
  std::string reason;        ///< the same in words
};

void write_judgement(ObjectStore& store, const Judgement& judgement);
/// By row; of one run, or of all if `run_id` is empty. What cannot be read is left out with a warning.
std::vector<Judgement> read_judgements(ObjectStore& store, const std::string& run_id);

}  // namespace drst
