#include "learn/fit_trees.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "learn/scaler.h"
#include "trees/boosted.h"
#include "trees/extra_trees.h"

namespace drst {
namespace {

/// What the leaves average, and how much each row counts.
struct Learned {
  std::vector<float> target, weight;
  bool negative = false;
};

Learned learned(const Dataset& data, const TreeTask& task) {
  const double floor = target_floor(data.y, task.floor_share);
  Learned learned{data.y, data.weight};
  for (float& y : learned.target) {
    learned.negative = learned.negative || y < 0;
    const double size = std::max(std::abs(static_cast<double>(y)), floor);
    if (task.log_target) {
      y = static_cast<float>(std::log(std::max(static_cast<double>(y), floor)));
    } else if (data.weight.empty()) {
      learned.weight.push_back(static_cast<float>(floor / size));
    } else {
      learned.weight[static_cast<std::size_t>(&y - learned.target.data())] *=
          static_cast<float>(floor / size);
    }
  }
  return learned;
}

TrainTable table_of(const Dataset& data, const Learned& learned) {
  TrainTable table;
  table.inputs = data.inputs;
  table.stand_in = stand_ins(data.inputs);
  table.x = data.x;
  table.y = learned.target;
  table.weight = learned.weight;
  return table;
}

}  // namespace

std::unique_ptr<Model> fit_trees(const std::string& family, const Dataset& data, const TreeTask& task,
                                 const ModelSettings& settings, uint64_t seed, double* helper_cpu_s) {
  const Learned rows = learned(data, task);
  const TrainTable table = table_of(data, rows);
  TreeEnsemble ensemble;
  if (family == "gbt") {
    BoostedOptions options;
    options.rounds = static_cast<std::size_t>(settings.gbt_rounds);
    options.learning_rate = settings.gbt_learning_rate;
    options.depth = static_cast<std::size_t>(settings.gbt_depth);
    options.seed = seed;
    options.threads = 1;  // the order of its sums depends on their number
    ensemble = fit_boosted(table, options);
  } else {
    ExtraTreesOptions options;
    options.trees = static_cast<std::size_t>(settings.trees);
    options.feature_share = settings.tree_feature_share;
    options.least_leaf = static_cast<std::size_t>(settings.tree_least_leaf);
    options.most_nodes = static_cast<std::size_t>(settings.tree_most_nodes);
    options.log_splits = task.log_inputs;
    options.seed = seed;
    options.threads = static_cast<std::size_t>(settings.threads);
    ensemble = fit_extra_trees(table, options, helper_cpu_s);
  }
  ensemble.exponential = task.log_target;
  ensemble.non_negative = !rows.negative;
  return make_model(std::move(ensemble), family);
}

bool can_be_boosted_on(const Model& base) {
  return base.trees() != nullptr && !base.trees()->less_or_equal && base.trees()->scale == 1;
}

std::unique_ptr<Model> boost_on(const Model& base, const Dataset& data, const TreeTask& task,
                                const BoostOn& more) {
  if (!can_be_boosted_on(base))
    throw InputError("only boosted trees can be boosted on, this is a model of the family " +
                     std::string(base.family()));
  TreeEnsemble joined = *base.trees();
  TreeEnsemble margin = joined;
  margin.exponential = margin.non_negative = false;
  std::vector<float> said(data.rows());
  TreeScratch scratch;
  predict(margin, data.x, data.rows(), said, scratch);
  Learned rows = learned(data, task);
  for (std::size_t r = 0; r < said.size(); ++r) rows.target[r] -= said[r];
  TrainTable table = table_of(data, rows);
  table.impute = joined.impute;
  BoostedOptions options;
  options.rounds = more.rounds;
  options.depth = more.depth;
  options.learning_rate = more.learning_rate;
  options.seed = more.seed;
  options.threads = 1;  // as above
  const TreeEnsemble correction = fit_boosted(table, options);
  joined.base += correction.base;
  for (std::size_t t = 0; t < correction.trees.size(); ++t) append_tree(joined, correction.tree(t));
  return make_model(std::move(joined), std::string(base.family()));
}

}  // namespace drst
