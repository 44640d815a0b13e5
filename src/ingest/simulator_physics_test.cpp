// The VNF alone, then the whole chain: does contention do what contention does?
#include "ingest/simulator_physics.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <cmath>

#include "ingest/simulator.h"
#include "ingest/simulator_counters.h"

namespace drst::sim {
namespace {

const SimulatorSettings kMachine;

Service steady(Conditions c, std::size_t v = 0) {
  double queue = 0;
  Service s;
  for (int i = 0; i < 50; ++i) s = serve(vnf_costs()[v], kMachine, c, 0.1, queue);
  return s;
}
Conditions at(double mbps) {
  Conditions c;
  c.arrivals = mbps * 1e6 / 8 / kMachine.frame_bytes;
  c.clock_hz = kMachine.clock_ghz * 1e9;
  return c;
}
Conditions any_conditions() {
  Conditions c = at(*rc::gen::inRange(1, 12'000));
  c.share = *rc::gen::inRange(10, 101) / 100.0;
  c.clock_hz = *rc::gen::inRange(3, 31) * 1e8;
  c.cost_factor = *rc::gen::inRange(5, 40) / 10.0;
  c.cache_pressure = *rc::gen::inRange(0, 11) / 10.0;
  c.memory_pressure = *rc::gen::inRange(0, 11) / 10.0;
  return c;
}

TEST(Vnf, SpendsTheWholeCoreWhateverTheLoad) {
  for (const double mbps : {0.0, 500.0, 5000.0, 9900.0}) {
    const Service s = steady(at(mbps));
    EXPECT_NEAR(s.busy_cycles + s.idle_cycles, 2.892e9, 1);
    EXPECT_EQ(s.lost, 0) << "a full core keeps up with the line";
  }
}

TEST(Vnf, BurstsGrowWithTheRateSoAPacketGetsCheaper) {
  const Service slow = steady(at(500)), fast = steady(at(9000));
  EXPECT_LT(fast.busy_cycles / fast.processed, 0.7 * slow.busy_cycles / slow.processed);
  EXPECT_GT(fast.processed / fast.bursts, 2);
}

TEST(Vnf, HalfACoreLosesWhatItsRingCannotHold) {
  Conditions c = at(2113);
  c.share = 0.5;
  const Service s = steady(c);
  const double room = vnf_costs()[0].ring_packets / c.period_s;
  EXPECT_NEAR(s.processed, 0.5 * c.arrivals + room, 1);
  EXPECT_NEAR(s.lost, 0.5 * c.arrivals - room, 1);
}

TEST(Vnf, AQueueFillsUnderOverloadAndDrainsAfter) {
  Conditions c = at(9900);
  c.clock_hz = 0.6e9;
  double queue = 0;
  const VnfCosts& k = vnf_costs()[0];
  for (int i = 0; i < 20; ++i) {
    const Service s = serve(k, kMachine, c, 0.1, queue);
    if (i > 2) {
      EXPECT_GT(s.lost, 0);
    }
    EXPECT_LE(queue, k.ring_packets);
  }
  EXPECT_NEAR(queue, k.ring_packets, 1);
  Conditions calm = at(500);
  const Service s = serve(k, kMachine, calm, 0.1, queue);
  EXPECT_EQ(queue, 0);
  EXPECT_GT(s.processed, calm.arrivals) << "the queue's packets leave as well";
}

RC_GTEST_PROP(VnfProperty, KeepsItsBooks, ()) {
  const Conditions c = any_conditions();
  const auto v = *rc::gen::inRange<std::size_t>(0, kVnfs);
  double queue = *rc::gen::inRange(0, 900);
  const double before = queue;
  const Service s = serve(vnf_costs()[v], kMachine, c, 0.1, queue);
  const double in = c.arrivals * 0.1 + before, out = (s.processed + s.lost) * 0.1 + queue;
  RC_ASSERT(std::abs(in - out) <= 1e-6 * (1 + in));
  RC_ASSERT(s.processed >= 0 && s.lost >= -1e-6 && queue >= 0 && queue <= vnf_costs()[v].ring_packets);
  RC_ASSERT(std::abs(s.busy_cycles + s.idle_cycles - c.clock_hz * c.share) <= 1);
  RC_ASSERT(s.bursts >= s.processed / kMachine.max_burst * 0.97);
}

/// Less core, a slower clock, dearer packets or more pressure never let more packets through.
RC_GTEST_PROP(VnfProperty, MoreContentionIsNeverMoreOutput, ()) {
  const Conditions c = any_conditions();
  Conditions worse = c;
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      worse.share *= 0.7;
      break;
    case 1:
      worse.clock_hz *= 0.7;
      break;
    case 2:
      worse.cost_factor *= 1.5;
      break;
    case 3:
      worse.cache_pressure = 1;
      break;
    default:
      worse.memory_pressure = 1;
      break;
  }
  RC_ASSERT(steady(worse).processed <= steady(c).processed * (1 + 1e-9) + 1e-6);
}

double mean_of(const Table& table, const std::string& name, std::size_t begin, std::size_t end) {
  double sum = 0, n = 0;
  const auto column = table.column(name);
  for (std::size_t i = 0; i < table.rows(); ++i) {
    std::size_t start = 0;
    for (const std::size_t s : table.experiment_starts())
      if (s <= i) start = s;
    if (i - start < begin || i - start >= end || std::isnan(column[i])) continue;
    sum += column[i];
    n += 1;
  }
  return sum / n;
}

Table stimulus(std::vector<double> kinds, std::vector<double> shares) {
  SimulationSpec spec;
  spec.scenario = Scenario::resource_stimulus;
  spec.seed = 3;
  spec.rows = 1350;
  spec.experiment_rows = 45;
  spec.settings.stimulus_kinds = std::move(kinds);
  spec.settings.core_shares = std::move(shares);
  spec.settings.slow_rate = 0;
  return simulate_table(spec);
}

TEST(Neighbour, OnTheCoreTakesCyclesAndOutput) {
  const Table half = stimulus({1, 0, 0}, {0.5}), quarter = stimulus({1, 0, 0}, {0.25});
  const double clean = mean_of(half, "output_rate", 4, 15);
  const double with_half = mean_of(half, "output_rate", 20, 35);
  const double with_quarter = mean_of(quarter, "output_rate", 20, 35);
  EXPECT_LT(with_half, 0.75 * clean);
  EXPECT_LT(with_quarter, 0.75 * with_half);
  EXPECT_NEAR(mean_of(half, "input_rate", 20, 35), mean_of(half, "input_rate", 4, 15), 2);
}

TEST(Neighbour, InTheCacheRaisesMissesAndLowersIpc) {
  const Table table = stimulus({0, 1, 0}, {0.5});
  for (const char* vnf : {"firewall", "bridge"}) {
    const std::string misses = std::string(vnf) + "_LLC-load-misses",
                      done = std::string(vnf) + "_instructions";
    EXPECT_GT(mean_of(table, misses, 20, 35), 3 * mean_of(table, misses, 4, 15)) << vnf;
    EXPECT_LT(mean_of(table, done, 20, 35), 0.999 * mean_of(table, done, 4, 15)) << vnf;
  }
}

TEST(Neighbour, InMemoryCostsOutputWhereTheCoreIsNearItsLimit) {
  SimulationSpec spec;
  spec.scenario = Scenario::resource_stimulus;
  spec.seed = 5;
  spec.rows = 450;
  spec.experiment_rows = 45;
  spec.settings.stimulus_kinds = {0, 0, 1};
  spec.settings.slow_rate = 0;
  spec.settings.stimulus_rate_mbps = 9900;
  spec.changes = {{.what = SimulationChange::What::cost, .from_row = 0, .factor = 3}};  // a heavy rule set
  const Table table = simulate_table(spec);
  EXPECT_LT(mean_of(table, "output_rate", 20, 35), 0.98 * mean_of(table, "output_rate", 4, 15));
}

/// Mean and spread of an event of an idle VNF over many seconds.
std::pair<double, double> idle_counts(double enabled_share, std::size_t event) {
  SimulatorSettings settings;
  settings.enabled_share = enabled_share;
  settings.event_noise.assign(kEvents, 0);
  settings.experiment_spread = settings.miss_experiment_spread = settings.spike_rate = 0;
  CounterUnit unit(settings, make_deployment(Scenario::baseline, Topology::linear, settings), Random(1));
  unit.begin_experiment();
  Work work;
  work.idle_cycles = 2.892e9;
  work.seconds = 1;
  work.noise = 1;
  std::array<double, kEvents * kVnfs> out{};
  double sum = 0, squares = 0;
  constexpr int kRows = 2000;
  for (int i = 0; i < kRows; ++i) {
    unit.read(0, work, false, out);
    sum += out[event * kVnfs];
    squares += out[event * kVnfs] * out[event * kVnfs];
  }
  const double m = sum / kRows;
  return {m, std::sqrt(std::max(0.0, squares / kRows - m * m))};
}

TEST(Counters, ThatRunRarelyAreRightOnAverageAndNoisier) {
  constexpr std::size_t kMisses = 4;
  const auto [always, spread_always] = idle_counts(1, kMisses);
  const auto [rarely, spread_rarely] = idle_counts(0.04, kMisses);
  EXPECT_NEAR(rarely / always, 1, 0.08) << "whole counts are cut, not lost";
  EXPECT_NEAR(spread_rarely / spread_always, 5, 1) << "1 / sqrt(share)";
}

TEST(Counters, PollingRetiresAtItsIpc) {
  EXPECT_NEAR(idle_counts(0.4, 0).first / idle_counts(0.4, 6).first, SimulatorSettings().idle_ipc, 1e-3);
}

}  // namespace
}  // namespace drst::sim
