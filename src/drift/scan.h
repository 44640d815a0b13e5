// Drift over a table that is at hand: no log, no monitor. For `drst drift scan`, tests and figures. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "drift/detector.h"
#include "table/table.h"

namespace drst {

/// Runs the detector over all rows (row numbers are the table's); each alarm is acknowledged at once, as if
/// the retrainer needed no time. Columns named in `kpis` are not looked at. `points`, if given, receives
/// every evaluation.
std::vector<Alarm> scan(const Table& table, const std::vector<std::string>& kpis,
                        const DriftSettings& settings, uint64_t seed,
                        std::vector<SignalPoint>* points = nullptr);

}  // namespace drst
