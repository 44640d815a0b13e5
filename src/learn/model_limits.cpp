#include "learn/model_limits.h"

namespace drst {

ModelLimits OnnxSettings::limits() const {
  ModelLimits limits;
  auto& network = limits.network;
  network.max_bytes = static_cast<std::size_t>(max_mib) << 20U;
  network.max_structure_bytes = static_cast<std::size_t>(max_structure_kib) << 10U;
  network.max_nodes = static_cast<std::size_t>(max_nodes);
  network.max_inputs = static_cast<std::size_t>(max_inputs);
  network.max_layers = static_cast<std::size_t>(max_layers);
  network.max_width = static_cast<std::size_t>(max_width);
  auto& trees = limits.trees;
  trees.max_bytes = network.max_bytes;
  trees.max_structure_bytes = network.max_structure_bytes;
  trees.max_inputs = network.max_inputs;
  trees.max_trees = static_cast<std::size_t>(max_trees);
  trees.max_nodes = static_cast<std::size_t>(max_tree_nodes);
  return limits;
}

void describe(SettingsVisitor& visitor, OnnxSettings& s) {
  visitor.visit(
      "max_mib", s.max_mib,
      {"MiB", "largest model file that is read; a network of 120 inputs has 40 kB, 200 trees 7 MB", 1, 2047});
  visitor.visit("max_structure_kib", s.max_structure_kib,
                {"KiB",
                 "of it, all that is neither weights nor trees: names, nodes, metadata, which cost far more "
                 "memory than their bytes; ours have some kB",
                 1, 1e6});
  visitor.visit("max_nodes", s.max_nodes, {"nodes", "of a graph, and constants; ours have about 20", 1, 1e6});
  visitor.visit("max_inputs", s.max_inputs,
                {"inputs", "of a model; a chain of 60 counters has 120 with lags", 1, 65'535});
  visitor.visit("max_layers", s.max_layers, {"layers", "of a network; ours have 3", 1, 1000});
  visitor.visit("max_width", s.max_width, {"units", "of a layer, or of any dimension of a constant", 1, 1e7});
  visitor.visit("max_trees", s.max_trees, {"trees", "of an ensemble; ours have 200", 1, 1e6});
  visitor.visit(
      "max_tree_nodes", s.max_tree_nodes,
      {"nodes", "of all trees of an ensemble; 200 trees on 2000 rows have 130 000 to 800 000", 1, 1e9});
}

}  // namespace drst
