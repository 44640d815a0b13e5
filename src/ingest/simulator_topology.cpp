#include "ingest/simulator_topology.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace drst::sim {
namespace {

enum : std::size_t { firewall, router, dpi, payload, bridge };

Deployment linear(bool stimulus_campaign) {
  Deployment d;
  d.nodes = {Node{firewall, {}, true}, Node{dpi, {{firewall, 1}}, true}, Node{router, {{dpi, 1}}, true},
             Node{payload, {{router, 1}}, true}, Node{bridge, {{payload, 1}}, true}};
  d.load_factor = {1, 1, 1, 1, 1};
  d.store_factor = {1, 1, 1, 1, 1};
  d.miss_factor = {1, 1, 1, 1, 1};
  if (stimulus_campaign) {
    d.load_factor = {0.8, 1.0, 0.9, 0.8, 0.55};
    d.store_factor = {0.95, 0.9, 1.0, 1.0, 1.1};
    d.miss_factor = {1.1, 0.8, 1.15, 1.1, 0.95};
    d.hop_wait_us = 4;
  }
  return d;
}

Deployment fork_after_router() {
  Deployment d;
  d.nodes = {Node{firewall, {}, true}, Node{router, {{firewall, 1}}, true}, Node{dpi, {{router, 0.5}}, true},
             Node{payload, {{router, 0.5}}, false}, Node{bridge, {{dpi, 1}, {payload, 1}}, true}};
  d.load_factor = {0.7, 1.2, 1.35, 1.6, 1.0};
  d.store_factor = {0.9, 1.25, 1.5, 1.4, 1.15};
  d.miss_factor = {1.4, 1.4, 2.4, 2.4, 1.3};  // merging flows: less reuse
  d.hop_wait_us = 4;
  return d;
}

Deployment fork_after_firewall() {
  Deployment d;
  d.nodes = {Node{firewall, {}, true}, Node{router, {{firewall, 0.5}}, true},
             Node{dpi, {{firewall, 0.5}}, false}, Node{payload, {{router, 1}, {dpi, 1}}, true},
             Node{bridge, {{payload, 1}}, true}};
  d.load_factor = {0.7, 1.4, 1.35, 1.1, 0.6};
  d.store_factor = {0.9, 1.4, 1.5, 1.2, 1.1};
  d.miss_factor = {1.4, 2.2, 2.4, 1.4, 1.1};
  d.hop_wait_us = 4;
  return d;
}

}  // namespace

Deployment make_deployment(Scenario scenario, Topology topology, const SimulatorSettings& settings) {
  Deployment d;
  switch (topology) {
    case Topology::linear:
      d = linear(scenario == Scenario::resource_stimulus || scenario == Scenario::intervention);
      break;
    case Topology::dag_1:
      d = fork_after_router();
      break;
    case Topology::dag_2:
      d = fork_after_firewall();
      break;
  }
  d.vnf_names = settings.chain.vnfs;
  if (topology == Topology::dag_2) {
    const auto place = std::find(d.vnf_names.begin(), d.vnf_names.end(), settings.replaced);
    if (place == d.vnf_names.end())
      throw InputError("simulator.replaced = \"" + settings.replaced +
                       "\": no such VNF in the chain; use one of " + join(d.vnf_names));
    if (std::find(d.vnf_names.begin(), d.vnf_names.end(), settings.replacement) != d.vnf_names.end())
      throw InputError("simulator.replacement = \"" + settings.replacement +
                       "\" is already in the chain; use a new name");
    *place = settings.replacement;
    // The newcomer tracks flows: a table look-up a packet, so more lines than what it replaces.
    d.load_factor[static_cast<std::size_t>(place - d.vnf_names.begin())] *= 1.3;
  }
  return d;
}

}  // namespace drst::sim
