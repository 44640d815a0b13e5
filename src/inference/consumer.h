// The inference consumer (SPEC 7): records in, two predictions a record out. Start here for this room.
//
// `InferenceConsumer` is one member of the group: polls its partitions, decodes, matches inputs by name for
// each model (missing ones imputed inside the model and counted), predicts with the frozen baseline and the
// adaptive model, writes trace rows (trace.h), then commits. Repeats of an id or offset change nothing.
// Records that cannot be used go to the dead-letter topic with the reason. Sentinels end a partition, their
// offset is never committed; another run's are ignored. It leaves when every partition it owns has shown its
// sentinel, or after an idle time-out; it fails if models or a first record never come.
//
// The adaptive prediction is the judge's mixture of experts (mixer.h); without a judge, the live model's.
//
// Effects: dead letters appended, trace appended, offset committed, in this order; each append is durable
// when it returns. A consumer killed between any two of them is repaired by the next owner of the partition,
// which reads the tails of trace and dead letters (partition.h). An owner that lost its lease learns it when
// it commits: what it appended stays, is a repeat, and is dropped by readers of the trace. After an exception
// of step() the consumer recovers its partitions by itself at the next step; it may as well be destroyed.
//
// Files: consumer with consumer_state, _models and _records (this), guard (hot swap), slot (between the two),
// serve, shelf and first_models (a release made ready), predictor and inputs (matching by name), mixer (the
// experts), partition, seen and run_end (what is known of a partition and of the end), trace, meter and
// sketch (figures), settings. Consumer and guard may run on two threads; each belongs to one. Consumer, guard
// and slot live and die together: a new consumer needs a new guard, which then offers it its first model.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/component.h"
#include "base/time.h"
#include "inference/guard.h"
#include "inference/meter.h"
#include "inference/settings.h"
#include "inference/slot.h"
#include "learn/metrics.h"
#include "learn/neighbours.h"
#include "registry/registry.h"
#include "store/store.h"
#include "stream/log.h"
#include "stream/record.h"

namespace drst {

struct ConsumerIdentity {
  std::string topic = "latencyTopic";
  std::string group = "drst-infer";
  std::string member = "infer-0";
  /// Whose sentinels end the stream; empty: the run of the first record seen. Records of any run are
  /// predicted.
  std::string run_id;
  double epsilon = 1e-6;  ///< of the relative error in the figures (model.epsilon)
  WireLimits limits = {};
  NeighbourSettings neighbours = {};  ///< the judge's
  std::string lane = {};              ///< its labels, group and topics (stream/lane.h)
};

class InferenceConsumer final : public Component {
 public:
  /// Waits (idle steps) until a baseline, a first model and the topic are there; FailedError from step() if
  /// they are not in time. `slot` is fed by this consumer's Guard.
  InferenceConsumer(Log& log, ObjectStore& store, const Clock& clock, InferenceSettings settings,
                    ConsumerIdentity identity, ModelSlot& slot);
  ~InferenceConsumer() override;
  [[nodiscard]] std::string_view name() const override;
  Step step() override;

  /// Since this object was made; records handled again after a crash of another are counted where they are
  /// handled.
  struct Counts {
    uint64_t records = 0;  ///< without sentinels and records that were done already
    uint64_t predicted = 0;
    uint64_t duplicates = 0;  ///< repeats of an id
    uint64_t dead_lettered = 0;
    uint64_t imputed = 0;  ///< current-sample inputs, both models together
    uint64_t swaps = 0;    ///< models replaced (the first is none)
    uint64_t foreign_sentinels = 0;
    uint64_t lost_leases = 0;

    Counts& operator+=(const Counts& other);  ///< of another life of the same member
  };
  [[nodiscard]] Counts counts() const;
  /// Cumulative, over records with an inline label; quantiles within 0.4 %.
  [[nodiscard]] Metrics baseline_metrics() const;
  [[nodiscard]] Metrics adaptive_metrics() const;
  /// Called on the consumer's thread, after the commit, once in report_records records and at the end.
  void on_report(std::function<void(const BatchReport&)> callback);
  /// True if it left because nothing came, not because the stream ended.
  [[nodiscard]] bool timed_out() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
