// What the retrainer does to the outside, each effect keyed so that doing it again changes nothing. Internal
// to this room.
//
// Order of a publication: model, metrics (with the trigger), pointer, event, done flag. Whoever restarts
// finds by the trigger how far it came.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "learn/model.h"
#include "nn/network.h"
#include "registry/events.h"
#include "registry/handover.h"
#include "registry/registry.h"
#include "store/store.h"

namespace drst::tuning {

class Publisher {
 public:
  Publisher(ObjectStore& store, const Clock& clock, const RegistrySettings& settings);

  /// Baseline and what the pointer names, with their networks. nullopt: offline training has not finished
  /// yet. Failure: there, but broken.
  struct Served {
    ReleaseInfo info;
    Network network;
  };
  Result<std::optional<Served>> baseline();
  Result<std::optional<Served>> live();
  /// The release the pointer named first: what a rollback goes back to.
  Result<Served> first();

  /// Releases of earlier lives of this retrainer, by trigger; read once at the start.
  [[nodiscard]] const std::map<std::string, ReleaseInfo>& published() const { return published_; }
  Result<Served> load(const ReleaseInfo& info);

  /// Publishes and points to it, unless a release with this trigger exists, which is then pointed to if it
  /// never was live. Returns it.
  ReleaseInfo publish(const Network& network, ReleaseInfo info, const std::string& reason);
  void roll_back(const ReleaseInfo& to, const std::string& reason);
  /// True if the release's recorded gain lets consumers take it.
  [[nodiscard]] bool consumers_would_take(const ReleaseInfo& info) const {
    return info.gain_over_baseline > settings_.gain_margin;
  }

  Handover& handover() { return handover_; }
  std::optional<RetrainEvent> known_answer(const std::string& event) const;
  void answer(const RetrainEvent& event, bool without_labels);

 private:
  Result<Served> load(const Pointer& pointer);

  ObjectStore& store_;
  RegistrySettings settings_;
  Registry registry_;
  Handover handover_;
  std::map<std::string, ReleaseInfo> published_;
  std::map<std::string, RetrainEvent> answers_;
};

}  // namespace drst::tuning
