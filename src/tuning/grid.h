// The tier grids and the search over them (SPEC 9), as pure functions. Start here for how a better network is
// looked for.
//
// A tier (A mild, B medium, C severe) names a grid: hidden layers, the current ones first (none, if the
// current model is linear), x learning rate x batch x activation x loss x weight decay. A search is a race in
// three heats, each seeing the same data:
//   warm-up   every candidate trains `warm_epochs` and is ranked by its best validation score so far;
//   middle    the best `middle_share` of them train up to `middle_epochs` more, with early stopping;
//   full      the best `shortlist` of those train on, to `epochs` after the warm-up at most.
// The middle heat is there because three epochs alone mistake slow starters for bad ones; it is shorter than
// the full one, or nothing would be left for the shortlist to do. Measured over 14 windows and four seeds
// (docs/figures.md, "Retrain"): the shortlist alone ends 4 to 6 % above the validation error of training
// every candidate fully, at half of its work; with a middle heat of 0.6 of the candidates and 5 of 8 epochs
// it ends 1 % above, at 0.77 of it; with one as long as the full heat 0.6 % above. Where labelled rows are
// many and time is short, a smaller or shorter middle heat is the setting to turn.
//
// A candidate whose hidden layers and activation are the current model's starts from a copy of its weights,
// any other from fresh ones, the same for all that share an architecture. Every candidate is trained by one
// thread on its own copy; its result depends on the problem, itself and the seed alone, and ranks are by
// (score, position in the grid): the number of threads changes nothing but the time. Only the candidates of
// the next heat, and one a thread, are held in memory at once.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings.h"
#include "nn/network.h"
#include "nn/train.h"
#include "registry/handover.h"

namespace drst {

struct TierGrid {
  std::vector<std::vector<int64_t>> hidden;
  std::vector<double> learning_rates;
  std::vector<std::string> losses;  ///< "smooth-l1", "mse"
  int64_t shortlist = 3;
};

struct GridSettings {
  TierGrid a{{{32, 16}, {64, 32}}, {5e-3, 1e-2}, {"smooth-l1"}, 2};
  TierGrid b{{{64, 32}, {96, 48}, {128, 64}}, {3e-3, 1e-2}, {"smooth-l1", "mse"}, 3};
  TierGrid c{{{128, 64}, {160, 80}, {192, 96}}, {1e-3, 3e-3, 1e-2}, {"smooth-l1", "mse"}, 3};
  std::vector<int64_t> batches = {16, 32};
  std::vector<std::string> activations = {"relu", "gelu"};
  std::vector<double> weight_decays = {0, 1e-4};
  int64_t warm_epochs = 3;
  double middle_share = 0.6;
  int64_t middle_epochs = 5;
  int64_t epochs = 8;
  int64_t patience = 2;
};
/// Part of the section [tuning].
void describe(SettingsVisitor& visitor, GridSettings& settings);

struct Candidate {
  std::vector<std::size_t> hidden;
  Activation activation = Activation::relu;
  TrainOptions options;    ///< seed included
  bool fine_tune = false;  ///< starts from the current model's weights
};

struct SearchProblem {
  TrainData train;  ///< standardised
  /// Standardised, row-major; later in time than `train`, or parted from it by a gap.
  std::span<const float> validation_x;
  /// Of predictions for the validation rows; less is better; called from several threads at once.
  Score score;
  std::vector<Dense> layers;  ///< of the current model; empty: there is none
  Activation activation = Activation::relu;
};

struct CandidateResult {
  Candidate candidate;
  double warm_score = 0;  ///< best validation score of the warm-up
  double score = 0;       ///< best of all its epochs; infinite if each was NaN
  int64_t epochs = 0;     ///< trained, warm-up included
  bool shortlisted = false;
  double cpu_ms = 0;  ///< wall time of its thread; the one field that may differ between runs
};

struct SearchResult {
  std::vector<Dense> layers;  ///< of the winner's best epoch
  Activation activation = Activation::relu;
  double score = 0;
  std::size_t winner = 0;                   ///< position in `candidates`
  std::vector<CandidateResult> candidates;  ///< in the grid's order
  double wall_ms = 0;
  double helper_cpu_s = 0;  ///< CPU of the threads other than the caller's
};

/// The tier's candidates, the current architecture's first, each once.
std::vector<Candidate> candidates(const SearchProblem& problem, Tier tier, const GridSettings& settings,
                                  uint64_t seed);

/// Throws InputError if the problem has no rows to train or to validate on, the grid is empty, or `tier` is
/// none.
SearchResult search(const SearchProblem& problem, Tier tier, const GridSettings& settings, uint64_t seed,
                    std::size_t threads);

/// "64-32 gelu mse lr 0.003 batch 16 decay 1e-04 fine-tuned", "linear mse ..."
std::string to_text(const Candidate& candidate);

}  // namespace drst
