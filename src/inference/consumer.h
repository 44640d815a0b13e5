// Consumer and guard (SPEC 7): records in, two predictions a record out, models swapped under it.
//
// `InferenceConsumer` is one member of the group: polls its partitions, decodes, matches inputs by name for each model (missing ones imputed
// inside the model and counted), predicts with the frozen baseline and the adaptive model, writes trace rows (trace.h), then commits. Repeats of an id or offset
// change nothing. Records that cannot be used go to the dead-letter topic with the reason. Sentinels end a partition, their offset is never
// committed; another run's are ignored. It leaves when every partition it owns has shown its sentinel, or after an idle time-out.
// `Guard` polls the pointer, loads, verifies and warms the new release aside, and offers it through the slot when its recorded gain over the baseline
// exceeds the margin (the first release, and a rollback to one that was live, pass); on any failure the current model stays, with one warning a cause.
// Consumer and guard may run on two threads; each belongs to one.
#pragma once

#include <memory>
#include <string>

#include "base/component.h"
#include "base/settings.h"
#include "base/time.h"
#include "inference/slot.h"
#include "learn/metrics.h"
#include "registry/registry.h"
#include "store/store.h"
#include "stream/log.h"

namespace drst {

struct InferenceSettings {
  int64_t batch = 64;                ///< most records a step
  double max_missing_fraction = 0.5; ///< of the current-sample inputs; beyond: dead letter
  double idle_timeout_s = 30;
  double lease_s = 10;
  double poll_interval_s = 1;        ///< guard: how often the pointer is read (by the injected clock)
  double epsilon = 1e-6;             ///< of the relative error
  // ... with unit, default, reason each
};
void describe(SettingsVisitor& visitor, InferenceSettings& settings);

struct ConsumerIdentity {
  std::string topic = "latencyTopic";
  std::string group = "drst-infer";
  std::string member = "infer-0";
  std::string run_id;                ///< empty: any; sentinels must then match the run of the records seen
};

class InferenceConsumer final : public Component {
 public:
  /// Waits (idle steps) until a baseline and a first model are there. `slot` is fed by this consumer's Guard.
  InferenceConsumer(Log& log, ObjectStore& store, const Clock& clock, InferenceSettings settings, ConsumerIdentity identity, ModelSlot& slot);
  ~InferenceConsumer() override;
  [[nodiscard]] std::string_view name() const override;
  Step step() override;

  struct Counts {
    uint64_t records = 0, predicted = 0, duplicates = 0, dead_lettered = 0, imputed = 0, swaps = 0, foreign_sentinels = 0, lost_leases = 0;
  };
  [[nodiscard]] Counts counts() const;
  [[nodiscard]] Metrics baseline_metrics() const;   ///< cumulative, over records with an inline label
  [[nodiscard]] Metrics adaptive_metrics() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Guard final : public Component {
 public:
  Guard(ObjectStore& store, const Clock& clock, InferenceSettings settings, RegistrySettings registry, std::string consumer, ModelSlot& slot);
  ~Guard() override;
  [[nodiscard]] std::string_view name() const override;
  Step step() override;   ///< never done; the runner ends it with its consumer

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
