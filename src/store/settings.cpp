#include "store/settings.h"

namespace drst {

void describe(SettingsVisitor& visitor, StoreSettings& s) {
  visitor.visit("leftover_age_s", s.leftover_age_s,
                {"s",
                 "Age at which the temporary file of a crashed writer is removed from a local store. Far "
                 "above the time "
                 "that any write takes, so that no living writer loses its file.",
                 60, 1e9});
}

}  // namespace drst
