// The retrainer (SPEC 9): keeps the adaptive model close to the world, as a component. Start here for tuning.
//
// Follows the stream as its own exclusive group and keeps a bounded memory of labelled rows (memory.h), each
// with what baseline, live model and challenger predicted for it when it came, so that every comparison is
// between predictions made before the label was known.
//  * On drift (a pending hand-over) it answers with a search over the tier's grid (answer.h; of trees: with a
//    refit that is judged alike): proposes a winner that beats the live model on the newest labelled rows,
//    which the winner never saw, or says why not. It always ends with the done flag; each answer is a
//    RetrainEvent.
//  * Between drifts, every `refit_every_labels` labels (of trees, which cost more:
//    `tree_refit_every_labels`), where those are near one another, the line of refits (refit_line.h: the
//    baseline at first) learns from the memory and is proposed. Networks are fine-tuned, refit upon refit,
//    and a line of them that fell behind the baseline begins anew; trees begin anew each time.
// What it proposes is stored as a release in state "challenger"; the judge (judge.h) weighs it, and alone
// moves the pointer. No label is used before it arrived. `busy_rows`: on the virtual clock a result takes
// effect so many stream rows after the work began. Effects are keyed: a release's `trigger` is the drift
// event's id, or refit-<run>-<row>; after a crash the log is read again from its start, published releases
// are adopted where they were made and nothing is published twice. Randomness comes from the seed and the
// trigger. Files: retrainer (this: the component; retrainer_state, _refit, _answer), memory, refit_line
// (network_line, tree_line, refit), answer, judging, publisher (effects), grid and race (the search).
#pragma once

#include <memory>
#include <string>

#include "base/component.h"
#include "base/settings.h"
#include "base/time.h"
#include "learn/model_limits.h"
#include "learn/settings.h"
#include "registry/registry.h"
#include "store/store.h"
#include "stream/log.h"
#include "stream/record.h"
#include "stream/settings.h"
#include "table/table.h"
#include "telemetry/metric_stream.h"
#include "tuning/grid.h"

namespace drst {

struct TuningSettings {
  double first_record_timeout_s = 600;  ///< 0: none, as below
  double idle_timeout_s = 30;
  double offline_weight = 0.1;
  int64_t memory_rows = 2000;
  double memory_decay = 100;
  int64_t waiting_rows = 10'000;
  double margin = 0.0;
  int64_t threads = 2;
  // answers to drift
  int64_t min_labels = 40;
  double validation_share = 0.15;
  int64_t min_validation = 20;
  double answer_z = 2;
  int64_t gap_rows = 2;
  int64_t search_rows = 256;
  int64_t new_column_rows = 100;
  int64_t kept_starts = 16;
  // refits
  int64_t refit_every_labels = 10;
  int64_t refit_span_rows = 100;
  int64_t refit_steps = 100;
  int64_t refit_batch = 32;
  double refit_learning_rate = 1e-3;
  double refit_final_rate_share = 0.05;
  double refit_weight_decay = 0;
  double refit_noise = 0;
  // refits of models without networks
  int64_t tree_refit_every_labels = 50;
  int64_t gbt_refit_rounds = 30;
  int64_t gbt_refit_depth = 4;
  double gbt_refit_learning_rate = 0.1;
  // track record
  int64_t track_rows = 200;
  double rows_a_fact = 3;
  double restart_z = 2;
  GridSettings grid;
};
void describe(SettingsVisitor& visitor, TuningSettings& settings);

struct RetrainerOptions {
  std::string topic = "latencyTopic";
  std::string run_id;  ///< empty: the run of the first record seen
  std::string member = "retrainer";
  std::string target = "output_rate";
  std::string lane;  ///< its labels, group and topics (stream/lane.h)
  std::string family = "auto";
  ModelSettings model = {};  ///< as offline: how trees are grown anew
  uint64_t seed = 1;
  int64_t busy_rows = 0;
  double epsilon = 1e-6;             ///< of the relative error, as the model's
  double target_floor_share = 0.01;  ///< targets below that share of the median, as the model's
  ReaderSettings reader = {};
  ModelLimits model_limits = {};
  WireLimits limits = {};
  MetricStream* metrics = nullptr;  ///< gets the time of each answer and refit; must outlive the retrainer
};

class Retrainer final : public Component {
 public:
  /// `offline`: the offline training table (raw columns, KPIs included). InputError if it lacks the target.
  Retrainer(Log& log, ObjectStore& store, const Clock& clock, TuningSettings settings,
            RegistrySettings registry, RetrainerOptions options, Table offline);
  ~Retrainer() override;
  [[nodiscard]] std::string_view name() const override { return "retrainer"; }
  Step step() override;
  [[nodiscard]] double helper_cpu_s() const override;

  struct Counts {
    uint64_t samples = 0, labels = 0, orphan_labels = 0, refits = 0, published_refits = 0, answers = 0,
             published_answers = 0;
    uint64_t restarts = 0;  ///< refits that began from the baseline since the line had fallen behind it
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
