// Running candidates of a search on several threads, for internal use of this room.
#pragma once

#include <memory>
#include <vector>

#include "nn/train.h"
#include "tuning/grid.h"

namespace drst::tuning {

/// One candidate in training: where it stands and its best epoch. One thread at a time.
class Run {
 public:
  Run(const SearchProblem& problem, const Candidate& candidate, std::size_t index, uint64_t seed);
  void warm_up(int64_t epochs);
  /// Trains on until `epochs` after the warm-up, or until `patience` epochs brought nothing better.
  void train(int64_t epochs, int64_t patience);

  [[nodiscard]] std::size_t index() const { return index_; }
  [[nodiscard]] double score() const { return best_; }
  [[nodiscard]] std::vector<Dense> best_layers() const { return trainer_.layers(best_parameters_); }
  [[nodiscard]] bool before(const Run& other) const {
    return best_ != other.best_ ? best_ < other.best_ : index_ < other.index_;
  }
  void note(CandidateResult& result) const;

 private:
  void epoch();

  const SearchProblem& problem_;
  std::size_t index_;
  Trainer trainer_;
  std::vector<float> predictions_;
  AlignedFloats best_parameters_;
  double best_;
  double warm_ = 0;
  double ms_ = 0;
  int64_t warm_epochs_ = 0;
  int64_t epochs_ = 0;  // after the warm-up
  int64_t since_best_ = 0;
};

}  // namespace drst::tuning
