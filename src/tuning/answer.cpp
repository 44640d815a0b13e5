#include "tuning/answer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "base/random.h"
#include "base/text.h"
#include "learn/families.h"
#include "learn/scaler.h"
#include "tuning/judging.h"

namespace drst::tuning {
namespace {

constexpr uint64_t seed_sample = 1, seed_search = 2, seed_tune = 3, seed_last = 4;

/// What race and training work on: a sample of the pool for the race, standardised judging rows, and their
/// score.
struct Race {
  std::vector<float> x, z, judge_x;
  SearchProblem problem;
};

void make_race(Race& race, const Network& start, const Pool& pool, const Dataset& judge,
               const Question& question, const TuningSettings& settings) {
  Random random = Random(question.seed).fork(seed_sample);
  const std::size_t rows = std::min(pool.rows(), static_cast<std::size_t>(settings.search_rows));
  for (std::size_t i = 0; i < rows; ++i) {
    // Stratified draws: evenly spread over the weights, so that small samples do not miss the newest rows.
    const std::size_t row =
        pool.draw((static_cast<double>(i) + random.uniform()) / static_cast<double>(rows));
    const auto values = pool.x.begin() + static_cast<std::ptrdiff_t>(row * pool.width);
    race.x.insert(race.x.end(), values, values + static_cast<std::ptrdiff_t>(pool.width));
    race.z.push_back(pool.z[row]);
  }
  race.judge_x.resize(judge.x.size());
  transform_inputs(start, judge.x, judge.rows(), race.judge_x);
  race.problem.train = {race.x, race.z, {}};
  race.problem.validation_x = race.judge_x;
  race.problem.layers = start.layers;
  race.problem.activation = start.activation;
  race.problem.score = [&start, &judge, epsilon = question.epsilon](std::span<const float> z) {
    double sum = 0;
    for (std::size_t i = 0; i < z.size(); ++i) {
      float y = start.output_shift + start.output_scale * z[i];
      if (start.exponential) y = std::exp(y);
      if (start.non_negative) y = std::max(y, 0.0F);
      sum += bounded_error(y, judge.y[i], epsilon);
    }
    return sum / static_cast<double>(z.size());
  };
}

const Question::Start& pick_start(const Question& question, const Cut& cut) {
  const uint64_t labels_before_judging = question.memory->labels_seen() - (cut.end - cut.judge_begin);
  const Question::Start* best = &question.starts.front();
  for (const auto& start : question.starts)
    if (start.trained_labels <= labels_before_judging) best = &start;
  return *best;
}

TrainOptions tune_options(const Candidate& candidate, const TuningSettings& settings, uint64_t seed) {
  TrainOptions options = candidate.options;
  // A winner that started fresh has far to go; one that was fine-tuned needs no more than a refit does.
  if (candidate.fine_tune)
    options.learning_rate = std::min(options.learning_rate, settings.refit_learning_rate);
  options.seed = seed;
  return options;
}

}  // namespace

Answer answer_drift(const Question& question, const TuningSettings& settings) {
  Answer answer;
  const Cut cut = cut_memory(question, settings);
  const Question::Start& from = pick_start(question, cut);
  Network start = from.network;

  Material material;
  material.target_floor_share = question.target_floor_share;
  Dataset late = window_rows(question, start.inputs);
  if (!enough_rows(answer, cut, late, settings)) return answer;
  const auto fresh =
      new_columns(*question.memory, start.inputs, cut, static_cast<std::size_t>(settings.new_column_rows));
  start = with_new_inputs(std::move(start), fresh, question.memory->dataset(fresh, 0, cut.train_end));
  late = with_inputs(late, start.inputs);
  append_rows(late, question.memory->dataset(start.inputs, 0, cut.train_end));
  material.recent = std::move(late);
  material.offline = make_dataset(*question.offline, start.inputs, question.target);
  const Dataset judge = question.memory->dataset(start.inputs, cut.judge_begin, cut.end);

  const Pool pool = make_pool(start, material, settings);
  Race race;
  make_race(race, start, pool, judge, question, settings);
  const Random seeds(question.seed);
  const SearchResult found = search(race.problem, question.tier, settings.grid, seeds.fork(seed_search)(),
                                    static_cast<std::size_t>(settings.threads));
  const Candidate& candidate = found.candidates[found.winner].candidate;
  answer.candidates = static_cast<int64_t>(found.candidates.size());
  answer.winner = to_text(candidate);
  answer.helper_cpu_s = found.helper_cpu_s;

  Network winner = start;
  winner.layers = found.layers;
  winner.activation = found.activation;
  Network tuned = winner;
  fine_tune(tuned, pool, settings, tune_options(candidate, settings, seeds.fork(seed_tune)()),
            seeds.fork(seed_tune)());
  const Metrics before = evaluate(winner, judge, question.epsilon);
  const Metrics after = evaluate(tuned, judge, question.epsilon);
  const bool longer = after.bounded <= before.bounded;
  const Network& best = longer ? tuned : winner;
  std::vector<float> predictions(judge.rows());
  Workspace workspace;
  forward(best, judge.x, judge.rows(), predictions, workspace);
  if (!convinces(answer, longer ? after : before, predictions, question, cut, settings)) return answer;
  append_rows(material.recent, judge);
  Network last = best;
  const Pool everything = make_pool(last, material, settings);
  fine_tune(last, everything, settings, tune_options(candidate, settings, seeds.fork(seed_last)()),
            seeds.fork(seed_last)());
  answer.model = model_of({std::move(last)});
  return answer;
}

}  // namespace drst::tuning
