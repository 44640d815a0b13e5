#include "learn/families.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "learn/fit_trees.h"
#include "learn/fitting.h"
#include "learn/scaler.h"
#include "learn/select.h"

namespace drst {
namespace learn {

Prepared prepare(const FitRequest& request, const ModelSettings& settings, double weight_power) {
  const Dataset& train = *request.train;
  std::vector<std::size_t> all(train.rows());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const double floor = target_floor(train.y, settings.target_floor_share);
  Prepared prepared;
  fit_inputs(prepared.network, train, all, {request.recipe.log_inputs, settings.clip_inputs});
  fit_target(prepared.network, train.y, request.recipe.log_target, floor);
  prepared.x.resize(train.x.size());
  transform_inputs(prepared.network, train.x, train.rows(), prepared.x);
  prepared.z = standardise_target(prepared.network, train.y, floor);
  prepared.weight = train.weight;
  if (!request.recipe.log_target) {
    prepared.weight.resize(train.rows(), 1.0F);
    double sum = 0;
    std::vector<double> relative(train.rows());
    for (std::size_t i = 0; i < train.rows(); ++i) {
      relative[i] = std::pow(std::max(std::abs(static_cast<double>(train.y[i])), floor), -weight_power);
      sum += relative[i];
    }
    // Mean 1, so that penalties and learning rates mean the same with and without.
    for (std::size_t i = 0; i < train.rows(); ++i)
      prepared.weight[i] = static_cast<float>(static_cast<double>(prepared.weight[i]) * relative[i] *
                                              static_cast<double>(train.rows()) / sum);
  }
  return prepared;
}

}  // namespace learn

namespace {

using learn::Fit;
using learn::FitRequest;
using learn::Recipe;

/// One family fitted, whatever it is made of.
struct Fitted {
  std::shared_ptr<const Model> model;
  Metrics validation;
  double stress = 0;
  std::size_t epochs = 0;
  double penalty = 0;
};

constexpr uint64_t seed_trees = 101, seed_members = 102;

Fitted fit_trees(const std::string& family, const FitRequest& request, const ModelSettings& settings) {
  Fitted fitted;
  fitted.model =
      drst::fit_trees(family, *request.train,
                      {request.recipe.log_inputs, request.recipe.log_target, settings.target_floor_share},
                      settings, Random(request.seed).fork(seed_trees)());
  if (request.validation != nullptr)
    fitted.validation = evaluate(*fitted.model, *request.validation, settings.epsilon);
  return fitted;
}

Fitted fit_family(const std::string& family, const FitRequest& request, const ModelSettings& settings) {
  if (family == "extra_trees" || family == "gbt") return fit_trees(family, request, settings);
  Fit fit = family == "ridge" ? learn::fit_ridge(request, settings) : learn::fit_mlp(request, settings);
  return {make_model(std::move(fit.network), family), fit.validation, fit.stress, fit.epochs, fit.penalty};
}

/// Several mlps, two at a time, and trees.
Fitted fit_mixture(const FitRequest& request, const ModelSettings& settings) {
  const auto count = static_cast<std::size_t>(settings.mixture_networks);
  std::vector<Fitted> fitted(count + 1);
  const auto fit_some = [&](std::size_t first) {
    for (std::size_t k = first; k <= count; k += 2) {
      FitRequest own = request;
      if (k > 0 && k < count) own.seed = Random(request.seed).fork(seed_members + k)();
      fitted[k] = fit_family(k < count ? "mlp" : "extra_trees", own, settings);
    }
  };
  auto helper = std::async(std::launch::async, fit_some, std::size_t{1});
  fit_some(0);
  helper.get();
  std::vector<MixtureMember> members;
  for (std::size_t k = 0; k < count; ++k)
    members.push_back({fitted[k].model,
                       static_cast<float>((1 - settings.mixture_tree_weight) / static_cast<double>(count))});
  members.push_back({fitted[count].model, static_cast<float>(settings.mixture_tree_weight)});
  Fitted mixture;
  mixture.model = make_mixture(std::move(members), request.recipe.log_target, "mixture");
  mixture.epochs = fitted.front().epochs;
  if (request.validation != nullptr)
    mixture.validation = evaluate(*mixture.model, *request.validation, settings.epsilon);
  return mixture;
}

Fitted fit_any(const std::string& family, const FitRequest& request, const ModelSettings& settings) {
  return family == "mixture" ? fit_mixture(request, settings) : fit_family(family, request, settings);
}

/// The parts of a split as data sets with the inputs that a recipe allows and the selection keeps.
struct Parts {
  Dataset train, validation;
  FeatureChoice choice;
};

Parts make_parts(const Dataset& data, const Split& split, const Recipe& recipe,
                 const ModelSettings& settings) {
  std::vector<std::string> allowed;
  for (const auto& input : data.inputs)
    if (recipe.lags || lagged_column(input).empty()) allowed.push_back(input);
  const Dataset candidates = with_inputs(data, allowed);
  Parts parts;
  parts.choice = need_features(candidates, split.train, static_cast<std::size_t>(settings.features));
  const Dataset chosen = with_inputs(candidates, parts.choice.inputs);
  parts.train = take_rows(chosen, split.train);
  parts.validation = take_rows(chosen, split.validation);
  return parts;
}

/// The training rows cut into bands of the target, each held out once: how a family fares in a world whose
/// rates it has not seen. Families are compared on the inner bands, since an offline sweep spans the link and
/// a new world brings no rates beyond it. A ridge's penalty is chosen with the `ends`, too: what it must
/// withstand is other relations of the counters, and only the way out of the training range punishes large
/// coefficients.
enum class Bands { inner, ends };
std::vector<learn::Fold> hold_out_bands(const Dataset& train, int64_t bands, Bands which) {
  std::vector<learn::Fold> folds;
  std::vector<float> sorted = train.y;
  std::sort(sorted.begin(), sorted.end());
  const auto count = static_cast<std::size_t>(bands);
  const std::size_t first = which == Bands::ends ? 0 : 1;
  for (std::size_t band = first; bands > 1 && band + first < count; ++band) {
    const float low = sorted[sorted.size() * band / count];
    const bool last = band + 1 == count;
    const float high = last ? 0 : sorted[sorted.size() * (band + 1) / count];
    std::vector<std::size_t> inside;
    std::vector<std::size_t> outside;
    for (std::size_t r = 0; r < train.rows(); ++r)
      (train.y[r] >= low && (last || train.y[r] < high) ? inside : outside).push_back(r);
    // Equal targets may leave a band empty, or take the whole table.
    if (!inside.empty() && outside.size() >= 2)
      folds.push_back({take_rows(train, outside), take_rows(train, inside)});
  }
  return folds;
}

/// Mean bounded error of a family over the folds; mlps train for the few epochs that rank them.
double stress_of(const std::string& family, const std::vector<learn::Fold>& folds, const Recipe& recipe,
                 const ModelSettings& settings, uint64_t seed, std::optional<double> penalty) {
  std::vector<double> losses(folds.size(), 0);
  const auto judge = [&](std::size_t first, std::size_t step) {
    for (std::size_t i = first; i < folds.size(); i += step) {
      FitRequest request;
      request.train = &folds[i].train;
      request.recipe = recipe;
      request.epochs = static_cast<std::size_t>(settings.stress_epochs);
      request.seed = seed;
      request.penalty = penalty;
      losses[i] =
          evaluate(*fit_any(family, request, settings).model, folds[i].validation, settings.epsilon).bounded;
    }
  };
  if (family == "mixture" || family == "extra_trees") {  // two threads of their own
    judge(0, 1);
  } else {
    auto helper = std::async(std::launch::async, judge, std::size_t{1}, std::size_t{2});
    judge(0, 2);
    helper.get();
  }
  return folds.empty()
             ? 0
             : std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(folds.size());
}

/// Beside trees, which need none: Model::scaling. Only where the target is a logarithm, as those who measure
/// distances ask for no other.
std::shared_ptr<const Network> scaling_of(const Model& model, const Dataset& data, const Recipe& recipe,
                                          const ModelSettings& settings) {
  if (model.trees() == nullptr || !model.trees()->exponential) return nullptr;
  std::vector<std::size_t> all(data.rows());
  std::iota(all.begin(), all.end(), std::size_t{0});
  auto scaling = std::make_shared<Network>();
  fit_inputs(*scaling, with_inputs(data, model.inputs()), all, {recipe.log_inputs, settings.clip_inputs});
  scaling->exponential = true;
  return scaling;
}

/// |Pearson r| of the standardised inputs with ln(y), mean 1; of a model without a scaling: none.
std::vector<float> relevance_of(const Model& model, const Network* scaling, const Dataset& data,
                                const ModelSettings& settings) {
  if (scaling == nullptr || !scaling->exponential || data.rows() < 2) return {};
  const Dataset matched = with_inputs(data, model.inputs());
  const std::size_t width = matched.inputs.size();
  std::vector<float> x(matched.x.size());
  transform_inputs(*scaling, matched.x, matched.rows(), x);
  const double floor = target_floor(matched.y, settings.target_floor_share);
  const auto n = static_cast<double>(matched.rows());
  std::vector<double> log_y;
  for (const float y : matched.y) log_y.push_back(std::log(std::max(static_cast<double>(y), floor)));
  const double mean_y = std::accumulate(log_y.begin(), log_y.end(), 0.0) / n;
  std::vector<double> relevance(width, 0);
  double sum = 0;
  for (std::size_t c = 0; c < width; ++c) {
    double mean = 0, xy = 0, xx = 0, yy = 0;
    for (std::size_t r = 0; r < matched.rows(); ++r) mean += static_cast<double>(x[r * width + c]) / n;
    for (std::size_t r = 0; r < matched.rows(); ++r) {
      const double dx = static_cast<double>(x[r * width + c]) - mean;
      const double dy = log_y[r] - mean_y;
      xy += dx * dy;
      xx += dx * dx;
      yy += dy * dy;
    }
    relevance[c] = xx > 0 && yy > 0 ? std::abs(xy) / std::sqrt(xx * yy) : 0;
    sum += relevance[c];
  }
  std::vector<float> result;
  result.reserve(relevance.size());
  for (const double r : relevance)
    result.push_back(sum > 0 ? static_cast<float>(r * static_cast<double>(width) / sum) : 1.0F);
  return result;
}

struct Option {
  const char* name;
  const std::string ModelSettings::*setting;
  bool Recipe::*decision;
};
constexpr Option options[] = {{"lags", &ModelSettings::lags, &Recipe::lags},
                              {"log_inputs", &ModelSettings::log_inputs, &Recipe::log_inputs},
                              {"log_target", &ModelSettings::log_target, &Recipe::log_target}};

/// Short trials: the recipe with everything on, and for each open option the same without it. An option goes
/// only if the trial without it errs less by the tolerance.
Recipe decide(const std::string& family, const Dataset& data, const Split& split,
              const ModelSettings& settings, uint64_t seed, std::map<std::string, std::string>& log) {
  Recipe recipe;
  // The logarithm of a rate that may be negative is none.
  const bool has_negative = std::any_of(data.y.begin(), data.y.end(), [](float y) { return y < 0; });
  std::vector<const Option*> open;
  for (const Option& option : options) {
    const std::string& setting = settings.*option.setting;
    if (setting == "auto" && !(has_negative && option.decision == &Recipe::log_target))
      open.push_back(&option);
    recipe.*option.decision = setting != "off" && !(has_negative && option.decision == &Recipe::log_target);
  }
  if (open.empty()) return recipe;
  const auto trial = [&](Recipe tried) {
    const Parts parts = make_parts(data, split, tried, settings);
    FitRequest request{&parts.train, &parts.validation,
                       tried,        static_cast<std::size_t>(settings.trial_epochs),
                       std::nullopt, seed};
    // Networks settle what inputs and target are like for trees and mixtures, too: they are the quickest.
    return fit_family(family == "ridge" ? "ridge" : "mlp", request, settings).validation.bounded;
  };
  std::vector<std::future<double>> without;
  for (const Option* option : open) {
    Recipe tried = recipe;
    tried.*(option->decision) = false;
    without.push_back(std::async(std::launch::deferred, trial, tried));
  }
  // One helper thread takes every second trial: the product is meant for two cores, and the results do not
  // depend on who computes.
  auto helper = std::async(std::launch::async, [&without] {
    for (std::size_t i = 0; i < without.size(); i += 2) without[i].wait();
  });
  const double with_all = trial(recipe);
  for (std::size_t i = 1; i < without.size(); i += 2) without[i].wait();
  helper.get();
  log["trial.all"] = to_fixed(with_all, 5);
  for (std::size_t i = 0; i < open.size(); ++i) {
    const double loss = without[i].get();
    log[std::string("trial.without_") + open[i]->name] = to_fixed(loss, 5);
    if (loss < with_all - settings.choice_tolerance) recipe.*(open[i]->decision) = false;
  }
  return recipe;
}

/// `compared`: the family is to be compared with others, so it must be stressed even if nothing of its own
/// depends on that.
TrainedModel train_one(const std::string& family, const Dataset& data, const Split& split,
                       const ModelSettings& settings, uint64_t seed, bool compared) {
  TrainedModel result;
  result.family = family;
  const Recipe recipe = decide(family, data, split, settings, seed, result.settings);
  const Parts parts = make_parts(data, split, recipe, settings);
  FitRequest request{
      &parts.train, &parts.validation, recipe, static_cast<std::size_t>(settings.epochs), std::nullopt, seed};
  Dataset all;
  Fitted judged;
  Fitted published;
  const auto fit_all = [&](std::optional<double> penalty) {
    all = with_inputs(data, parts.choice.inputs);
    return fit_any(family, {&all, nullptr, recipe, static_cast<std::size_t>(settings.epochs), penalty, seed},
                   settings);
  };
  if (family == "ridge") {
    const auto folds = hold_out_bands(parts.train, settings.stress_bands, Bands::ends);
    request.folds = &folds;
    judged = fit_any(family, request, settings);
    published = settings.refit_on_all ? fit_all(judged.penalty) : judged;
    result.settings["penalty"] = to_text(judged.penalty);
  } else if (family == "mlp") {
    // The fit on all rows needs nothing from the judged one, so the two share the two cores.
    std::future<Fitted> refit;
    if (settings.refit_on_all) refit = std::async(std::launch::async, fit_all, std::nullopt);
    judged = fit_any(family, request, settings);
    published = settings.refit_on_all ? refit.get() : judged;
  } else {
    judged = fit_any(family, request, settings);
    published = settings.refit_on_all ? fit_all(std::nullopt) : judged;
  }
  if (compared)
    judged.stress =
        stress_of(family, hold_out_bands(parts.train, settings.stress_bands, Bands::inner), recipe, settings,
                  seed, family == "ridge" ? std::optional(judged.penalty) : std::nullopt);
  if (family == "mlp" || family == "mixture") {
    std::vector<std::string> widths;
    for (const int64_t width : settings.hidden) widths.push_back(to_text(width));
    result.settings["hidden"] = join(widths, "-");
    result.settings["validation_epochs"] = to_text(judged.epochs);
  }
  result.model = std::move(published.model);
  result.scaling = scaling_of(*result.model, data, recipe, settings);
  result.relevance = relevance_of(
      *result.model, result.scaling ? result.scaling.get() : result.model->scaling(), data, settings);
  result.epochs = published.epochs;
  result.validation = judged.validation;
  result.stress = judged.stress;
  result.families[family] = judged.validation;
  for (const Option& option : options) result.settings[option.name] = recipe.*option.decision ? "on" : "off";
  result.settings["inputs"] = to_text(parts.choice.inputs.size());
  result.settings["dropped_constant"] = to_text(parts.choice.constant);
  result.settings["dropped_all_missing"] = to_text(parts.choice.all_missing);
  result.settings["dropped_duplicate"] = to_text(parts.choice.duplicate);
  return result;
}

}  // namespace

std::map<std::string, std::string> metadata_of(const TrainedModel& trained) {
  std::map<std::string, std::string> metadata;
  if (!trained.relevance.empty()) metadata["relevance"] = relevance_text(trained.relevance);
  if (trained.scaling) metadata["scaling"] = scaling_text(*trained.scaling);
  return metadata;
}

const std::vector<std::string>& known_families() {
  static const std::vector<std::string> names = {"auto", "mlp", "ridge", "extra_trees", "gbt", "mixture"};
  return names;
}

TrainedModel train_family(const std::string& family, const Dataset& data, const Split& split,
                          const ModelSettings& settings, uint64_t seed) {
  const auto& known = known_families();
  if (std::find(known.begin(), known.end(), family) == known.end())
    throw InputError("no model family '" + family + "'; known: " + join(known));
  if (split.train.empty() || split.validation.empty())
    throw InputError("training needs rows on both sides of the split: " + to_text(split.train.size()) +
                     " to train on, " + to_text(split.validation.size()) + " to validate on");
  if (family != "auto") return train_one(family, data, split, settings, seed, false);
  TrainedModel best;
  std::map<std::string, Metrics> tried;
  std::map<std::string, std::string> decided;
  for (const auto& name : known) {
    if (name == "auto") continue;
    TrainedModel candidate = train_one(name, data, split, settings, seed, true);
    tried[name] = candidate.validation;
    // That a mixture varies less from seed to seed, one seed does not show.
    const auto loss = [&](const TrainedModel& model) {
      return model.validation.bounded + model.stress -
             (model.family == "mixture" ? settings.mixture_margin : 0);
    };
    decided["loss." + name] = to_fixed(loss(candidate), 5);
    if (best.family.empty() || loss(candidate) < loss(best)) best = std::move(candidate);
  }
  best.families = std::move(tried);
  best.settings.merge(decided);
  return best;
}

namespace {

/// `predict(rows of data with `inputs`, out)`.
template <class Predict>
Metrics score(const std::vector<std::string>& inputs, const Dataset& data, double epsilon,
              const Predict& predict) {
  const Dataset* matched = &data;
  Dataset permuted;
  if (data.inputs != inputs) {
    permuted = with_inputs(data, inputs);
    matched = &permuted;
  }
  std::vector<float> predictions(matched->rows());
  predict(*matched, predictions);
  Scores scores(epsilon);
  for (std::size_t r = 0; r < matched->rows(); ++r)
    scores.add(static_cast<double>(predictions[r]), static_cast<double>(matched->y[r]));
  return scores.metrics();
}

}  // namespace

Metrics evaluate(const Network& network, const Dataset& data, double epsilon) {
  return score(network.inputs, data, epsilon, [&](const Dataset& rows, std::vector<float>& out) {
    Workspace workspace;
    forward(network, rows.x, rows.rows(), out, workspace);
  });
}

Metrics evaluate(const Model& model, const Dataset& data, double epsilon) {
  return score(model.inputs(), data, epsilon, [&](const Dataset& rows, std::vector<float>& out) {
    model.predict(rows.x, rows.rows(), out, *model.make_scratch());
  });
}

}  // namespace drst
