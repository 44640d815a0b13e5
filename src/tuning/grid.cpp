#include "tuning/grid.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "base/text.h"
#include "tuning/race.h"

namespace drst {

namespace {

using tuning::Run;

constexpr uint64_t kSeedLayers = 1;
constexpr uint64_t kSeedBatches = 2;

const TierGrid& grid_of(Tier tier, const GridSettings& settings) {
  switch (tier) {
    case Tier::A:
      return settings.a;
    case Tier::B:
      return settings.b;
    case Tier::C:
      return settings.c;
    case Tier::none:
      break;
  }
  throw InputError("tuning: a search needs a tier, A, B or C");
}

std::vector<std::size_t> hidden_of(const std::vector<Dense>& layers) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i + 1 < layers.size(); ++i) widths.push_back(layers[i].outputs);
  return widths;
}

/// The current hidden layers, if there are any, then the tier's; each once.
std::vector<std::vector<std::size_t>> architectures(const SearchProblem& problem, const TierGrid& grid) {
  std::vector<std::vector<std::size_t>> all;
  const auto add = [&all](std::vector<std::size_t> hidden) {
    if (std::find(all.begin(), all.end(), hidden) == all.end()) all.push_back(std::move(hidden));
  };
  if (!problem.layers.empty()) add(hidden_of(problem.layers));
  for (const auto& hidden : grid.hidden) {
    std::vector<std::size_t> widths;
    widths.reserve(hidden.size());
    for (const int64_t width : hidden) widths.push_back(static_cast<std::size_t>(width));
    add(std::move(widths));
  }
  return all;
}

/// A linear model has none; one stands for all.
std::vector<Activation> activations(const std::vector<std::size_t>& hidden, const SearchProblem& problem,
                                    const GridSettings& settings) {
  if (hidden.empty()) return {problem.activation};
  std::vector<Activation> all;
  for (const auto& name : settings.activations)
    all.push_back(name == "gelu" ? Activation::gelu : Activation::relu);
  return all;
}

void check(const SearchProblem& problem) {
  const std::size_t rows = problem.train.y.size();
  if (rows == 0 || problem.train.x.empty() || problem.validation_x.empty())
    throw InputError("tuning: a search needs rows to train on and rows to validate on");
  const std::size_t inputs = problem.train.x.size() / rows;
  if (problem.train.x.size() != rows * inputs || problem.validation_x.size() % inputs != 0)
    throw InputError("tuning: the rows to train and to validate on have different numbers of inputs");
  if (!problem.layers.empty() && problem.layers.front().inputs != inputs)
    throw InputError("tuning: the current model takes " + to_text(problem.layers.front().inputs) +
                     " inputs, the data have " + to_text(inputs));
}

double cost(const Candidate& candidate, std::size_t inputs) {
  double sum = 0;
  double width = static_cast<double>(inputs);
  for (const std::size_t next : candidate.hidden) {
    sum += width * static_cast<double>(next);
    width = static_cast<double>(next);
  }
  return sum * (1 + 8 / static_cast<double>(candidate.options.batch));  // Adam is paid once a batch
}

/// Keeps the best runs seen, at most `room`; which ones does not depend on the order in which they come.
class Podium {
 public:
  explicit Podium(std::size_t room) : room_(room) {}
  void add(std::unique_ptr<Run> run) {
    const std::lock_guard lock(mutex_);
    const auto behind = [](const auto& a, const auto& b) { return a->before(*b); };
    runs_.insert(std::upper_bound(runs_.begin(), runs_.end(), run, behind), std::move(run));
    if (runs_.size() > room_) {
      dropped_ = std::move(runs_.back());  // frees the one dropped before; cheap under the lock
      runs_.pop_back();
    }
  }
  std::vector<std::unique_ptr<Run>>& runs() { return runs_; }

 private:
  std::size_t room_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Run>> runs_;
  std::unique_ptr<Run> dropped_;
};

}  // namespace

std::vector<Candidate> candidates(const SearchProblem& problem, Tier tier, const GridSettings& settings,
                                  uint64_t seed) {
  const TierGrid& grid = grid_of(tier, settings);
  std::vector<Candidate> all;
  for (const auto& hidden : architectures(problem, grid)) {
    for (const auto activation : activations(hidden, problem, settings)) {
      for (const auto& loss : grid.losses) {
        for (const double rate : grid.learning_rates) {
          for (const int64_t batch : settings.batches) {
            for (const double decay : settings.weight_decays) {
              Candidate candidate;
              candidate.hidden = hidden;
              candidate.activation = activation;
              candidate.options.learning_rate = rate;
              candidate.options.batch = static_cast<std::size_t>(batch);
              candidate.options.loss = loss == "mse" ? Loss::mse : Loss::smooth_l1;
              candidate.options.weight_decay = decay;
              candidate.options.seed = Random(seed).fork(kSeedBatches)();
              candidate.fine_tune = !problem.layers.empty() && hidden == hidden_of(problem.layers) &&
                                    candidate.activation == problem.activation;
              all.push_back(std::move(candidate));
            }
          }
        }
      }
    }
  }
  std::stable_partition(all.begin(), all.end(),
                        [](const Candidate& candidate) { return candidate.fine_tune; });
  return all;
}

SearchResult search(const SearchProblem& problem, Tier tier, const GridSettings& settings, uint64_t seed,
                    std::size_t threads) {
  const auto begin = std::chrono::steady_clock::now();
  check(problem);
  SearchResult result;
  for (auto& candidate : candidates(problem, tier, settings, seed))
    result.candidates.push_back({.candidate = std::move(candidate)});
  const std::size_t count = result.candidates.size();
  if (count == 0) throw InputError("tuning: the grid of tier " + to_text(tier) + " is empty");
  const uint64_t layer_seed = Random(seed).fork(kSeedLayers)();
  const auto shortlist = static_cast<std::size_t>(grid_of(tier, settings).shortlist);
  const auto middle = static_cast<std::size_t>(std::ceil(settings.middle_share * static_cast<double>(count)));

  // The dearest first, else a thread that takes a large network last is waited for.
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t inputs = problem.train.x.size() / problem.train.y.size();
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return cost(result.candidates[a].candidate, inputs) > cost(result.candidates[b].candidate, inputs);
  });
  Podium podium(std::max(shortlist, middle));
  result.helper_cpu_s += in_parallel(count, threads, [&](std::size_t i) {
    const std::size_t index = order[i];
    auto run = std::make_unique<Run>(problem, result.candidates[index].candidate, index, layer_seed);
    run->warm_up(settings.warm_epochs);
    run->note(result.candidates[index]);
    podium.add(std::move(run));
  });

  auto& runs = podium.runs();
  const auto heat = [&](int64_t epochs) {
    result.helper_cpu_s +=
        in_parallel(runs.size(), threads, [&](std::size_t i) { runs[i]->train(epochs, settings.patience); });
    for (const auto& run : runs) run->note(result.candidates[run->index()]);
    std::sort(runs.begin(), runs.end(), [](const auto& a, const auto& b) { return a->before(*b); });
  };
  if (runs.size() > shortlist) {
    heat(std::min(settings.middle_epochs, settings.epochs));
    runs.resize(shortlist);
  }
  for (const auto& run : runs) result.candidates[run->index()].shortlisted = true;
  heat(settings.epochs);

  const Run& winner = *runs.front();
  result.winner = winner.index();
  result.layers = winner.best_layers();
  result.activation = result.candidates[winner.index()].candidate.activation;
  result.score = winner.score();
  result.wall_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

std::string to_text(const Candidate& candidate) {
  std::vector<std::string> widths;
  for (const std::size_t width : candidate.hidden) widths.push_back(to_text(width));
  const std::string activation = candidate.activation == Activation::gelu ? " gelu" : " relu";
  return (widths.empty() ? "linear" : join(widths, "-") + activation) +
         (candidate.options.loss == Loss::mse ? " mse" : " smooth-l1") + " lr " +
         to_text(candidate.options.learning_rate) + " batch " + to_text(candidate.options.batch) + " decay " +
         to_text(candidate.options.weight_decay) + (candidate.fine_tune ? " fine-tuned" : " fresh");
}

}  // namespace drst
