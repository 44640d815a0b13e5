#include "learn/families.h"

#include <algorithm>
#include <cmath>
#include <future>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
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

Fit fit_family(const std::string& family, const FitRequest& request, const ModelSettings& settings) {
  return family == "ridge" ? learn::fit_ridge(request, settings) : learn::fit_mlp(request, settings);
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
/// rates it has not seen.
std::vector<learn::Fold> hold_out_bands(const Dataset& train, int64_t bands) {
  std::vector<learn::Fold> folds;
  std::vector<float> sorted = train.y;
  std::sort(sorted.begin(), sorted.end());
  const auto count = static_cast<std::size_t>(bands);
  for (std::size_t band = 0; bands > 1 && band < count; ++band) {
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

/// Mean bounded error of mlps over the folds, two at a time.
double stress_mlp(const std::vector<learn::Fold>& folds, const Recipe& recipe, const ModelSettings& settings,
                  uint64_t seed) {
  std::vector<double> losses(folds.size(), 0);
  const auto judge = [&](std::size_t first) {
    for (std::size_t i = first; i < folds.size(); i += 2) {
      FitRequest request;
      request.train = &folds[i].train;
      request.recipe = recipe;
      request.epochs = static_cast<std::size_t>(settings.stress_epochs);
      request.seed = seed;
      losses[i] =
          evaluate(learn::fit_mlp(request, settings).network, folds[i].validation, settings.epsilon).bounded;
    }
  };
  auto helper = std::async(std::launch::async, judge, std::size_t{1});
  judge(0);
  helper.get();
  return folds.empty()
             ? 0
             : std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(folds.size());
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
    return fit_family(family, request, settings).validation.bounded;
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
  const auto folds = hold_out_bands(parts.train, settings.stress_bands);
  Dataset all;
  Fit judged;
  Fit published;
  const auto fit_all = [&](std::optional<double> penalty) {
    all = with_inputs(data, parts.choice.inputs);
    return fit_family(
        family, {&all, nullptr, recipe, static_cast<std::size_t>(settings.epochs), penalty, seed}, settings);
  };
  if (family == "ridge") {
    request.folds = &folds;
    judged = fit_family(family, request, settings);
    published = settings.refit_on_all ? fit_all(judged.penalty) : judged;
    result.settings["penalty"] = to_text(judged.penalty);
  } else {
    // The fit on all rows needs nothing from the judged one, so the two share the two cores.
    std::future<Fit> refit;
    if (settings.refit_on_all) refit = std::async(std::launch::async, fit_all, std::nullopt);
    judged = fit_family(family, request, settings);
    published = settings.refit_on_all ? refit.get() : judged;
    if (compared) judged.stress = stress_mlp(folds, recipe, settings, seed);
    result.settings["hidden"] = join(
        [&] {
          std::vector<std::string> widths;
          for (const int64_t width : settings.hidden) widths.push_back(to_text(width));
          return widths;
        }(),
        "-");
    result.settings["validation_epochs"] = to_text(judged.epochs);
  }
  result.network = std::move(published.network);
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

const std::vector<std::string>& known_families() {
  static const std::vector<std::string> names = {"auto", "mlp", "ridge"};
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
    const auto loss = [](const TrainedModel& model) { return model.validation.bounded + model.stress; };
    decided["loss." + name] = to_fixed(loss(candidate), 5);
    if (best.family.empty() || loss(candidate) < loss(best)) best = std::move(candidate);
  }
  best.families = std::move(tried);
  best.settings.merge(decided);
  return best;
}

Metrics evaluate(const Network& network, const Dataset& data, double epsilon) {
  const Dataset* matched = &data;
  Dataset permuted;
  if (data.inputs != network.inputs) {
    permuted = with_inputs(data, network.inputs);
    matched = &permuted;
  }
  std::vector<float> predictions(matched->rows());
  Workspace workspace;
  forward(network, matched->x, matched->rows(), predictions, workspace);
  Scores scores(epsilon);
  for (std::size_t r = 0; r < matched->rows(); ++r)
    scores.add(static_cast<double>(predictions[r]), static_cast<double>(matched->y[r]));
  return scores.metrics();
}

}  // namespace drst
