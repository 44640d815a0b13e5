// The simulator: a service chain with physics behind it, second by second, in the shape of the published
// tables. Start here.
//
// What is simulated (time goes in steps of a tenth of a second; nothing is drawn that a mechanism
// can explain):
//   * traffic: a generator with a load profile (staircase, random levels, constant), a cold start, arrivals
//     in bursts;
//   * VNFs: each busy-polls on a core of its own, so it spends the core's cycles whatever the load; packets
//     turn idle polling (high IPC) into work (low IPC). Cost is paid a burst and a packet, and bursts grow
//     with the load, so counters are concave in the rate. A ring in front of each VNF holds a bounded
//     number of packets; the rest is lost;
//   * the neighbour: a process on a VNF's core takes time slices (the ring overflows while the VNF is off,
//     and its caches are cold when it is back); one on the same socket takes cache and memory bandwidth
//     (more DRAM misses, dearer lines, lower IPC, and output falls where the core was near its limit);
//   * the core's clock: short dips and long episodes at a lower step;
//   * measurement: counters, rates and latency probes run on clocks of their own, so a row's rates tell
//     about the second before its counters; counters are multiplexed (scaled, noisy, now and then not
//     counted at all).
// simulator_physics.h is the VNF, simulator_scenario.h what happens to it when, simulator_counters.h the
// performance monitor, simulator_topology.h who is linked to whom, simulator_settings.h the constants with
// unit and source.
//
// Same specification, same rows (one build); memory does not depend on the number of rows. A Simulator
// belongs to one thread; any number may run side by side.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/simulator_settings.h"
#include "table/table.h"

namespace drst {

enum class Scenario {
  baseline,           ///< a staircase of rates up and down, no neighbour (as combined.csv)
  random_rates,       ///< random rate levels, no neighbour
  resource_stimulus,  ///< constant rate, a neighbour for 20 s of each experiment
  intervention        ///< random rate levels and a neighbour
};
enum class Topology {
  linear,
  dag_1,  ///< the chain forks after its second VNF: two branches carry half the traffic each
  dag_2   ///< forks after the first, and a VNF is replaced by one with another name
          ///< (settings.replaced/replacement)
};
Scenario parse_scenario(std::string_view text);  ///< baseline, random-rates, resource-stimulus, intervention
Topology parse_topology(std::string_view text);  ///< linear, dag-1, dag-2
std::string to_string(Scenario scenario);
std::string to_string(Topology topology);

/// A change of the world at a known row, for studies of drift detection. Factors multiply; several may
/// overlap.
struct SimulationChange {
  enum class What {
    cost,     ///< cycles and cache lines a packet takes (new software, new rule set)
    traffic,  ///< offered rate
    noise     ///< spread of the counters' measurement noise; their level stays
  };
  What what = What::cost;
  std::string vnf = {};  ///< one VNF only; empty: all of them (always so for traffic)
  int64_t from_row = 0;  ///< rows over the whole output, from 0
  /// The factor grows geometrically from 1 at from_row to `factor` here; <= from_row: abrupt.
  int64_t to_row = 0;
  double factor = 1;  ///< > 0
};
/// WHAT[/VNF]@ROW[-ROW]*FACTOR, e.g. "cost/bridge@1000*1.5", "traffic@500-900*0.7", "noise@2000*4".
/// InputError.
SimulationChange parse_change(std::string_view text);

struct SimulationSpec {
  Scenario scenario = Scenario::baseline;
  Topology topology = Topology::linear;
  uint64_t seed = 1;
  int64_t rows = 0;             ///< 0: endless
  int64_t experiment_rows = 0;  ///< 0: as the published tables (179; 45 or 46 with a neighbour)
  std::vector<SimulationChange> changes;
  SimulatorSettings settings;
};

/// What a counter table cannot show: packets of this second, for tests and studies. Counts are of the
/// interval the counters cover.
struct SimulatedTruth {
  double offered_packets = 0;
  double delivered_packets = 0;
  double dropped_packets = 0;     ///< in front of any VNF
  double queued_packets = 0;      ///< in all rings at the end of the second
  int neighbour_vnf = -1;         ///< index of the VNF that shares its core, -1: none
  double neighbour_pressure = 0;  ///< the stronger of cache and memory pressure, 0...1
};

struct SimulatedSecond {
  int64_t row = 0;                ///< over the whole output, from 0
  int64_t experiment = 0;         ///< from 0
  int64_t row_in_experiment = 0;  ///< 0: an experiment begins here
  std::vector<double> values;     ///< in the order of columns(); NaN: not counted
  SimulatedTruth truth;
};

class Simulator {
 public:
  /// InputError if the specification or its settings are out of range.
  explicit Simulator(SimulationSpec spec);
  ~Simulator();
  Simulator(Simulator&&) noexcept;
  Simulator& operator=(Simulator&&) noexcept;

  /// The next second; false when `rows` have been given. `out` is reused: no allocation after the first call.
  bool next(SimulatedSecond& out);
  /// KPIs, then counters event by event (SPEC 3.1).
  [[nodiscard]] const std::vector<std::string>& columns() const;
  /// The chain's VNFs in column order (a replaced one under its new name).
  [[nodiscard]] const std::vector<std::string>& vnfs() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// All rows at once, with experiment starts. InputError if spec.rows is 0 or the table would pass 2^31 cells.
Table simulate_table(const SimulationSpec& spec);

}  // namespace drst
