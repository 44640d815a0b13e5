// The retrainer (SPEC 9): answers a drift hand-over with a better model or a reason why not, as a component.
//
// Follows the stream as its own exclusive group to keep a bounded memory of labelled rows (rebuilt from the log after a restart) and labels that arrive after a
// snapshot; on a pending trigger it takes the frozen window, the memory and the offline table (at low weight), searches the tier's grid (grid.h), and publishes a winner that beats the
// live model on honest, time-blocked validation by the margin, on mean(min(e, 1)). It always ends with the done flag. Each answer is a RetrainEvent.
// `busy_rows`: on the virtual clock a result takes effect so many stream seconds after the trigger was seen.
// All effects are keyed by the drift event's id: a crash between any two of them and a repeat change nothing.
#pragma once

#include <memory>
#include <string>

#include "base/component.h"
#include "base/settings.h"
#include "base/time.h"
#include "registry/registry.h"
#include "store/store.h"
#include "stream/log.h"
#include "table/table.h"

namespace drst {

struct TuningSettings {
  double offline_weight = 0.1;
  int64_t memory_rows = 2000;
  double margin = 0.0;
  int64_t threads = 2;
  // the A/B/C grids, shortlist sizes, epochs, patience, validation share and blocks, least labels, ...
};
void describe(SettingsVisitor& visitor, TuningSettings& settings);

struct RetrainerOptions {
  std::string topic = "latencyTopic";
  std::string run_id;
  std::string member = "retrainer";
  std::string target = "output_rate";
  std::string family = "auto";
  uint64_t seed = 1;
  int64_t busy_rows = 0;
  double idle_timeout_s = 30;
  double epsilon = 1e-6;
};

class Retrainer final : public Component {
 public:
  /// `offline`: the offline training table (raw columns, KPIs included).
  Retrainer(Log& log, ObjectStore& store, const Clock& clock, TuningSettings settings, RegistrySettings registry, RetrainerOptions options, Table offline);
  ~Retrainer() override;
  [[nodiscard]] std::string_view name() const override { return "retrainer"; }
  Step step() override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
