// Hot swap (SPEC 7): brings new releases to one consumer without ever standing in its way.
//
// `Guard` polls the pointer by the injected clock; a new release is loaded, its size, SHA-256 and inputs are
// verified, and one prediction warms it up, all aside; then it is offered through the slot. The gate: it is
// offered if it is the first release of this registry, or was live before (a rollback), or if its recorded
// gain over the baseline exceeds the margin. On any failure the current model stays; each cause is warned of
// once and every occurrence counted, and since broken objects may be repaired it is tried again at the next
// poll. A guard that has offered nothing yet (a restarted consumer must have some model) and finds the
// pointer unusable goes back along the audit trail to the newest release that passes, and last to the
// baseline. It also notes in the store which models the consumer has taken, so that no store is waited for on
// the record path. Releases of the judge's lines it makes ready when the consumer asks for them (slot.h):
// they are not gated, since their weight is the judge's business. Belongs to one thread, which may be another
// than its consumer's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/component.h"
#include "base/time.h"
#include "inference/settings.h"
#include "inference/slot.h"
#include "registry/registry.h"
#include "store/store.h"

namespace drst {

class Guard final : public Component {
 public:
  Guard(ObjectStore& store, const Clock& clock, InferenceSettings settings, RegistrySettings registry,
        std::string consumer, ModelSlot& slot);
  ~Guard() override;
  [[nodiscard]] std::string_view name() const override;  ///< "guard-<consumer>"
  Step step() override;                                  ///< never done; the runner ends it with its consumer

  struct Counts {
    uint64_t polls = 0;    ///< of the pointer
    uint64_t offers = 0;   ///< models put into the slot
    uint64_t refused = 0;  ///< releases that did not pass the gate
    /// Polls at which pointer or release could not be used, and experts that could not.
    uint64_t failures = 0;
    uint64_t experts = 0;  ///< releases made ready for the judge's lines
  };
  [[nodiscard]] Counts counts() const;
  /// Model key of what was offered last; empty: nothing yet.
  [[nodiscard]] const std::string& offered() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
