// Settings of the object store.
#pragma once

#include <cstdint>

#include "base/settings.h"

namespace drst {

struct StoreSettings {
  int64_t leftover_age_s = 3'600;
};

void describe(SettingsVisitor& visitor, StoreSettings& settings);

}  // namespace drst
