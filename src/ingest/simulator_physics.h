// One VNF on one core: packets in, packets and work out.
//
// The VNF polls its ring without pause. A poll that finds packets takes them as a burst; the burst's size is
// what arrived since the last poll, so it grows with the rate and with a slower clock, and what a burst costs
// once (ring indices, prefetch misses) is spread over more packets. With a share s < 1 of the core it is off
// for (1 - s) of each scheduling round: its ring keeps what fits, the rest is lost, and what was kept is
// worked off in full bursts. If the core cannot keep up, bursts grow to the limit, then the ring fills, then
// packets are lost.
#pragma once

#include <array>

#include "ingest/simulator_settings.h"
#include "ingest/simulator_topology.h"

namespace drst::sim {

/// What packets cost one VNF. Source: least squares on the medians of combined.csv at its nine rates, rounded
/// (cycles: from the instructions that polling loses, at idle_ipc and work_ipc, less the lines' stalls);
/// ring: output/input under a neighbour in the stimulus tables.
struct VnfCosts {
  double packet_cycles;       ///< own cycles a packet, without stalls for lines
  double burst_cycles;        ///< a burst
  double packet_loads;        ///< LLC loads a packet
  double burst_loads;         ///< a burst
  double packet_stores;       ///< LLC stores a packet
  double burst_stores;        ///< a burst
  double idle_misses;         ///< DRAM misses a second of empty polling
  double packet_misses;       ///< a packet
  double burst_misses;        ///< a burst
  double packet_mispredicts;  ///< mispredicted branches a packet
  double burst_mispredicts;   ///< a burst
  double l1_over_llc;         ///< L1 load misses by LLC references
  double load_miss_share;     ///< LLC-load-misses by cache-misses
  double ring_packets;        ///< slots that hold packets while the VNF is off
};
const std::array<VnfCosts, kVnfs>& vnf_costs();

/// What the world is to one VNF during one step.
struct Conditions {
  double arrivals = 0;      ///< packets/s
  double share = 1;         ///< of the core
  double period_s = 0.024;  ///< scheduling round
  double clock_hz = 2.9e9;
  double cost_factor = 1;      ///< on cycles and lines
  double load_factor = 1;      ///< on LLC loads (the deployment's)
  double cache_pressure = 0;   ///< 0...1
  double memory_pressure = 0;  ///< 0...1
  bool operator==(const Conditions&) const = default;
};

/// Rates, all a second.
struct Service {
  double processed = 0;  ///< packets
  double lost = 0;       ///< packets refused by the ring
  double bursts = 0;
  double busy_cycles = 0;
  double idle_cycles = 0;
  double evicted_lines = 0;  ///< lines fetched from DRAM because of cache pressure
};

/// Serves `c` for `dt` seconds; `queue` (packets, 0...ring) carries over.
Service serve(const VnfCosts& costs, const SimulatorSettings& machine, const Conditions& c, double dt,
              double& queue);

}  // namespace drst::sim
