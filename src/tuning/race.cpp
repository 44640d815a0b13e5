#include "tuning/race.h"

#include <chrono>
#include <cmath>
#include <limits>

namespace drst::tuning {

namespace {

/// Fresh layers depend on the architecture alone, so that candidates differ by what they try and not by their
/// luck.
std::vector<Dense> start(const SearchProblem& problem, const Candidate& candidate, uint64_t seed) {
  if (candidate.fine_tune) return problem.layers;
  return make_layers(problem.train.x.size() / problem.train.y.size(), candidate.hidden, seed);
}

/// Adds the time of its life to a counter.
class Stopwatch {
 public:
  explicit Stopwatch(double& ms) : ms_(ms) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    ms_ += std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  double& ms_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

Run::Run(const SearchProblem& problem, const Candidate& candidate, std::size_t index, uint64_t seed)
    : problem_(problem),
      index_(index),
      trainer_(start(problem, candidate, seed), candidate.activation, candidate.options),
      predictions_(problem.validation_x.size() / (problem.train.x.size() / problem.train.y.size())),
      best_parameters_(trainer_.parameters()),
      best_(std::numeric_limits<double>::infinity()) {}

void Run::epoch() {
  trainer_.epoch(problem_.train);
  trainer_.predict(problem_.validation_x, predictions_.size(), predictions_);
  const double score = problem_.score(predictions_);
  if (score < best_) {  // never true of NaN
    best_ = score;
    best_parameters_ = trainer_.parameters();
    since_best_ = 0;
  } else {
    ++since_best_;
  }
}

void Run::warm_up(int64_t epochs) {
  const Stopwatch watch(ms_);
  for (; warm_epochs_ < epochs; ++warm_epochs_) epoch();
  warm_ = best_;
  since_best_ = 0;
}

void Run::train(int64_t epochs, int64_t patience) {
  const Stopwatch watch(ms_);
  for (; epochs_ < epochs && since_best_ < patience; ++epochs_) epoch();
}

void Run::note(CandidateResult& result) const {
  result.warm_score = warm_;
  result.score = best_;
  result.epochs = warm_epochs_ + epochs_;
  result.cpu_ms = ms_;
}

}  // namespace drst::tuning
