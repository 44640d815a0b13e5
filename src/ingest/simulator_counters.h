// The performance monitor: what was done in a second becomes the twelve counts that `perf stat` would print.
//
// More events than counters: each event runs for a part of the second and is scaled up, so a count is a
// multiple of a quantum and rare events are noisy. Besides, whole-second noise by event
// (SimulatorSettings::event_noise), small shifts between experiments, periodic work of the host, and spikes
// of misses.
#pragma once

#include <array>
#include <span>

#include "base/random.h"
#include "ingest/simulator_physics.h"

namespace drst::sim {

inline constexpr std::size_t kEvents = 12;

/// A second's work of one VNF, summed over its steps.
struct Work {
  double idle_cycles = 0, busy_cycles = 0, seconds = 0;
  double packets = 0, bursts = 0;
  double refused_downstream = 0;  ///< packets sent into a full ring of the next VNF: never written there
  double evicted_lines = 0, cold_lines = 0;
  double noise = 0;  ///< factor on the noise, weighted by seconds
};

class CounterUnit {
 public:
  CounterUnit(const SimulatorSettings& settings, const Deployment& deployment, Random random);
  void begin_experiment();
  /// Counts of VNF v into out[e * kVnfs + v]. `housekeeping`: the host's periodic work falls into this
  /// second.
  void read(std::size_t v, const Work& work, bool housekeeping, std::span<double> out);
  /// Now and then some VNFs are not counted at all in a second: NaN in their cells.
  void lose(std::span<double> out);

 private:
  std::array<double, kEvents> expected(std::size_t v, const Work& work) const;

  SimulatorSettings settings_;
  Deployment deployment_;
  Random random_;
  std::array<std::array<double, kEvents>, kVnfs> level_{};  ///< factors of this experiment
  std::array<double, kVnfs> memory_{};  ///< autocorrelated part of the noise of instructions
};

}  // namespace drst::sim
