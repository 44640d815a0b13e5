#include "learn/settings.h"

namespace drst {

void describe(SettingsVisitor& visitor, ModelSettings& s) {
  visitor.visit("family", s.family,
                {"",
                 "which family offline training uses; auto picks the one with the least validation error",
                 -1,
                 1,
                 {"auto", "mlp", "ridge", "extra_trees", "gbt", "mixture"}});
  visitor.visit("targets", s.targets,
                {"",
                 "the KPIs to predict, each with models of its own; the first is the record's label, and all "
                 "KPIs of model.kpis are never inputs"});
  visitor.visit("kpis", s.kpis, {"", "columns that are measured on packets and so are no counters"});
  visitor.visit("features", s.features,
                {"inputs",
                 "most inputs, chosen by |Pearson| on the training rows; 0 keeps all that vary: the trials "
                 "lost accuracy "
                 "with any smaller number, and 120 inputs still take microseconds",
                 0, 16'384});
  const SettingNote decided = {"", "", -1, 1, {"auto", "on", "off"}};
  SettingNote note = decided;
  note.reason =
      "the previous second's counters as further inputs: counters and rates are sampled out of step; auto "
      "decides by a short trial";
  visitor.visit("lags", s.lags, note);
  note.reason = "ln(1 + x) of counters, which span decades and act as ratios; auto decides by a short trial";
  visitor.visit("log_inputs", s.log_inputs, note);
  note.reason =
      "learn ln(y): the loss is then relative as the metric is; off weights by 1/y instead; auto decides by "
      "a short trial";
  visitor.visit("log_target", s.log_target, note);
  visitor.visit("clip_inputs", s.clip_inputs,
                {"",
                 "hold standardised inputs within the range seen in training: a frozen network extrapolates "
                 "badly in a world it never met"});
  visitor.visit("choice_tolerance", s.choice_tolerance,
                {"1",
                 "mean bounded error by which a trial must be better before it overrides a default; the "
                 "noise of a seed",
                 0, 1});
  visitor.visit("trial_epochs", s.trial_epochs,
                {"epochs", "length of such a trial; the ranking is settled by then", 1, 10'000});
  visitor.visit(
      "stress_bands", s.stress_bands,
      {"bands",
       "of the target, each held out of training once, that judge families and ridge's penalty beside the "
       "validation rows: "
       "without them a ridge is chosen that predicts 2 % of the contended stage within 20 %; 0: none",
       0, 100});
  visitor.visit("stress_epochs", s.stress_epochs,
                {"epochs", "of an mlp on such a band's rest; enough to rank it", 1, 10'000});
  visitor.visit("validation_share", s.validation_share,
                {"1", "share of the offline rows, the last ones, that judges", 0.01, 0.9});
  visitor.visit("gap_rows", s.gap_rows,
                {"rows",
                 "left out between training and validation where no experiment boundary parts them; "
                 "neighbours are nearly copies",
                 1, 10'000});
  visitor.visit("min_rows", s.min_rows,
                {"rows", "fewest labelled rows to train on; below, an error", 10, 1e9});
  visitor.visit("epsilon", s.epsilon,
                {"target unit", "least |y| that a relative error is divided by", 1e-300, 1e9});
  visitor.visit("target_floor_share", s.target_floor_share,
                {"1",
                 "share of the median |y| below which targets are learned as if they were that: keeps ln(y) "
                 "and 1/y finite",
                 1e-9, 1});
  visitor.visit("hidden", s.hidden,
                {"units", "hidden layers of the mlp; 64-32 is the published system's", 1, 4096});
  visitor.visit("activation", s.activation, {"", "of the hidden layers", -1, 1, {"relu", "gelu"}});
  visitor.visit("loss", s.loss,
                {"",
                 "smooth-l1 is less moved by the rows where counters and rate are out of step",
                 -1,
                 1,
                 {"smooth-l1", "mse"}});
  visitor.visit("learning_rate", s.learning_rate,
                {"1", "Adam's rate in the first epoch; falls linearly", 1e-6, 1});
  visitor.visit("final_rate_share", s.final_rate_share, {"1", "of the rate in the last epoch", 0, 1});
  visitor.visit("batch", s.batch, {"rows", "a mini-batch", 1, 65'536});
  visitor.visit(
      "weight_decay", s.weight_decay,
      {"1", "L2 term; with the noise below it carries the frozen model over to other worlds", 0, 1});
  visitor.visit("input_noise", s.input_noise,
                {"standard deviations",
                 "Gaussian noise on the inputs of each training row: keeps the network from leaning on a "
                 "single counter",
                 0, 10});
  visitor.visit("epochs", s.epochs,
                {"epochs", "at most; the learning rate falls to nothing over them", 1, 100'000});
  visitor.visit("patience", s.patience,
                {"epochs", "without a better validation before training stops early", 1, 100'000});
  visitor.visit("refit_on_all", s.refit_on_all,
                {"",
                 "publish weights trained on all rows once validation has judged the recipe; the newest rows "
                 "are the most like what comes"});
  visitor.visit("trees", s.trees, {"trees", "of extra_trees; fewer vary by seed", 1, 10'000});
  visitor.visit("tree_feature_share", s.tree_feature_share,
                {"1", "of the inputs, tried at each split of extra_trees", 0.001, 1});
  visitor.visit(
      "tree_least_leaf", s.tree_least_leaf,
      {"rows", "in a leaf of extra_trees at least; leaves of one row make six times the nodes", 1, 1e6});
  visitor.visit("tree_most_nodes", s.tree_most_nodes, {"nodes", "of all extra_trees together", 100, 4e6});
  visitor.visit("gbt_rounds", s.gbt_rounds, {"trees", "boosted one after another", 1, 10'000});
  visitor.visit("gbt_learning_rate", s.gbt_learning_rate,
                {"1", "how much of each boosted tree is added", 1e-4, 1});
  visitor.visit("gbt_depth", s.gbt_depth, {"splits", "from root to leaf of a boosted tree at most", 1, 15});
  visitor.visit("threads", s.threads,
                {"threads", "that grow extra_trees; the trees do not depend on it", 1, 256});
  visitor.visit(
      "mixture_networks", s.mixture_networks,
      {"mlps", "of a mixture, which differ by their seeds; five halve the spread over seeds", 1, 15});
  visitor.visit(
      "mixture_tree_weight", s.mixture_tree_weight,
      {"1", "of extra_trees in a mixture, the mlps share the rest; a third to a half do equally well", 0.01,
       0.99});
  visitor.visit(
      "mixture_margin", s.mixture_margin,
      {"1",
       "auto: mean bounded error, on validation and bands together, by which another family must beat the "
       "mixture: it varies less by seed, which one trial does not show",
       0, 2});
  visitor.visit("ridge_penalties", s.ridge_penalties,
                {"1", "tried by ridge, per unit of weight on standardised inputs", 0, 1e12});
}

}  // namespace drst
