// What happens to the chain when: offered rate, neighbours, clocks, changes. Everything is drawn as time goes
// on, so an experiment may be of any length in constant memory.
//
// Time t is in seconds of the counters' clock, 0 where the experiment's first counter row begins; steps must
// be asked for in order.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "ingest/simulator.h"
#include "ingest/simulator_topology.h"

namespace drst::sim {

/// One step of the world, averaged over it.
struct World {
  double offered_mbps = 0;
  std::array<double, kVnfs> share{};  ///< of its core, by VNF
  std::array<double, kVnfs> clock_hz{};
  std::array<double, kVnfs> cost{};  ///< factors of the specified changes
  double noise = 1;                  ///< the same, for measurement noise of all VNFs
  std::array<double, kVnfs> vnf_noise{};
  double cache_pressure = 0;
  double memory_pressure = 0;
  int neighbour_vnf = -1;  ///< CPU neighbour's VNF during this step
  double period_s = 0.024;
};

class ScenarioPlayer {
 public:
  ScenarioPlayer(const SimulationSpec& spec, const std::vector<std::string>& vnf_names, Random random);

  /// Rows the next experiment takes.
  int64_t draw_experiment_rows();
  /// `first_row` over the whole output; `rate_lag_s` is the lag of the rates, on whose clock the generator
  /// steps.
  void begin_experiment(int64_t first_row, double rate_lag_s);
  /// The step [t, t + dt).
  void step(double t, double dt, World& out);

 private:
  struct Neighbour {
    double begin = 0, end = 0;
    int vnf = -1;      ///< -1: on another core of the socket
    double share = 1;  ///< left to the VNF
    double cache = 0, memory = 0;
  };
  struct Clock {
    double next_dip = 0, dip_end = -1;
    double next_slow = 0, slow_end = -1, slow_hz = 0;
  };

  double level(double t);
  void draw_neighbour(double cycle_start);
  double clock(Clock& clock, double t, double dt);
  double on_time(double t) const;
  void apply_changes(double t, World& out) const;
  std::size_t weighted(const std::vector<double>& weights);

  SimulationSpec spec_;
  std::vector<int> change_vnf_;  ///< index of each change's VNF, -1: all
  Random random_;
  int64_t first_row_ = 0;
  double generator_offset_ = 0;  ///< counters' clock to the generator's
  int64_t level_index_ = -1;
  double level_mbps_ = 0;
  Neighbour neighbour_;
  double neighbour_cycle_ = 0;  ///< when the next neighbour is drawn
  double slice_phase_ = 0, period_s_ = 0.024;
  std::array<Clock, kVnfs> clocks_;
};

}  // namespace drst::sim
