// Six mistakes that a system of this kind can make, planted from outside, to prove that the harness would
// notice them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "simulation/decorators.h"

namespace drst::testing {

enum class PlantedBug {
  none,
  offset_before_effect,  ///< a consumer commits what it has read before its predictions are durable
  pointer_before_model,  ///< the pointer is written before the model that it names
  no_sync,               ///< log and store say "durable" of what a power cut takes away
  no_dedupe,             ///< a restarted consumer does not look up what has been done already
  sentinel_committed,    ///< the end mark of a partition is committed, so that an heir never sees it
  stale_lock             ///< the retrain lock of a dead retrainer never expires
};
inline constexpr PlantedBug all_bugs[] = {PlantedBug::offset_before_effect,
                                          PlantedBug::pointer_before_model,
                                          PlantedBug::no_sync,
                                          PlantedBug::no_dedupe,
                                          PlantedBug::sentinel_committed,
                                          PlantedBug::stale_lock};
std::string to_text(PlantedBug bug);

/// The log as a process with this bug sees it.
std::unique_ptr<Log> plant(PlantedBug bug, Log& log, const std::string& topic);
/// The store as a process with this bug sees it.
std::unique_ptr<ObjectStore> plant(PlantedBug bug, ObjectStore& store);

}  // namespace drst::testing
