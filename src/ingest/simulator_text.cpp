// Names of scenarios, topologies and changes, as the command line gives them.
#include <array>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "ingest/simulator.h"

namespace drst {
namespace {

constexpr std::array<std::pair<std::string_view, Scenario>, 4> kScenarios = {{
    {"baseline", Scenario::baseline},
    {"random-rates", Scenario::random_rates},
    {"resource-stimulus", Scenario::resource_stimulus},
    {"intervention", Scenario::intervention},
}};
constexpr std::array<std::pair<std::string_view, Topology>, 3> kTopologies = {{
    {"linear", Topology::linear},
    {"dag-1", Topology::dag_1},
    {"dag-2", Topology::dag_2},
}};

template <class Names>
auto parse(std::string_view text, const Names& names, const char* what) {
  std::string known;
  for (const auto& [name, value] : names) {
    if (name == text) return value;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw InputError(std::string(what) + " \"" + std::string(text) + "\" is unknown; use one of " + known);
}

template <class Value, class Names>
std::string name_of(Value value, const Names& names) {
  for (const auto& [name, known] : names)
    if (known == value) return std::string(name);
  return "unknown";
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Scenario parse_scenario(std::string_view text) { return parse(text, kScenarios, "scenario"); }
Topology parse_topology(std::string_view text) { return parse(text, kTopologies, "topology"); }
std::string to_string(Scenario scenario) { return name_of(scenario, kScenarios); }
std::string to_string(Topology topology) { return name_of(topology, kTopologies); }

SimulationChange parse_change(std::string_view text) {
  const auto refuse = [&](const char* why) -> SimulationChange {
    throw InputError("change \"" + std::string(text) + "\": " + why +
                     "; the form is WHAT[/VNF]@ROW[-ROW]*FACTOR with WHAT one of cost, traffic, noise");
  };
  const std::size_t at = text.find('@');
  const std::size_t star = text.rfind('*');
  if (at == std::string_view::npos || star == std::string_view::npos || star < at)
    return refuse("no @ROW*FACTOR");
  SimulationChange change;
  std::string_view what = text.substr(0, at);
  if (const std::size_t slash = what.find('/'); slash != std::string_view::npos) {
    change.vnf = what.substr(slash + 1);
    if (change.vnf.empty()) return refuse("no VNF after the slash");
    what = what.substr(0, slash);
  }
  if (what == "cost") {
    change.what = SimulationChange::What::cost;
  } else if (what == "traffic") {
    change.what = SimulationChange::What::traffic;
    if (!change.vnf.empty()) return refuse("traffic is of the whole chain");
  } else if (what == "noise") {
    change.what = SimulationChange::What::noise;
  } else {
    return refuse("what changes is unknown");
  }
  std::string_view rows = text.substr(at + 1, star - at - 1);
  const std::size_t dash = rows.find('-');
  if (!read_number(rows.substr(0, dash), change.from_row) || change.from_row < 0) return refuse("no row");
  change.to_row = change.from_row;
  if (dash != std::string_view::npos &&
      (!read_number(rows.substr(dash + 1), change.to_row) || change.to_row < change.from_row))
    return refuse("the second row must be a number not before the first");
  if (!read_number(text.substr(star + 1), change.factor) || !(change.factor > 0) || change.factor > 1e6)
    return refuse("the factor must be above 0 and at most 1e6");
  return change;
}

}  // namespace drst
