// What the retrainer does to the outside, each effect keyed so that doing it again changes nothing. Internal
// to this room.
//
// Order of a publication: model, metrics (with the trigger), proposal to the judge (who alone moves the
// pointer), event, done flag. Whoever restarts finds by the trigger how far it came; a proposal made twice is
// admitted twice, which changes nothing. A refit has no event and no flag: its release is the event.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "learn/model.h"
#include "registry/events.h"
#include "registry/handover.h"
#include "registry/registry.h"
#include "store/store.h"
#include "stream/experts.h"

namespace drst::tuning {

class Publisher {
 public:
  Publisher(Log& log, const std::string& topic, ObjectStore& store, const Clock& clock,
            const RegistrySettings& settings, const ModelLimits& limits);

  /// Baseline and what the pointer names, with their models. nullopt: offline training has not finished
  /// yet. Failure: there, but broken.
  struct Served {
    ReleaseInfo info;
    std::shared_ptr<const Model> model;
  };
  Result<std::optional<Served>> baseline();
  Result<std::optional<Served>> live();

  /// Releases of earlier lives of this retrainer, by trigger; read once at the start.
  [[nodiscard]] const std::map<std::string, ReleaseInfo>& published() const { return published_; }
  Result<Served> load(const ReleaseInfo& info);

  /// What the pointer names; empty: it cannot be read.
  std::string live_key();
  /// Stores the model as a challenger and proposes it, unless a release with this trigger exists, which is
  /// then proposed again. Returns it. `proposal`: run, row and line; the rest is filled in.
  ReleaseInfo propose(const Model& model, ReleaseInfo info, Proposal proposal);
  /// True if the release's recorded gain lets consumers take it.
  [[nodiscard]] bool consumers_would_take(const ReleaseInfo& info) const {
    return info.gain_over_baseline > settings_.gain_margin;
  }

  Handover& handover() { return handover_; }
  std::optional<RetrainEvent> known_answer(const std::string& event) const;
  void answer(const RetrainEvent& event, bool without_labels);

 private:
  Result<Served> load(const Pointer& pointer);

  Log& log_;
  std::string topic_;  ///< of proposals
  ObjectStore& store_;
  const Clock& clock_;
  RegistrySettings settings_;
  ModelLimits limits_;
  Registry registry_;
  Handover handover_;
  std::map<std::string, ReleaseInfo> published_;
  std::map<std::string, RetrainEvent> answers_;
};

}  // namespace drst::tuning
