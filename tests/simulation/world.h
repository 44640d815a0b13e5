// The whole loop in memory under faults, many thousand times (DESIGN, "One loop, two clocks").
//
// Every component is a simulated process with its own handle on one in-memory log and store. By seed,
// processes are killed before or after any of their effects, restarted later under the old name or never,
// paused past their leases and woken, all killed at once by a power cut, and the transport repeats records.
// Afterwards the harness recounts from the raw trace topic, with its own bookkeeping. A failing seed is a bug
// report: DRST_SIMULATION_SEED=N repeats it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "simulation/planted.h"
#include "table/table.h"

namespace drst::testing {

/// What every simulation starts from: trained once.
struct SimulationStart {
  Table offline;
  Table stream;
  std::map<std::string, std::string> objects;  ///< of the store after offline training
};
SimulationStart prepare_simulation();

struct Verdict {
  std::vector<std::string> violations;  ///< empty: the run was right
  int crashes = 0, pauses = 0, power_cuts = 0, ticks = 0;
  int alarms = 0, releases = 0, swaps = 0;
};

Verdict simulate(const SimulationStart& start, uint64_t seed, PlantedBug bug = PlantedBug::none);

}  // namespace drst::testing
