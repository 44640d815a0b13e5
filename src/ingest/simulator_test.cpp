// What must hold for any seed: shape, determinism, conservation, boundaries. Physics:
// simulator_physics_test.cpp.
#include "ingest/simulator.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "ingest/simulator_topology.h"

namespace drst {
namespace {

constexpr Scenario kScenarios[] = {Scenario::baseline, Scenario::random_rates, Scenario::resource_stimulus,
                                   Scenario::intervention};
constexpr Topology kTopologies[] = {Topology::linear, Topology::dag_1, Topology::dag_2};

SimulationSpec make_spec(Scenario scenario, int64_t rows, uint64_t seed = 7,
                         Topology topology = Topology::linear) {
  SimulationSpec spec;
  spec.scenario = scenario;
  spec.topology = topology;
  spec.seed = seed;
  spec.rows = rows;
  return spec;
}

bool same_cells(const Table& a, const Table& b) {
  for (std::size_t c = 0; c < a.columns(); ++c)
    for (std::size_t r = 0; r < a.rows(); ++r)
      if (a.at(r, c) != b.at(r, c) && !(std::isnan(a.at(r, c)) && std::isnan(b.at(r, c)))) return false;
  return true;
}

double mean(std::span<const double> values) {
  double sum = 0, n = 0;
  for (const double x : values) {
    if (std::isnan(x)) continue;
    sum += x;
    n += 1;
  }
  return sum / n;
}

TEST(Simulator, HasTheColumnsOfThePublishedTables) {
  const Simulator linear(make_spec(Scenario::baseline, 1));
  EXPECT_EQ(linear.columns(), ChainSchema().all_names());
  EXPECT_EQ(linear.columns().size(), 63U);
}

TEST(Simulator, Dag2CarriesTheReplacedVnfUnderItsNewName) {
  const Simulator dag(make_spec(Scenario::resource_stimulus, 1, 7, Topology::dag_2));
  const auto& names = dag.columns();
  EXPECT_EQ(names.size(), 63U);
  EXPECT_EQ(std::count(names.begin(), names.end(), "payload_scan_cycles"), 0);
  EXPECT_EQ(std::count(names.begin(), names.end(), "flow_tracker_cycles"), 1);
  EXPECT_EQ(dag.vnfs()[3], "flow_tracker");
}

TEST(Simulator, NamesOfAnotherChainChangeNothingElse) {
  SimulationSpec spec = make_spec(Scenario::intervention, 60);
  const Table usual = simulate_table(spec);
  ChainSchema& chain = spec.settings.chain;
  chain.kpis = {"rx", "tx", "delay"};
  chain.vnfs = {"nat", "lb", "ids", "cache", "tunnel"};
  chain.events[6] = "cpu-cycles";
  const Table other = simulate_table(spec);
  EXPECT_EQ(other.names(), chain.all_names());
  EXPECT_TRUE(other.find("ids_cpu-cycles"));
  for (std::size_t c = 0; c < usual.columns(); ++c)
    for (std::size_t r = 0; r < usual.rows(); ++r)
      ASSERT_TRUE(usual.at(r, c) == other.at(r, c) ||
                  (std::isnan(usual.at(r, c)) && std::isnan(other.at(r, c))))
          << usual.names()[c];
}

TEST(Simulator, SameSeedSameRowsAndAnotherSeedOthers) {
  for (const Scenario scenario : kScenarios) {
    for (const Topology topology : kTopologies) {
      const Table a = simulate_table(make_spec(scenario, 120, 7, topology));
      EXPECT_TRUE(same_cells(a, simulate_table(make_spec(scenario, 120, 7, topology))))
          << to_string(scenario);
      EXPECT_FALSE(same_cells(a, simulate_table(make_spec(scenario, 120, 8, topology))))
          << to_string(scenario);
    }
  }
}

TEST(Simulator, ALongerRunBeginsWithTheShorterOne) {
  const Table shorter = simulate_table(make_spec(Scenario::intervention, 100));
  const Table longer = simulate_table(make_spec(Scenario::intervention, 300)).slice(0, 100);
  EXPECT_TRUE(same_cells(shorter, longer));
}

TEST(Simulator, ExperimentsAreAsLongAsPublishedOnes) {
  const Table baseline = simulate_table(make_spec(Scenario::baseline, 1790));
  EXPECT_EQ(baseline.experiment_starts(),
            (std::vector<std::size_t>{0, 179, 358, 537, 716, 895, 1074, 1253, 1432, 1611}));
  const Table stimulus = simulate_table(make_spec(Scenario::resource_stimulus, 2284));
  const auto& starts = stimulus.experiment_starts();
  for (std::size_t i = 1; i < starts.size(); ++i) {
    EXPECT_GE(starts[i] - starts[i - 1], 45U);
    EXPECT_LE(starts[i] - starts[i - 1], 46U);
  }
  SimulationSpec spec = make_spec(Scenario::baseline, 95);
  spec.experiment_rows = 30;
  EXPECT_EQ(simulate_table(spec).experiment_starts(), (std::vector<std::size_t>{0, 30, 60, 90}));
}

TEST(Simulator, RowsOfASecondCarryTheirPlace) {
  SimulationSpec spec = make_spec(Scenario::baseline, 65);
  spec.experiment_rows = 30;
  Simulator simulator(spec);
  SimulatedSecond second;
  for (int64_t row = 0; row < 65; ++row) {
    ASSERT_TRUE(simulator.next(second));
    EXPECT_EQ(second.row, row);
    EXPECT_EQ(second.experiment, row / 30);
    EXPECT_EQ(second.row_in_experiment, row % 30);
  }
  EXPECT_FALSE(simulator.next(second));
  EXPECT_FALSE(simulator.next(second));
}

/// Packets neither appear nor vanish: what came in left, was dropped, or waits.
RC_GTEST_PROP(SimulatorProperty, ConservesPackets, ()) {
  SimulationSpec spec =
      make_spec(*rc::gen::elementOf(std::vector<Scenario>(std::begin(kScenarios), std::end(kScenarios))), 0,
                *rc::gen::arbitrary<uint64_t>(),
                *rc::gen::elementOf(std::vector<Topology>(std::begin(kTopologies), std::end(kTopologies))));
  spec.experiment_rows = 60;
  // Slow cores and deep changes, so that queues fill too.
  spec.settings.clock_ghz = *rc::gen::elementOf(std::vector<double>{0.3, 0.8, 2.9});
  spec.changes.push_back({.what = SimulationChange::What::cost, .from_row = 20, .factor = 3});
  Simulator simulator(spec);
  SimulatedSecond second;
  double offered = 0, accounted = 0;
  for (int row = 0; row < 60; ++row) {
    RC_ASSERT(simulator.next(second));
    const SimulatedTruth& t = second.truth;
    if (row == 0) {
      // Counters begin with what the second before left in the rings.
      offered = t.offered_packets;
      accounted = t.delivered_packets + t.dropped_packets;
      RC_ASSERT(std::abs(offered - accounted) <= 10'000 + 1e-9 * offered);
    } else {
      offered += t.offered_packets;
      accounted += t.delivered_packets + t.dropped_packets;
    }
    RC_ASSERT(t.queued_packets <= 10'000.0);
    RC_ASSERT(std::abs(offered - accounted) <= 10'000 + 1e-9 * offered);
    for (const double value : second.values)
      RC_ASSERT(std::isnan(value) || (std::isfinite(value) && value >= 0));
  }
}

RC_GTEST_PROP(SimulatorProperty, OutputNeverExceedsInputByMoreThanTheRatesAreOutOfStep, ()) {
  const auto scenario =
      *rc::gen::elementOf(std::vector<Scenario>(std::begin(kScenarios), std::end(kScenarios)));
  const Table table = simulate_table(make_spec(scenario, 400, *rc::gen::arbitrary<uint64_t>()));
  const auto in = table.column("input_rate"), out = table.column("output_rate");
  double sum_in = 0, sum_out = 0;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    sum_in += in[i];
    sum_out += out[i];
    // The windows differ by some hundredths of a second and the generator's first interval is short.
    if (table.has_previous(i) && table.has_previous(i - 1) && i + 1 < table.rows() &&
        table.has_previous(i + 1))
      RC_ASSERT(out[i] <= 1.01 * std::max({in[i], in[i - 1], in[i + 1]}));
  }
  RC_ASSERT(sum_out <= 1.005 * sum_in);
}

TEST(Simulator, RatesTellAboutTheSecondBeforeTheirCounters) {
  const Table table = simulate_table(make_spec(Scenario::random_rates, 1790));
  const auto out = table.column("output_rate"), loads = table.column("bridge_LLC-loads");
  // At a step of the rate, the counters move a row before the rates do.
  double same = 0, before = 0;
  for (std::size_t i = 2; i < table.rows(); ++i) {
    if (!table.has_previous(i) || !table.has_previous(i - 1) ||
        std::isnan(loads[i] + loads[i - 1] + loads[i - 2]))
      continue;
    const double moved = std::log(out[i] / out[i - 1]);
    if (std::abs(moved) < 0.2) continue;
    same += std::abs(std::log(loads[i] / loads[i - 1]));
    before += std::abs(std::log(loads[i - 1] / loads[i - 2]));
  }
  EXPECT_GT(before, 3 * same);
}

TEST(Simulator, FirstSecondsRampUp) {
  const Table table = simulate_table(make_spec(Scenario::resource_stimulus, 450));
  const auto in = table.column("input_rate");
  for (const std::size_t start : table.experiment_starts()) {
    if (start + 3 >= table.rows()) continue;
    EXPECT_LT(in[start], 0.4 * in[start + 3]);
    EXPECT_LT(in[start + 1], in[start + 3]);
  }
}

TEST(Simulator, SomeVnfsAreNotCountedNowAndThen) {
  SimulationSpec spec = make_spec(Scenario::baseline, 2000);
  spec.settings.uncounted_rate = 0.02;
  const Table table = simulate_table(spec);
  int rows = 0;
  for (std::size_t r = 0; r < table.rows(); ++r) {
    int missing = 0;
    for (std::size_t c = 3; c < table.columns(); ++c) missing += std::isnan(table.at(r, c));
    EXPECT_EQ(missing % 12, 0) << "a VNF's events go missing together";
    rows += missing > 0;
  }
  EXPECT_GT(rows, 15);
  EXPECT_LT(rows, 80);
}

TEST(Simulator, RunsForAMonthInTheMemoryOfASecond) {
  // 2.6 million rows would take a minute; what could grow with time is visible in far fewer: the vector is
  // reused and one experiment may be endless.
  SimulationSpec spec = make_spec(Scenario::intervention, 0);
  spec.experiment_rows = 10'000'000;
  Simulator simulator(spec);
  SimulatedSecond second;
  ASSERT_TRUE(simulator.next(second));
  const double* cells = second.values.data();
  for (int row = 1; row < 20'000; ++row) {
    ASSERT_TRUE(simulator.next(second));
    ASSERT_EQ(second.values.data(), cells);
  }
  EXPECT_EQ(second.experiment, 0);
}

TEST(SimulatorText, NamesGoBothWaysAndUnknownOnesAreRefused) {
  for (const Scenario s : kScenarios) EXPECT_EQ(parse_scenario(to_string(s)), s);
  for (const Topology t : kTopologies) EXPECT_EQ(parse_topology(to_string(t)), t);
  EXPECT_THROW(parse_scenario("noise"), InputError);
  EXPECT_THROW(parse_topology("ring"), InputError);
}

TEST(SimulatorText, ChangesAreReadOrRefused) {
  const SimulationChange change = parse_change("cost/bridge@1000-1500*1.5");
  EXPECT_EQ(change.what, SimulationChange::What::cost);
  EXPECT_EQ(change.vnf, "bridge");
  EXPECT_EQ(change.from_row, 1000);
  EXPECT_EQ(change.to_row, 1500);
  EXPECT_EQ(change.factor, 1.5);
  EXPECT_EQ(parse_change("traffic@500*0.7").to_row, 500);
  EXPECT_EQ(parse_change("noise@2000*4").what, SimulationChange::What::noise);
  for (const char* bad : {"", "cost", "cost@", "cost@1", "cost@1*", "cost@*2", "cost@1*0", "cost@1*-2",
                          "cost@1*nan", "cost@9-3*2", "cost/@1*2", "traffic/bridge@1*2", "heat@1*2",
                          "cost@-4*2", "cost@1*2x", "cost@1x*2", "*@"})
    EXPECT_THROW(parse_change(bad), InputError) << bad;
}

TEST(SimulatorErrors, WrongSpecificationsAreRefusedInWords) {
  SimulationSpec spec = make_spec(Scenario::baseline, -1);
  EXPECT_THROW(Simulator{spec}, InputError);
  spec = make_spec(Scenario::baseline, 10);
  spec.changes.push_back({.vnf = "nat"});
  EXPECT_THROW(Simulator{spec}, InputError);
  spec = make_spec(Scenario::baseline, 10);
  spec.settings.event_noise.pop_back();
  EXPECT_THROW(Simulator{spec}, InputError);
  spec = make_spec(Scenario::baseline, 10, 1, Topology::dag_2);
  spec.settings.replaced = "nat";
  EXPECT_THROW(Simulator{spec}, InputError);
  spec.settings.replaced = "bridge";
  spec.settings.replacement = "firewall";
  EXPECT_THROW(Simulator{spec}, InputError);
  EXPECT_THROW(simulate_table(make_spec(Scenario::baseline, 0)), InputError);
  spec = make_spec(Scenario::baseline, 10);
  spec.settings.chain.vnfs = {"nat", "lb", "ids", "cache"};
  EXPECT_THROW(Simulator{spec}, InputError);
  spec.settings.chain.vnfs.emplace_back("nat");
  EXPECT_THROW(Simulator{spec}, InputError) << "the same name twice";
}

// Known change points, for studies of detectors.

/// Mean of a column after row 500 by its mean before, with and without the change.
struct Shift {
  double level = 1, spread = 1;
};
Shift shift(const SimulationChange& change, const char* column) {
  SimulationSpec spec = make_spec(Scenario::resource_stimulus, 1000);
  spec.experiment_rows = 1000;
  spec.settings.neighbour_seconds = 0;  // nothing else may move
  spec.settings.slow_rate = 0;
  spec.settings.dip_rate = 0;
  spec.changes = {change};
  const Table table = simulate_table(spec);
  const auto x = table.column(column);
  const auto spread = [](std::span<const double> values) {
    const double m = mean(values);
    std::vector<double> squares;
    for (const double v : values) squares.push_back((v - m) * (v - m));
    return std::sqrt(mean(squares));
  };
  const auto before = x.subspan(10, 480), after = x.subspan(510, 480);
  return {mean(after) / mean(before), spread(after) / spread(before)};
}

TEST(SimulatorChanges, AbruptCostIsVisibleAtItsVnfAndNowhereElse) {
  const SimulationChange change = parse_change("cost/nf_router@500*1.5");
  EXPECT_NEAR(shift(change, "nf_router_LLC-loads").level, 1.5, 0.02);
  EXPECT_LT(shift(change, "nf_router_instructions").level, 0.98);
  EXPECT_NEAR(shift(change, "firewall_LLC-loads").level, 1, 0.01);
}

TEST(SimulatorChanges, GradualTrafficArrivesBitByBit) {
  SimulationSpec spec = make_spec(Scenario::resource_stimulus, 1000);
  spec.experiment_rows = 1000;
  spec.settings.neighbour_seconds = 0;
  spec.changes = {parse_change("traffic@200-600*2")};
  const Table table = simulate_table(spec);
  const auto in = table.column("input_rate");
  EXPECT_NEAR(in[150], 2113, 5);
  EXPECT_NEAR(in[400], 2113 * std::sqrt(2.0), 20);
  EXPECT_NEAR(in[700], 4226, 10);
}

TEST(SimulatorChanges, NoiseChangesTheSpreadAndNotTheLevel) {
  const Shift s = shift(parse_change("noise@500*4"), "firewall_LLC-stores");
  EXPECT_NEAR(s.level, 1, 0.01);
  EXPECT_GT(s.spread, 2.5);
  EXPECT_LT(s.spread, 5);
}

}  // namespace
}  // namespace drst
