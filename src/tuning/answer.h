// The answer to a drift: a search for a better model, judged honestly. Pure but for the time it measures.
// Internal to this room.
//
// The labelled rows of the frozen window and since are cut in time: the newest share judges, what lies before
// (less a gap) trains, together with the older memory and the offline table at its low weight. Candidates
// race on a weighted sample of the training rows (grid.h), starting from a model that saw no judging row; the
// winner is trained on with everything but the judging rows, and compared there with what baseline and live
// model predicted for these rows when they came, on mean(min(e, 1)). Only if it beats both by the margin does
// it learn from the judging rows, too, and is published. That is how networks are looked for (answer.cpp);
// trees are judged in the same way, and found as tree_line.h says. What both share is in judging.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "learn/model.h"
#include "registry/handover.h"
#include "tuning/memory.h"
#include "tuning/refit.h"
#include "tuning/retrainer.h"

namespace drst::tuning {

struct Question {
  const Memory* memory = nullptr;
  /// As frozen by the monitor; rows of it that the memory lacks are added if they have labels.
  DriftWindow window;
  const Table* offline = nullptr;
  std::string target;
  Tier tier = Tier::none;
  /// Of the candidates' start: a model of the live line that has learned from none of the judging rows.
  /// `trained_labels`: Memory::labels_seen() when it was made.
  struct Start {
    Network network;
    uint64_t trained_labels = 0;
  };
  std::vector<Start> starts;  ///< oldest first; the first has learned from no label of the stream; of
                              ///< networks only
  double epsilon = 1e-6;
  double target_floor_share = 0.01;
  uint64_t seed = 1;
};

struct Answer {
  bool better = false;  ///< publish `model`
  std::string reason;
  std::shared_ptr<const Model> model;  ///< null unless `better`
  int64_t candidates = 0;
  int64_t labels = 0;  ///< labelled rows of the stream that took part
  std::string winner;  ///< the winning candidate in words
  double val_rmse = 0, live_val_rmse = 0;
  double val_loss = 0, live_val_loss = 0, baseline_val_loss = 0;
  double helper_cpu_s = 0;  ///< measured: CPU of the search's threads other than the caller's
};

/// Of networks.
Answer answer_drift(const Question& question, const TuningSettings& settings);

}  // namespace drst::tuning
