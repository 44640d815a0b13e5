#include "ingest/simulator_physics.h"

#include <algorithm>
#include <cmath>

namespace drst::sim {

const std::array<VnfCosts, kVnfs>& vnf_costs() {
  // clang-format off
  static constexpr std::array<VnfCosts, kVnfs> table = {{
    //  cycles/packet,burst  loads/packet,burst  stores/packet,burst  misses idle,packet,burst  mispred.  L1/LLC miss share ring
    {   115,  800,           3.8, 11.9,          1.6, 5.3,            300, 0,      0.0042,     1.05, 1.0, 1.070, 0.77, 1900},
    {   115,  580,           3.5,  6.8,          1.4, 5.9,            300, 0,      0.0042,     1.15, 0.5, 1.065, 0.67, 1650},
    {    10,  760,           5.3,  7.9,          1.6, 4.8,            300, 0.0010, 0.0030,     1.40, 0.5, 1.053, 0.70, 1550},
    {    10,  650,           5.2, 10.6,          1.4, 5.7,            300, 0,      0.0040,     1.25, 0.3, 1.060, 0.75, 1450},
    {    90,  950,           0.2, 16.0,          1.4, 4.3,            500, 0,      0.0022,     0.60, 1.7, 1.031, 0.63,  950},
  }};
  // clang-format on
  return table;
}

Service serve(const VnfCosts& costs, const SimulatorSettings& machine, const Conditions& c, double dt,
              double& queue) {
  const double evicted = machine.evicted_share * c.cache_pressure;
  const double line = machine.line_cycles * (1 + machine.memory_slowdown * c.memory_pressure) +
                      evicted * machine.dram_cycles * (1 + c.memory_pressure);
  const double per_packet = c.cost_factor * (costs.packet_cycles + costs.packet_loads * c.load_factor * line);
  const double per_burst = c.cost_factor * (costs.burst_cycles + costs.burst_loads * c.load_factor * line);

  const double burst = std::min(machine.max_burst, 1 + c.arrivals * machine.loop_cycles / c.clock_hz);
  const double direct = c.arrivals * c.share;  // arrive while the VNF is on
  const double held = std::min(c.arrivals - direct, costs.ring_packets / c.period_s * (c.share < 1 ? 1 : 0));
  const double admitted = direct + held;
  const double capacity = c.clock_hz * c.share;

  Service s;
  s.lost = c.arrivals - admitted;
  double bursts = direct / burst + held / machine.max_burst;
  const double wanted = admitted * per_packet + bursts * per_burst;
  const double least = per_packet + per_burst / machine.max_burst;  // cycles a packet in full bursts
  if (wanted <= capacity && queue <= 0) {
    s.processed = admitted;
    s.busy_cycles = wanted;
  } else {
    // Overload: bursts grow until the work fits, then the ring takes the rest, then it overflows.
    s.processed = std::min(capacity / least, admitted + queue / dt);
    queue = std::max(0.0, queue + (admitted - s.processed) * dt);
    const double overflow = std::max(0.0, queue - costs.ring_packets);
    queue -= overflow;
    s.lost += overflow / dt;
    s.busy_cycles = std::min(capacity, s.processed * (per_packet + per_burst / burst));
    bursts =
        std::max(s.processed / machine.max_burst, (s.busy_cycles - s.processed * per_packet) / per_burst);
  }
  // Arrivals come in batches: near saturation a ring overflows now and then though it is wide enough on
  // average (diffusion limit of a finite queue: P(full) ~ exp(-2 (1 - rho) ring / batch)).
  const double rho = s.processed * least / capacity;
  const double exponent = 2 * std::max(0.0, 1 - rho) * costs.ring_packets / machine.arrival_burst;
  if (exponent < 30) {
    const double batch_loss = 0.02 * std::exp(-exponent) * s.processed;
    s.processed -= batch_loss;
    s.lost += batch_loss;
  }
  s.bursts = bursts;
  s.idle_cycles = std::max(0.0, capacity - s.busy_cycles);
  s.evicted_lines = evicted * c.cost_factor * c.load_factor *
                    (s.processed * costs.packet_loads + bursts * costs.burst_loads);
  return s;
}

}  // namespace drst::sim
