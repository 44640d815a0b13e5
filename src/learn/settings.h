// Settings of offline training and of the model families: section [model]. The reasons stand beside the
// defaults in settings.cpp; the trials they come from are in docs/figures.md, "Accuracy trials".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings.h"

namespace drst {

struct ModelSettings {
  std::string family = "auto";
  std::vector<std::string> targets = {"output_rate"};
  std::vector<std::string> kpis = {"input_rate", "output_rate", "latency"};
  // inputs
  int64_t features = 0;
  std::string lags = "auto";
  std::string log_inputs = "auto";
  std::string log_target = "auto";
  bool clip_inputs = true;
  double choice_tolerance = 0.002;
  int64_t trial_epochs = 12;
  int64_t stress_bands = 5;
  int64_t stress_epochs = 40;
  // split
  double validation_share = 0.2;
  int64_t gap_rows = 5;
  int64_t min_rows = 40;
  // loss
  double epsilon = 1e-6;
  double target_floor_share = 0.01;
  // mlp
  std::vector<int64_t> hidden = {64, 32};
  std::string activation = "relu";
  std::string loss = "smooth-l1";
  double learning_rate = 2e-3;
  double final_rate_share = 0.02;
  int64_t batch = 32;
  double weight_decay = 3e-4;
  double input_noise = 0.3;
  int64_t epochs = 90;
  int64_t patience = 25;
  bool refit_on_all = true;
  // trees
  int64_t trees = 200;
  double tree_feature_share = 0.4;
  int64_t tree_least_leaf = 5;
  int64_t tree_most_nodes = 150'000;
  int64_t gbt_rounds = 200;
  double gbt_learning_rate = 0.05;
  int64_t gbt_depth = 6;
  int64_t threads = 2;
  // mixture
  int64_t mixture_networks = 5;
  double mixture_tree_weight = 0.5;
  double mixture_margin = 0.05;
  // ridge
  std::vector<double> ridge_penalties = {1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1};
};
void describe(SettingsVisitor& visitor, ModelSettings& settings);

}  // namespace drst
