#include "ingest/simulator_scenario.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace drst::sim {
namespace {

/// The published baseline's staircase, in rate steps, ten seconds each (the top is capped by the line).
constexpr std::array<double, 18> kStaircase = {1, 2, 4, 6, 8, 10, 12, 14, 20, 20, 14, 12, 10, 8, 6, 4, 2, 1};
constexpr double kHighestLevel = 20;
constexpr int64_t kStaircaseRows = 179, kNeighbourRows = 45;
constexpr double kNeighbourCycle = 46;  // s; a longer experiment meets a new neighbour each time

/// How much of [t, t + dt) lies in [begin, end), as a share of dt.
double overlap(double t, double dt, double begin, double end) {
  return std::clamp((std::min(t + dt, end) - std::max(t, begin)) / dt, 0.0, 1.0);
}

bool has_neighbour(Scenario scenario) {
  return scenario == Scenario::resource_stimulus || scenario == Scenario::intervention;
}

}  // namespace

ScenarioPlayer::ScenarioPlayer(const SimulationSpec& spec, const std::vector<std::string>& vnf_names,
                               Random random)
    : spec_(spec), random_(random) {
  for (const SimulationChange& change : spec_.changes) {
    if (!(change.factor > 0) || !std::isfinite(change.factor))
      throw InputError("simulated change at row " + std::to_string(change.from_row) +
                       ": its factor must be above 0");
    const auto place = std::find(vnf_names.begin(), vnf_names.end(), change.vnf);
    if (!change.vnf.empty() && place == vnf_names.end())
      throw InputError("simulated change at row " + std::to_string(change.from_row) + ": no VNF \"" +
                       change.vnf + "\" in this topology");
    change_vnf_.push_back(change.vnf.empty() ? -1 : static_cast<int>(place - vnf_names.begin()));
  }
}

int64_t ScenarioPlayer::draw_experiment_rows() {
  if (spec_.experiment_rows > 0) return spec_.experiment_rows;
  if (!has_neighbour(spec_.scenario)) return kStaircaseRows;
  return kNeighbourRows + static_cast<int64_t>(random_.below(2));
}

void ScenarioPlayer::begin_experiment(int64_t first_row, double rate_lag_s) {
  const SimulatorSettings& s = spec_.settings;
  first_row_ = first_row;
  generator_offset_ = rate_lag_s + random_.uniform(0.02, 0.06);
  level_index_ = -1;
  slice_phase_ = random_.uniform(0, 1);
  period_s_ = s.schedule_period_s * random_.uniform(0.96, 1.04);
  neighbour_ = Neighbour{};
  neighbour_cycle_ = has_neighbour(spec_.scenario) ? 0 : std::numeric_limits<double>::infinity();
  for (Clock& c : clocks_) {
    c = Clock{};
    c.next_dip =
        s.dip_rate > 0 ? -1 + random_.exponential(s.dip_rate) : std::numeric_limits<double>::infinity();
    c.next_slow =
        s.slow_rate > 0 ? -1 + random_.exponential(s.slow_rate) : std::numeric_limits<double>::infinity();
  }
}

std::size_t ScenarioPlayer::weighted(const std::vector<double>& weights) {
  double total = 0;
  for (const double w : weights) total += w;
  double pick = random_.uniform(0, total);
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    pick -= weights[i];
    if (pick < 0) return i;
  }
  return weights.size() - 1;
}

void ScenarioPlayer::draw_neighbour(double cycle_start) {
  const SimulatorSettings& s = spec_.settings;
  Neighbour n;
  n.begin = cycle_start + s.neighbour_start_s + random_.uniform(-1, 1) * s.neighbour_start_spread;
  n.end = n.begin + s.neighbour_seconds;
  const auto kind =
      weighted(spec_.scenario == Scenario::intervention ? s.intervention_kinds : s.stimulus_kinds);
  const auto victim = static_cast<int>(random_.below(kVnfs));
  const double intensity = random_.uniform(0.5, 1);
  n.cache = n.memory = s.cpu_neighbour_pressure;
  if (kind == 0) {
    n.vnf = victim;
    n.share = s.core_shares[random_.below(s.core_shares.size())];
  } else if (kind == 1) {
    n.cache = intensity;
  } else {
    n.memory = intensity;
    n.cache = intensity / 2;  // what streams through memory streams through the LLC too
  }
  neighbour_ = n;
}

double ScenarioPlayer::level(double t) {
  const SimulatorSettings& s = spec_.settings;
  if (spec_.scenario == Scenario::resource_stimulus) return s.stimulus_rate_mbps;
  const auto index = static_cast<int64_t>(std::floor(std::max(0.0, t + generator_offset_) / s.level_seconds));
  if (index != level_index_) {
    level_index_ = index;
    const double steps = spec_.scenario == Scenario::baseline
                             ? kStaircase[static_cast<std::size_t>(index) % kStaircase.size()]
                             : random_.uniform(1, kHighestLevel);
    level_mbps_ = std::min(steps * s.rate_step_mbps, s.line_rate_mbps * (1 - 5e-4 * random_.uniform()));
  }
  return level_mbps_;
}

double ScenarioPlayer::clock(Clock& c, double t, double dt) {
  const SimulatorSettings& s = spec_.settings;
  const double full = s.clock_ghz * 1e9;
  if (t + dt <= c.next_dip && t >= c.dip_end && t + dt <= c.next_slow && t >= c.slow_end) return full;
  double hz = full;
  if (t + dt > c.next_slow) {
    c.slow_end = c.next_slow + random_.uniform(s.slow_seconds_min, s.slow_seconds_max);
    c.slow_hz = s.slow_clocks_ghz[weighted(s.slow_weights)] * 1e9;
    const double begin = c.next_slow;
    c.next_slow = c.slow_end + random_.exponential(s.slow_rate);
    hz += overlap(t, dt, begin, c.slow_end) * (c.slow_hz - full);
  } else if (t < c.slow_end) {
    hz += overlap(t, dt, t, c.slow_end) * (c.slow_hz - full);
  }
  const double dip_hz = std::min(hz, s.slow_clocks_ghz.front() * 1e9);
  if (t + dt > c.next_dip) {
    const double begin = c.next_dip;
    c.dip_end = begin + s.dip_seconds * random_.uniform(0.85, 1.25);
    c.next_dip = c.dip_end + random_.exponential(s.dip_rate);
    hz += overlap(t, dt, begin, c.dip_end) * (dip_hz - hz);
  } else if (t < c.dip_end) {
    hz += overlap(t, dt, t, c.dip_end) * (dip_hz - hz);
  }
  return hz;
}

/// Seconds that a VNF under the present neighbour has run by t: whole rounds, then the present one.
double ScenarioPlayer::on_time(double t) const {
  const double rounds = t / period_s_ + slice_phase_;
  const double whole = std::floor(rounds);
  return period_s_ * (whole * neighbour_.share + std::min(rounds - whole, neighbour_.share));
}

void ScenarioPlayer::apply_changes(double t, World& out) const {
  const double row = static_cast<double>(first_row_) + std::max(0.0, t);
  for (std::size_t i = 0; i < spec_.changes.size(); ++i) {
    const SimulationChange& change = spec_.changes[i];
    const auto from = static_cast<double>(change.from_row);
    const auto to = static_cast<double>(change.to_row);
    if (row < from) continue;
    const double done = to <= from || row >= to ? 1 : (row - from) / (to - from);
    const double factor = std::pow(change.factor, done);
    if (change.what == SimulationChange::What::traffic) {
      out.offered_mbps = std::min(out.offered_mbps * factor, spec_.settings.line_rate_mbps);
      continue;
    }
    auto& factors = change.what == SimulationChange::What::cost ? out.cost : out.vnf_noise;
    for (std::size_t v = 0; v < kVnfs; ++v)
      if (change_vnf_[i] < 0 || static_cast<std::size_t>(change_vnf_[i]) == v) factors[v] *= factor;
  }
}

void ScenarioPlayer::step(double t, double dt, World& out) {
  const SimulatorSettings& s = spec_.settings;
  out.offered_mbps = level(t) * overlap(t, dt, -s.start_lead_s, std::numeric_limits<double>::infinity());
  out.share.fill(1);
  out.cost.fill(1);
  out.vnf_noise.fill(1);
  out.cache_pressure = out.memory_pressure = 0;
  out.neighbour_vnf = -1;
  out.period_s = period_s_;
  for (std::size_t v = 0; v < kVnfs; ++v) out.clock_hz[v] = clock(clocks_[v], t, dt);

  if (t >= neighbour_cycle_) {
    draw_neighbour(neighbour_cycle_);
    neighbour_cycle_ += kNeighbourCycle;
  }
  const double present = overlap(t, dt, neighbour_.begin, neighbour_.end);
  if (present > 0) {
    out.cache_pressure = present * neighbour_.cache;
    out.memory_pressure = present * neighbour_.memory;
    if (neighbour_.vnf >= 0) {
      const double share = std::clamp((on_time(t + dt) - on_time(t)) / dt, 0.0, 1.0);
      out.neighbour_vnf = neighbour_.vnf;
      out.share[static_cast<std::size_t>(neighbour_.vnf)] = 1 - present * (1 - share);
    }
  }
  if (!spec_.changes.empty()) apply_changes(t, out);
}

}  // namespace drst::sim
