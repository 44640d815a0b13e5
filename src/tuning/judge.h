// The judge: says how much each expert counts, and alone moves the pointer. Start here for "adaptation that
// cannot hurt".
//
// Its own exclusive group on the topic, beside the retrainer. Each sample is predicted when it comes, by
// every contestant that is there then: the frozen baseline, the live model, the newest release of each line
// that the retrainer proposes, the challenger under test, former live models; and the label that arrived
// last. When the sample's label arrives, the bounded losses min(e, 1) of these predictions are compared; what
// learned from the label was not there yet. Two things follow:
//
//  * Weights (learn/shares.h) over frozen, live, lines, neighbours (learn/neighbours.h) and last label move
//    at once, and go to the consumers as an ExpertState on <topic>-experts; the labelled row goes to
//    <topic>-memory, for the neighbours. Their regret against the frozen model is bounded whatever comes. A
//    drift alarm of the monitor sets them back to where they began: what they learned is of a world that is
//    gone, and where labels are few it takes long to unlearn.
//  * The pointer moves on evidence only (evidence.h). One challenger at a time is tested against the live
//    model: it becomes live when a paired test that may be looked at after each label rejects "no better"
//    at `alpha`, so a challenger that is no better becomes live with probability at most alpha, however
//    long it is watched, and only if the frozen model did no better on the same rows. A challenger that
//    shows nothing after `patience_labels` gives way to the newest one. The other way: the frozen model and
//    the last few former live ones are watched by detectors that on average take at least
//    `false_rollback_labels` labels to speak up without cause; the one that does becomes live again. So a
//    regime that returns finds its old release.
//
// Each move leaves a Judgement with its evidence. Effects in this order: judgement, pointer, expert state; a
// judgement is keyed by run and row. After a crash the log is read again from its start: what was judged is
// done again at its row, and nothing new is judged before the last of it. One judge acts, the group's only
// member: whoever was stopped for longer than its lease writes nothing when it wakes, but what it was in the
// middle of. That can only be an older release that was live by its own evidence; the judge that has the
// lease sees it at its next step, by the audit trail, and sets the pointer right.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/component.h"
#include "base/settings.h"
#include "base/time.h"
#include "learn/model_limits.h"
#include "learn/neighbours.h"
#include "registry/registry.h"
#include "store/store.h"
#include "stream/log.h"
#include "stream/record.h"
#include "stream/settings.h"

namespace drst {

struct JudgeSettings {
  // weights
  double rate = 8;
  double whole_error = 0.4;
  double share = 0.003;
  double frozen_weight = 0.7;
  double neighbours_weight = 0.7;
  bool last_label = false;
  bool restart_on_drift = true;
  NeighbourSettings neighbours;
  // pointer
  double alpha = 0.01;
  int64_t patience_labels = 40;
  double false_rollback_labels = 10'000;
  int64_t former_models = 3;
  int64_t waiting_rows = 10'000;
  double heartbeat_s = 10;
};
void describe(SettingsVisitor& visitor, JudgeSettings& settings);

struct JudgeOptions {
  std::string topic = "latencyTopic";
  std::string run_id;  ///< empty: the run of the first record seen
  std::string member = "judge";
  std::string lane;  ///< its labels, group and topics (stream/lane.h)
  double epsilon = 1e-6;
  double first_record_timeout_s = 600;  ///< as TuningSettings
  double idle_timeout_s = 30;
  ReaderSettings reader = {};
  ModelLimits model_limits = {};
  WireLimits limits = {};
};

class Judge final : public Component {
 public:
  /// Log, store and clock must outlive it. InputError for settings that do not fit.
  Judge(Log& log, ObjectStore& store, const Clock& clock, JudgeSettings settings, RegistrySettings registry,
        JudgeOptions options);
  ~Judge() override;
  [[nodiscard]] std::string_view name() const override { return "judge"; }
  Step step() override;

  struct Counts {
    uint64_t samples = 0;
    uint64_t labels = 0;            ///< that met their sample
    uint64_t unmatched_labels = 0;  ///< of no sample known, or too late
    /// Of rows that an earlier life had read, and this one has not read again: no fault of theirs.
    uint64_t earlier_labels = 0;
    uint64_t duplicate_labels = 0;  ///< of a sample that had its label
    uint64_t proposals = 0, unusable_proposals = 0;
    uint64_t promotions = 0, rollbacks = 0;
    uint64_t pointer_repairs = 0;  ///< moves by a judge that had lost its lease, undone
    uint64_t restarts = 0;         ///< of the weights, at a drift alarm
  };
  [[nodiscard]] Counts counts() const;
  /// Whether it has ever been let into its group. Of the thread that steps it.
  [[nodiscard]] bool joined() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
