// Who is linked to whom, and where: a deployment of the chain's five VNFs.
//
// Nodes stand in the order packets meet them. How dear a packet is to a VNF depends on its place: lines that
// the VNF before left modified in its private cache are fetched over the LLC. The published tables show it
// (the bridge loads half as many lines a packet in the stimulus campaign as in the baseline campaign, at one
// rate), so each deployment carries factors.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "ingest/simulator.h"

namespace drst::sim {

inline constexpr std::size_t kVnfs = 5;

struct Link {
  std::size_t from = 0;  ///< VNF index in column order
  double share = 1;      ///< of that VNF's output
};
struct Node {
  std::size_t vnf = 0;       ///< index in column order
  std::vector<Link> inputs;  ///< none: fed by the generator
  bool probed = true;        ///< latency probes pass here
};
struct Deployment {
  std::array<Node, kVnfs> nodes;           ///< in topological order; the last one is the exit
  std::array<double, kVnfs> load_factor;   ///< LLC loads a packet, by column order
  std::array<double, kVnfs> store_factor;  ///< LLC stores
  std::array<double, kVnfs> miss_factor;   ///< DRAM misses
  double hop_wait_us = 1;                  ///< median wait of a probe over the whole path
  std::vector<std::string> vnf_names;      ///< column order
};

Deployment make_deployment(Scenario scenario, Topology topology, const SimulatorSettings& settings);

}  // namespace drst::sim
