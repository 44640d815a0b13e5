// Constants of the simulator that are not of one VNF (those: simulator_physics.h), with defaults that
// resemble the public tables. Sources: [C] combined.csv, [S] resource_stimulus_global, [D]
// dag-1_resource_stimulus (see docs/figures.md for how close the result comes), [P] processor or network
// arithmetic. They are rounded on purpose: the aim is the mechanism, not these three files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings.h"
#include "table/table.h"

namespace drst {

struct SimulatorSettings {
  // Traffic
  double rate_step_mbps = 528.3;     // [C] distance of the staircase's steps
  double line_rate_mbps = 9940;      // [C] p90 of input_rate
  double frame_bytes = 448;          // [P] on the wire; sets packets a second from Mb/s
  double level_seconds = 10;         // [C] rows between steps
  double stimulus_rate_mbps = 2113;  // [S] [D] median of input_rate
  double rate_jitter = 1.2e-4;       // [S] residual of input_rate inside a level
  double output_jitter = 3e-4;       // [S] residual of output_rate
  double path_loss = 1.2e-3;         // [S] 1 - median output/input without neighbour
  double arrival_burst = 64;         // [P] packets the generator sends back to back
  double start_lead_s = 0.25;        // [C] [S] row 0 of the rates holds 0.2 to 0.35 s of traffic
  double first_interval = 0.95;      // [C] [S] input_rate of row 1 against its level

  // Core and scheduler
  double clock_ghz = 2.892;          // median of *_cycles in all three tables
  double loop_cycles = 1550;         // [C] curvature of LLC-loads over rate
  double max_burst = 32;             // [P] packets a poll takes at most (DPDK's usual burst)
  double idle_ipc = 3.93;            // [C] instructions/cycles as the rate goes to 0
  double work_ipc = 1.3;             // [P] IPC of packet code that waits for lines
  double line_cycles = 35;           // [P] stall for a line from the LLC after overlap
  double dram_cycles = 200;          // [P] ~70 ns at 2.9 GHz
  double schedule_period_s = 0.024;  // [P] CFS latency target; [S] output/input at 1/2 and 1/4 of a core
  double dip_rate = 0.035;           // [C] [S] a second and VNF
  double dip_seconds = 0.11;         // [C] [S] cycles fall by 6 % in such a row
  double slow_rate = 0.0013;         // [C] [S] [D] episodes a second and VNF
  double slow_seconds_min = 10, slow_seconds_max = 20;       // [C]
  std::vector<double> slow_clocks_ghz = {1.29, 1.89, 2.49};  // [C] [S] [D] modes of *_cycles
  std::vector<double> slow_weights = {0.5, 0.35, 0.15};

  // Neighbour
  double neighbour_start_s = 16.8;  // [S] [D]
  double neighbour_start_spread = 0.3;
  double neighbour_seconds = 20;                   // [S] [D]
  std::vector<double> core_shares = {0.5, 0.25};   // [S] [D] one or three competitors
  std::vector<double> stimulus_kinds = {1, 0, 0};  // cpu, cache, memory: [S] has CPU hogs only
  std::vector<double> intervention_kinds = {0.6, 0.2, 0.2};
  double cold_lines_per_slice = 28;       // [S] LLC misses a slice of the contended VNF has more
  double cpu_neighbour_pressure = 0.002;  // [S] others' misses do not rise: a CPU hog fits its own caches
  double evicted_share = 0.02;            // [S] spikes of misses reach 2 % of the loads
  double memory_slowdown = 1.5;           // [P] extra stall a line under full memory pressure, in line_cycles

  // Measurement
  double rate_lag_s = 0.95;  // [C] [S] [D] rates are of the second before the counters'
  double rate_lag_spread = 0.05;
  double probe_lead_s = 1.0;         // [S] latency sees the neighbour a row earlier
  double enabled_share = 0.4;        // [P] time a multiplexed counter runs: 12 events on some 5 counters
  double uncounted_rate = 2e-4;      // [C] rows in which some VNFs were not counted
  double experiment_spread = 0.004;  // [S] between medians of experiments, log
  double miss_experiment_spread = 0.1;
  double cold_experiment_rate = 0.002;  // [C] share of (experiment, VNF) with misses an order higher
  double housekeeping_period_s = 10;    // [S] spikes of misses, all VNFs
  double housekeeping_misses = 1.6;     // [S] median extra misses in such a row, in units of the usual
  double housekeeping_lines = 0.07;     // [S] LLC loads fall by that
  double spike_rate = 0.0015;           // [S] rows a VNF with very many misses
  std::vector<double> event_noise = {0.011,  0.0074, 0.0095, 0.0098, 0.20, 0.006, 2e-5,
                                     0.0052, 0.0042, 0.26,   0.0145, 0.012};  // [C] [S], events of SPEC 3.1
  double noise_memory = 0.3;  // [S] lag-1 correlation of the residual of instructions

  // Latency
  double latency_floor_us = 5.9;       // [C] minimum
  double latency_timeout_us = 15000;   // [S] lost probes
  double coalescing_us = 250;          // [C] at low rates after high ones
  double missing_latency_rate = 0.02;  // [S] experiments without probes

  ChainSchema chain;                      // names only: what each does and counts goes by its place
  std::string replaced = "payload_scan";  // dag-2: a VNF the model never saw
  std::string replacement = "flow_tracker";
};

void describe(SettingsVisitor& visitor, SimulatorSettings& settings);

}  // namespace drst
