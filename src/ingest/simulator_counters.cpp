#include "ingest/simulator_counters.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace drst::sim {
namespace {

// Events in column order.
enum : std::size_t {
  instructions,
  branches,
  branch_misses,
  branch_load_misses,
  cache_misses,
  cache_references,
  cycles,
  l1_load_misses,
  l1_loads,
  llc_load_misses,
  llc_stores,
  llc_loads
};

constexpr double kBranchShare = 0.1972;                // of instructions, [C] all VNFs and rates within 1 %
constexpr double kLoadShare = 0.3065;                  // L1 loads by instructions, [C]
constexpr double kIdleMispredicts = 8.35e6 / 2.892e9;  // a cycle of polling, [C] as the rate goes to 0
// A packet that the next ring refuses was worked on but not handed over: [S] the VNF before a contended one.
constexpr double kStoresAtHandOver = 0.42, kLoadsAtHandOver = 0.18;
constexpr double kMissSpread = 0.9;  // log spread of the misses that the host's periodic work adds, [S]

/// Mean 0, spread 1, four 16-bit uniforms of one draw summed: bell-shaped to 3.4 spreads, which is all that
/// measurement noise needs, at an eighth of a normal draw's cost (sixty a row are drawn).
double bell(Random& random) {
  const uint64_t bits = random();
  const uint64_t sum = (bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) + (bits >> 48);
  constexpr double kSpread = 37837.2;  // of the sum: 65536 / sqrt(3)
  return (static_cast<double>(sum) - 131070) / kSpread;
}

}  // namespace

CounterUnit::CounterUnit(const SimulatorSettings& settings, const Deployment& deployment, Random random)
    : settings_(settings), deployment_(deployment), random_(random) {}

void CounterUnit::begin_experiment() {
  for (std::size_t v = 0; v < kVnfs; ++v) {
    // Shifts of one cause move all events together (the run's memory layout); misses have one of their own.
    const double common = settings_.experiment_spread * random_.normal();
    double misses = settings_.miss_experiment_spread * random_.normal();
    if (random_.chance(settings_.cold_experiment_rate)) misses += std::log(random_.uniform(4, 10));
    for (std::size_t e = 0; e < kEvents; ++e) {
      const double own = 0.3 * settings_.experiment_spread * random_.normal();
      level_[v][e] = std::exp(e == cache_misses || e == llc_load_misses ? misses + own : common + own);
    }
    level_[v][cycles] = 1;
    memory_[v] = 0;
  }
}

std::array<double, kEvents> CounterUnit::expected(std::size_t v, const Work& w) const {
  const VnfCosts& k = vnf_costs()[v];
  const double refused = w.packets > 0 ? std::min(1.0, w.refused_downstream / w.packets) : 0;
  const double loads = deployment_.load_factor[v] * (w.packets * k.packet_loads + w.bursts * k.burst_loads) *
                       (1 - kLoadsAtHandOver * refused);
  const double stores = deployment_.store_factor[v] *
                        (w.packets * k.packet_stores + w.bursts * k.burst_stores) *
                        (1 - kStoresAtHandOver * refused);
  const double misses =
      deployment_.miss_factor[v] *
          (k.idle_misses * w.seconds + w.packets * k.packet_misses + w.bursts * k.burst_misses) +
      w.evicted_lines + w.cold_lines;
  std::array<double, kEvents> x{};
  x[instructions] = settings_.idle_ipc * w.idle_cycles + settings_.work_ipc * w.busy_cycles;
  x[branches] = kBranchShare * x[instructions];
  x[branch_misses] =
      kIdleMispredicts * w.idle_cycles + w.packets * k.packet_mispredicts + w.bursts * k.burst_mispredicts;
  x[branch_load_misses] = x[branch_misses];
  x[cache_misses] = misses;
  x[cache_references] = loads + stores;
  x[cycles] = w.idle_cycles + w.busy_cycles;
  x[l1_load_misses] = k.l1_over_llc * x[cache_references];
  x[l1_loads] = kLoadShare * x[instructions];
  x[llc_load_misses] = k.load_miss_share * misses;
  x[llc_stores] = stores;
  x[llc_loads] = loads;
  return x;
}

void CounterUnit::read(std::size_t v, const Work& work, bool housekeeping, std::span<double> out) {
  std::array<double, kEvents> x = expected(v, work);
  if (housekeeping) {
    const double extra = settings_.housekeeping_misses * std::exp(kMissSpread * random_.normal());
    x[cache_misses] *= 1 + extra;
    x[llc_load_misses] *= 1 + extra;
    x[llc_loads] *= 1 - settings_.housekeeping_lines;
    x[cache_references] *= 1 - 0.6 * settings_.housekeeping_lines;
    x[l1_load_misses] *= 1 - 0.6 * settings_.housekeeping_lines;
  }
  if (random_.chance(settings_.spike_rate)) {
    const double extra = 15 * std::exp(kMissSpread * random_.normal());
    x[cache_misses] *= 1 + extra;
    x[llc_load_misses] *= 1 + extra;
  }
  const double noise = work.seconds > 0 ? work.noise / work.seconds : 1;
  const double share = settings_.enabled_share * random_.uniform(0.9, 1.1);
  memory_[v] = settings_.noise_memory * memory_[v] +
               std::sqrt(1 - settings_.noise_memory * settings_.noise_memory) * bell(random_);
  for (std::size_t e = 0; e < kEvents; ++e) {
    double value = x[e] * level_[v][e];
    const double spread = settings_.event_noise[e] * noise;
    const double draw = e == instructions ? memory_[v] : bell(random_);
    // Noise of misses is skewed, all else is symmetric.
    if (e == cache_misses || e == llc_load_misses) {
      value *= std::exp(spread * draw);
      value += std::sqrt(value / share) * bell(random_);  // counting noise of the part that was seen
    } else {
      value *= 1 + spread * draw;
    }
    if (e != cycles) value = std::floor(value * share) / share;  // whole counts, scaled up
    out[e * kVnfs + v] = std::max(0.0, std::floor(value + 0.5));
  }
}

void CounterUnit::lose(std::span<double> out) {
  if (!random_.chance(settings_.uncounted_rate)) return;
  const std::size_t first = random_.below(kVnfs);
  const std::size_t count = 1 + random_.below(3);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t e = 0; e < kEvents; ++e)
      out[e * kVnfs + (first + i) % kVnfs] = std::numeric_limits<double>::quiet_NaN();
}

}  // namespace drst::sim
