#include "ingest/simulator_settings.h"

namespace drst {
namespace {

void traffic(SettingsVisitor& v, SimulatorSettings& s) {
  v.visit("rate_step_mbps", s.rate_step_mbps, {"Mb/s", "distance of rate levels; combined.csv", 1, 1e5});
  v.visit("line_rate_mbps", s.line_rate_mbps,
          {"Mb/s", "most the generator sends; p90 of combined.csv", 1, 1e6});
  v.visit("frame_bytes", s.frame_bytes,
          {"bytes", "mean frame on the wire, turns Mb/s into packets", 64, 9216});
  v.visit("level_seconds", s.level_seconds, {"s", "a rate level lasts that long; combined.csv", 1, 1e5});
  v.visit("stimulus_rate_mbps", s.stimulus_rate_mbps,
          {"Mb/s", "constant rate of resource-stimulus; median of the public table", 1, 1e6});
  v.visit("rate_jitter", s.rate_jitter, {"1", "relative spread of input_rate inside a level", 0, 1});
  v.visit("output_jitter", s.output_jitter, {"1", "relative spread of output_rate", 0, 1});
  v.visit("path_loss", s.path_loss, {"1", "share lost on the path outside the VNFs", 0, 0.5});
  v.visit("arrival_burst", s.arrival_burst, {"packets", "sent back to back by the generator", 1, 4096});
  v.visit("start_lead_s", s.start_lead_s, {"s", "traffic starts that long before the counters", 0, 0.9});
  v.visit("first_interval", s.first_interval,
          {"1", "the generator's first full interval is short by that factor", 0.1, 1});
}

void core(SettingsVisitor& v, SimulatorSettings& s) {
  v.visit("clock_ghz", s.clock_ghz, {"GHz", "a core's clock; median cycles of the public tables", 0.1, 10});
  v.visit("loop_cycles", s.loop_cycles,
          {"cycles", "between two polls; packets that arrive meanwhile form a burst", 1, 1e6});
  v.visit("max_burst", s.max_burst, {"packets", "most a poll takes; DPDK's usual 32", 1, 4096});
  v.visit("idle_ipc", s.idle_ipc, {"1", "instructions a cycle of empty polling; limit at rate 0", 0.1, 8});
  v.visit("work_ipc", s.work_ipc, {"1", "instructions a cycle of packet work", 0.1, 8});
  v.visit("line_cycles", s.line_cycles, {"cycles", "stall for a line from the LLC, after overlap", 0, 1000});
  v.visit("dram_cycles", s.dram_cycles, {"cycles", "stall for a line from DRAM, about 70 ns", 0, 10000});
  v.visit("schedule_period_s", s.schedule_period_s,
          {"s", "the scheduler's round; a VNF with share s is off for (1 - s) of it", 1e-4, 0.09});
  v.visit("dip_rate", s.dip_rate, {"1/s", "short dips of a core's clock", 0, 1});
  v.visit("dip_seconds", s.dip_seconds, {"s", "length of a dip", 0.01, 0.9});
  v.visit("slow_rate", s.slow_rate, {"1/s", "long episodes at a lower clock, a VNF", 0, 0.1});
  v.visit("slow_seconds_min", s.slow_seconds_min, {"s", "shortest episode", 1, 1e4});
  v.visit("slow_seconds_max", s.slow_seconds_max, {"s", "longest episode", 1, 1e4});
  v.visit("slow_clocks_ghz", s.slow_clocks_ghz,
          {"GHz", "lower clock steps; modes of the public tables", 0.1, 10});
  v.visit("slow_weights", s.slow_weights, {"1", "how often each of them", 0, 1e3});
}

void neighbour(SettingsVisitor& v, SimulatorSettings& s) {
  v.visit("neighbour_start_s", s.neighbour_start_s, {"s", "into the experiment", 0, 1e6});
  v.visit("neighbour_start_spread", s.neighbour_start_spread, {"s", "uniform, either side", 0, 100});
  v.visit("neighbour_seconds", s.neighbour_seconds, {"s", "a neighbour stays that long", 0, 1e6});
  v.visit("core_shares", s.core_shares,
          {"1", "what is left of its core to the VNF: one or three competitors", 0.02, 1});
  v.visit("stimulus_kinds", s.stimulus_kinds,
          {"1", "weights of cpu, cache and memory neighbours in resource-stimulus", 0, 1e3});
  v.visit("intervention_kinds", s.intervention_kinds, {"1", "the same for intervention", 0, 1e3});
  v.visit("cold_lines_per_slice", s.cold_lines_per_slice,
          {"lines", "LLC misses more after each time slice of a CPU neighbour", 0, 1e5});
  v.visit("cpu_neighbour_pressure", s.cpu_neighbour_pressure,
          {"1", "pressure on cache and memory by a CPU neighbour", 0, 1});
  v.visit("evicted_share", s.evicted_share, {"1", "lines driven out to DRAM at full cache pressure", 0, 1});
  v.visit("memory_slowdown", s.memory_slowdown, {"1", "extra stall a line at full memory pressure", 0, 50});
}

void measurement(SettingsVisitor& v, SimulatorSettings& s) {
  v.visit("rate_lag_s", s.rate_lag_s, {"s", "rates tell about that much before the counters", 0, 1});
  v.visit("rate_lag_spread", s.rate_lag_spread, {"s", "between experiments, uniform either side", 0, 0.5});
  v.visit("probe_lead_s", s.probe_lead_s, {"s", "latency tells about that much after the counters", 0, 1});
  v.visit("enabled_share", s.enabled_share, {"1", "time a multiplexed counter runs", 0.02, 1});
  v.visit("uncounted_rate", s.uncounted_rate, {"1/row", "rows in which VNFs are <not counted>", 0, 1});
  v.visit("experiment_spread", s.experiment_spread,
          {"1", "log spread of a counter between experiments", 0, 1});
  v.visit("miss_experiment_spread", s.miss_experiment_spread, {"1", "the same for LLC misses", 0, 2});
  v.visit("cold_experiment_rate", s.cold_experiment_rate,
          {"1", "share of experiments in which a VNF has misses an order higher", 0, 1});
  v.visit("housekeeping_period_s", s.housekeeping_period_s, {"s", "the host's periodic work", 1, 1e6});
  v.visit("housekeeping_misses", s.housekeeping_misses, {"1", "extra LLC misses then, median", 0, 100});
  v.visit("housekeeping_lines", s.housekeeping_lines, {"1", "fewer LLC loads then", 0, 1});
  v.visit("spike_rate", s.spike_rate, {"1/row", "rows with a spike of misses, a VNF", 0, 1});
  v.visit("event_noise", s.event_noise,
          {"1", "relative noise of the twelve events, order of the columns", 0, 2});
  v.visit("noise_memory", s.noise_memory, {"1", "lag-1 correlation of the noise of instructions", 0, 0.99});
  v.visit("latency_floor_us", s.latency_floor_us, {"us", "least latency of a probe", 0, 1e6});
  v.visit("latency_timeout_us", s.latency_timeout_us, {"us", "what a lost probe reads", 0, 1e9});
  v.visit("coalescing_us", s.coalescing_us, {"us", "latency at low rates that follow high ones", 0, 1e6});
  v.visit("missing_latency_rate", s.missing_latency_rate, {"1", "experiments without probes", 0, 1});
}

}  // namespace

void describe(SettingsVisitor& v, SimulatorSettings& s) {
  traffic(v, s);
  core(v, s);
  neighbour(v, s);
  measurement(v, s);
  v.visit("kpis", s.chain.kpis,
          {"",
           "names of the three KPI columns: rate in, rate out, latency. What is no counter to producer and "
           "training is model.kpis"});
  v.visit("vnfs", s.chain.vnfs,
          {"", "names of the five VNFs, in this order: firewall, router, DPI, payload scanner, bridge"});
  v.visit("events", s.chain.events,
          {"", "names of the twelve events of a VNF, in this order; a counter's column is <vnf>_<event>"});
  v.visit("replaced", s.replaced, {"", "VNF that dag-2 replaces"});
  v.visit("replacement", s.replacement, {"", "its new name"});
}

}  // namespace drst
