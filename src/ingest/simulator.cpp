#include "ingest/simulator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "ingest/simulator_counters.h"
#include "ingest/simulator_physics.h"
#include "ingest/simulator_scenario.h"
#include "ingest/simulator_topology.h"

namespace drst {
namespace {

using sim::kEvents;
using sim::kVnfs;

constexpr int64_t kStepsASecond = 10;
constexpr double kStep = 1.0 / static_cast<double>(kStepsASecond);
constexpr double kBefore = 1;  // s simulated before an experiment's first row: rates lag by up to that
constexpr int64_t kAhead = 2;  // s simulated past a row's begin: probes lead by up to one
constexpr double kOutputAhead =
    0.03;  // s: receiver's window against the sender's, [C] at the staircase's steps
constexpr double kFlowSetup = 0.05;        // s of packets lost while tables fill, [S] output/input of row 0
constexpr double kCoalescingBelow = 0.12;  // of the experiment's highest rate, [C]
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// What rates and probes need to know about a past step.
struct Step {
  double t = 0;
  double offered_mbps = 0;
  double delivered = 0;  ///< packets/s
  double period_s = 0;
  std::array<double, kVnfs> share{}, arrivals{}, wait_s{};
};

void require(bool good, const std::string& what) {
  if (!good) throw InputError("simulation: " + what);
}

void check(const ChainSchema& chain) {
  require(chain.kpis.size() == 3, "simulator.kpis needs three names: rate in, rate out, latency");
  require(chain.vnfs.size() == kVnfs, "simulator.vnfs needs five names, one a function of the chain");
  require(chain.events.size() == kEvents, "simulator.events needs twelve names");
  auto names = chain.all_names();
  std::sort(names.begin(), names.end());
  for (std::size_t i = 1; i < names.size(); ++i)
    require(names[i] != names[i - 1],
            "simulator.kpis, vnfs and events make the column '" + names[i] + "' twice");
}

void check(const SimulationSpec& spec) {
  const SimulatorSettings& s = spec.settings;
  check(s.chain);
  require(spec.rows >= 0, "rows must be 0 (endless) or more");
  require(spec.experiment_rows >= 0, "experiment_rows must be 0 (as published) or more");
  require(s.event_noise.size() == kEvents, "simulator.event_noise needs twelve values, one an event");
  require(!s.core_shares.empty(), "simulator.core_shares is empty; give at least one share of a core");
  for (const double share : s.core_shares) require(share > 0 && share <= 1, "core_shares must lie in (0, 1]");
  require(!s.slow_clocks_ghz.empty() && s.slow_clocks_ghz.size() == s.slow_weights.size(),
          "simulator.slow_clocks_ghz and slow_weights need the same number of values, one at least");
  require(s.stimulus_kinds.size() == 3 && s.intervention_kinds.size() == 3,
          "simulator.stimulus_kinds and intervention_kinds need three weights: cpu, cache, memory");
  require(s.rate_lag_s + s.rate_lag_spread <= kBefore + kOutputAhead,
          "rates cannot lag by more than a second");
  require(s.probe_lead_s <= 1, "probes cannot lead by more than a second");
}

}  // namespace

struct Simulator::State {
  explicit State(SimulationSpec given)
      : spec(std::move(given)),
        deployment(sim::make_deployment(spec.scenario, spec.topology, spec.settings)),
        random(spec.seed),
        player(spec, deployment.vnf_names, random.fork(1)),
        counters(spec.settings, deployment, random.fork(2)) {
    ChainSchema schema = spec.settings.chain;
    schema.vnfs = deployment.vnf_names;
    columns = schema.all_names();
  }

  void begin_experiment() {
    const SimulatorSettings& s = spec.settings;
    experiment += 1;
    row_in_experiment = 0;
    experiment_rows = player.draw_experiment_rows();
    rate_lag = s.rate_lag_s + s.rate_lag_spread * random.uniform(-1, 1);
    housekeeping_phase = random.uniform(0, s.housekeeping_period_s);
    latency_missing = random.chance(s.missing_latency_rate);
    queues.fill(0);
    known.fill(false);
    next_step = 0;
    peak_mbps = 0;
    player.begin_experiment(row, rate_lag);
    counters.begin_experiment();
  }

  void advance() {
    const double t = -kBefore + static_cast<double>(next_step) * kStep;
    player.step(t, kStep, world);
    auto& work = pending[static_cast<std::size_t>(next_step / kStepsASecond) % pending.size()];
    auto& truth = truths[static_cast<std::size_t>(next_step / kStepsASecond) % truths.size()];
    if (next_step % kStepsASecond == 0) {
      work.fill(sim::Work{});
      truth = SimulatedTruth{};
    }
    Step& step = steps[static_cast<std::size_t>(next_step) % steps.size()];
    step.t = t;
    step.offered_mbps = world.offered_mbps;
    step.period_s = world.period_s;
    step.share = world.share;
    const double offered = world.offered_mbps * 1e6 / 8 / spec.settings.frame_bytes;

    std::array<double, kVnfs> out{};
    for (const sim::Node& node : deployment.nodes) {
      double arrivals = node.inputs.empty() ? offered : 0;
      for (const sim::Link& link : node.inputs) arrivals += link.share * out[link.from];
      const sim::Service& service = serve(node.vnf, arrivals);
      out[node.vnf] = service.processed;
      step.arrivals[node.vnf] = arrivals;
      step.wait_s[node.vnf] = service.processed > 0 ? queues[node.vnf] / service.processed : 0;
      add(work[node.vnf], node.vnf, service);
      for (const sim::Link& link : node.inputs)
        if (arrivals > 0)
          work[link.from].refused_downstream += kStep * service.lost * link.share * out[link.from] / arrivals;
      truth.dropped_packets += kStep * service.lost;
    }
    step.delivered = out[deployment.nodes.back().vnf];
    truth.offered_packets += kStep * offered;
    truth.delivered_packets += kStep * step.delivered;
    truth.queued_packets = 0;
    for (const double q : queues) truth.queued_packets += q;
    if (world.neighbour_vnf >= 0) truth.neighbour_vnf = world.neighbour_vnf;
    truth.neighbour_pressure =
        std::max({truth.neighbour_pressure, world.cache_pressure, world.memory_pressure});
    ++next_step;
  }

  /// Most steps are like the one before: then the VNF's answer is the same, unless packets wait.
  const sim::Service& serve(std::size_t v, double arrivals) {
    const sim::Conditions now{.arrivals = arrivals,
                              .share = world.share[v],
                              .period_s = world.period_s,
                              .clock_hz = world.clock_hz[v],
                              .cost_factor = world.cost[v],
                              .load_factor = deployment.load_factor[v],
                              .cache_pressure = world.cache_pressure,
                              .memory_pressure = world.memory_pressure};
    if (!known[v] || queues[v] > 0 || !(now == conditions[v])) {
      const bool waited = queues[v] > 0;
      services[v] = sim::serve(sim::vnf_costs()[v], spec.settings, now, kStep, queues[v]);
      conditions[v] = now;
      known[v] = !waited && queues[v] <= 0;
    }
    return services[v];
  }

  void add(sim::Work& work, std::size_t v, const sim::Service& service) {
    work.idle_cycles += kStep * service.idle_cycles;
    work.busy_cycles += kStep * service.busy_cycles;
    work.seconds += kStep;
    work.packets += kStep * service.processed * world.cost[v];
    work.bursts += kStep * service.bursts * world.cost[v];
    work.evicted_lines += kStep * service.evicted_lines;
    if (world.share[v] < 1) work.cold_lines += kStep / world.period_s * spec.settings.cold_lines_per_slice;
    work.noise += kStep * world.vnf_noise[v];
  }

  /// Mean of a step quantity over [begin, end), steps cut at the ends.
  template <class Quantity>
  double mean(double begin, double end, Quantity quantity) const {
    const auto first =
        static_cast<int64_t>(std::floor((begin + kBefore) * static_cast<double>(kStepsASecond)));
    double sum = 0;
    for (int64_t k = std::max<int64_t>(0, first);; ++k) {
      const double t = -kBefore + static_cast<double>(k) * kStep;
      if (t >= end || k >= next_step) break;
      const double part = std::min(end, t + kStep) - std::max(begin, t);
      if (part > 0) sum += part * quantity(steps[static_cast<std::size_t>(k) % steps.size()]);
    }
    return sum / (end - begin);
  }

  double input_rate(double begin) {
    const SimulatorSettings& s = spec.settings;
    double rate = mean(begin, begin + 1, [](const Step& step) { return step.offered_mbps; });
    if (row_in_experiment == 1) rate *= s.first_interval + 0.02 * random.normal();
    return rate * (1 + s.rate_jitter * random.normal());
  }

  double output_rate(double begin) {
    const SimulatorSettings& s = spec.settings;
    const double warm = -s.start_lead_s + kFlowSetup;
    const double packets = mean(begin + kOutputAhead, begin + kOutputAhead + 1, [warm](const Step& step) {
      return step.delivered * std::clamp((step.t + kStep - warm) / kStep, 0.0, 1.0);
    });
    const double rate = packets * s.frame_bytes * 8 / 1e6;
    return std::max(0.0, rate * (1 - s.path_loss) * (1 + s.output_jitter * random.normal()));
  }

  double latency(double begin) {
    const SimulatorSettings& s = spec.settings;
    const double t = begin + random.uniform();
    const auto k = static_cast<int64_t>(std::floor((t + kBefore) * static_cast<double>(kStepsASecond)));
    const Step& step = steps[static_cast<std::size_t>(k) % steps.size()];
    peak_mbps = std::max(peak_mbps, step.offered_mbps);
    double wait = deployment.hop_wait_us * (1 + 2 * step.offered_mbps / s.line_rate_mbps);
    // The card's adaptive coalescing stays on after high rates and holds packets longest when few follow.
    if (step.offered_mbps < 0.95 * peak_mbps) wait += 4;
    wait *= std::exp(0.5 * random.normal());
    if (step.offered_mbps < kCoalescingBelow * peak_mbps) wait += s.coalescing_us - s.latency_floor_us;
    for (const sim::Node& node : deployment.nodes) {
      if (!node.probed) continue;
      wait += 1e6 * step.wait_s[node.vnf];
      const double share = step.share[node.vnf];
      if (share >= 1) continue;
      const double phase = random.uniform();  // of the scheduling round: on, then off
      if (phase < share) continue;
      const double waiting = (phase - share) * step.period_s * step.arrivals[node.vnf];
      if (waiting > sim::vnf_costs()[node.vnf].ring_packets) return s.latency_timeout_us;
      wait += 1e6 * (1 - phase) * step.period_s;
    }
    return std::min(s.latency_floor_us + wait, s.latency_timeout_us);
  }

  bool next(SimulatedSecond& out) {
    if (spec.rows > 0 && row >= spec.rows) return false;
    if (row_in_experiment >= experiment_rows) begin_experiment();
    while (next_step < (row_in_experiment + 1 + kAhead) * kStepsASecond) advance();

    const auto slot = static_cast<std::size_t>(row_in_experiment + 1);
    out.row = row;
    out.experiment = experiment;
    out.row_in_experiment = row_in_experiment;
    out.values.resize(columns.size());
    const auto t = static_cast<double>(row_in_experiment);
    out.values[0] = input_rate(t - rate_lag);
    out.values[1] = output_rate(t - rate_lag);
    out.values[2] = latency(t + spec.settings.probe_lead_s);
    if (latency_missing) out.values[2] = kNaN;
    const double since = std::fmod(t + housekeeping_phase, spec.settings.housekeeping_period_s);
    const std::span<double> cells(out.values.data() + 3, kEvents * kVnfs);
    for (std::size_t v = 0; v < kVnfs; ++v)
      counters.read(v, pending[slot % pending.size()][v], since < 1, cells);
    counters.lose(cells);
    out.truth = truths[slot % truths.size()];
    ++row;
    ++row_in_experiment;
    return true;
  }

  SimulationSpec spec;
  sim::Deployment deployment;
  Random random;
  sim::ScenarioPlayer player;
  sim::CounterUnit counters;
  std::vector<std::string> columns;

  int64_t row = 0, experiment = -1, row_in_experiment = 0, experiment_rows = 0;
  double rate_lag = 0, housekeeping_phase = 0, peak_mbps = 0;
  bool latency_missing = false;

  int64_t next_step = 0;
  sim::World world;
  std::array<double, kVnfs> queues{};
  std::array<bool, kVnfs> known{};
  std::array<sim::Conditions, kVnfs> conditions{};
  std::array<sim::Service, kVnfs> services{};
  std::array<Step, 64> steps{};                           ///< of the last 6.4 s
  std::array<std::array<sim::Work, kVnfs>, 4> pending{};  ///< by second, one before the first row
  std::array<SimulatedTruth, 4> truths{};
};

Simulator::Simulator(SimulationSpec spec) {
  check(spec);
  state_ = std::make_unique<State>(std::move(spec));
}
Simulator::~Simulator() = default;
Simulator::Simulator(Simulator&&) noexcept = default;
Simulator& Simulator::operator=(Simulator&&) noexcept = default;

bool Simulator::next(SimulatedSecond& out) { return state_->next(out); }
const std::vector<std::string>& Simulator::columns() const { return state_->columns; }
const std::vector<std::string>& Simulator::vnfs() const { return state_->deployment.vnf_names; }

Table simulate_table(const SimulationSpec& spec) {
  if (spec.rows <= 0) throw InputError("simulate_table: an endless simulation fits no table; set rows");
  Simulator simulator(spec);
  const std::size_t columns = simulator.columns().size();
  if (static_cast<uint64_t>(spec.rows) > (uint64_t{1} << 31) / columns)
    throw InputError("simulate_table: " + std::to_string(spec.rows) +
                     " rows are too many for one table; stream them");
  Table table(simulator.columns(), static_cast<std::size_t>(spec.rows));
  std::vector<std::size_t> starts;
  SimulatedSecond second;
  while (simulator.next(second)) {
    const auto row = static_cast<std::size_t>(second.row);
    if (second.row_in_experiment == 0) starts.push_back(row);
    for (std::size_t c = 0; c < columns; ++c) table.column(c)[row] = second.values[c];
  }
  table.set_experiment_starts(std::move(starts));
  return table;
}

}  // namespace drst
