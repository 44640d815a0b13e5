#include "tuning/answer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_set>

#include "base/random.h"
#include "base/text.h"
#include "learn/families.h"
#include "learn/scaler.h"
#include "tuning/track.h"

namespace drst::tuning {
namespace {

constexpr uint64_t seed_sample = 1, seed_search = 2, seed_tune = 3, seed_last = 4;

/// How the memory is cut: [0, train_end) trains, [judge_begin, end) judges.
struct Cut {
  std::size_t train_end = 0;
  std::size_t judge_begin = 0;
  std::size_t end = 0;
};

Cut cut_memory(const Question& question, const TuningSettings& settings) {
  const auto& rows = question.memory->rows();
  const int64_t window_begin =
      question.window.rows.empty() ? std::numeric_limits<int64_t>::min() : question.window.rows.front();
  std::size_t lately = 0;
  for (const auto& row : rows) lately += row.row >= window_begin ? 1 : 0;
  const auto wanted =
      static_cast<std::size_t>(std::ceil(settings.validation_share * static_cast<double>(lately)));
  Cut cut;
  cut.end = rows.size();
  cut.judge_begin =
      cut.end - std::min(cut.end, std::max(wanted, static_cast<std::size_t>(settings.min_validation)));
  cut.train_end = cut.judge_begin;
  // The gap is one of stream rows: with few labels the neighbour that trains is far away anyway.
  while (cut.train_end > 0 && cut.judge_begin < cut.end &&
         rows[cut.judge_begin].row - rows[cut.train_end - 1].row <= settings.gap_rows)
    --cut.train_end;
  return cut;
}

/// Labelled rows of the window that the memory lacks (a retrainer that came late): older than all it has.
Dataset window_rows(const Question& question, const std::vector<std::string>& inputs) {
  std::unordered_set<int64_t> known;
  for (const auto& row : question.memory->rows()) known.insert(row.row);
  const DriftWindow& window = question.window;
  Dataset data;
  data.inputs = window.columns;
  for (std::size_t r = 0; r < window.rows.size(); ++r) {
    if (!std::isfinite(window.labels[r]) || known.contains(window.rows[r])) continue;
    const auto values = window.values.begin() + static_cast<std::ptrdiff_t>(r * window.columns.size());
    data.x.insert(data.x.end(), values, values + static_cast<std::ptrdiff_t>(window.columns.size()));
    data.y.push_back(window.labels[r]);
  }
  if (data.rows() > 0) data.starts = {0};
  return with_inputs(data, inputs);
}

/// Stream columns that most of the newest rows have and the model does not use: another topology's.
std::vector<std::string> new_columns(const Memory& memory, const Network& network, const Cut& cut,
                                     std::size_t newest) {
  const std::unordered_set<std::string> used(network.inputs.begin(), network.inputs.end());
  const std::size_t first = cut.train_end > newest ? cut.train_end - newest : 0;
  std::vector<std::string> fresh;
  for (std::size_t c = 0; c < memory.columns().size(); ++c) {
    if (used.contains(memory.columns()[c])) continue;
    std::size_t present = 0;
    for (std::size_t r = first; r < cut.train_end; ++r) {
      const auto& values = memory.rows()[r].values;
      present += c < values.size() && std::isfinite(values[c]) ? 1 : 0;
    }
    if (2 * present > cut.train_end - first) fresh.push_back(memory.columns()[c]);
  }
  return fresh;
}

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

/// What the models in service predicted for the judging rows when they came.
void judge_served(Answer& answer, const Question& question, const Cut& cut) {
  Scores live(question.epsilon);
  Scores baseline(question.epsilon);
  for (std::size_t r = cut.judge_begin; r < cut.end; ++r) {
    const LabelledRow& row = question.memory->rows()[r];
    live.add(static_cast<double>(row.predicted.live), static_cast<double>(row.label));
    baseline.add(static_cast<double>(row.predicted.baseline), static_cast<double>(row.label));
  }
  answer.live_val_loss = live.metrics().bounded;
  answer.live_val_rmse = live.metrics().rmse;
  answer.baseline_val_loss = baseline.metrics().bounded;
}

/// Baseline minus `network` on the judging rows, row by row.
Difference gain(const Network& network, const Dataset& judge, const Question& question, const Cut& cut) {
  std::vector<float> predictions(judge.rows());
  Workspace workspace;
  forward(network, judge.x, judge.rows(), predictions, workspace);
  Difference difference;
  for (std::size_t i = 0; i < judge.rows(); ++i) {
    const LabelledRow& row = question.memory->rows()[cut.judge_begin + i];
    difference.add(bounded_error(row.predicted.baseline, row.label, question.epsilon) -
                   bounded_error(predictions[i], row.label, question.epsilon));
  }
  return difference;
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
  answer.labels = static_cast<int64_t>(cut.end);
  const Question::Start& from = pick_start(question, cut);
  Network start = from.network;

  Material material;
  material.target_floor_share = question.target_floor_share;
  Dataset late = window_rows(question, start.inputs);
  answer.labels += static_cast<int64_t>(late.rows());
  if (answer.labels < settings.min_labels || cut.train_end + late.rows() == 0 || cut.judge_begin == cut.end) {
    answer.reason = to_text(answer.labels) +
                    " labelled rows are too few to train and to judge (tuning.min_labels is " +
                    to_text(settings.min_labels) + ")";
    return answer;
  }
  const auto fresh =
      new_columns(*question.memory, start, cut, static_cast<std::size_t>(settings.new_column_rows));
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
  answer.val_loss = (longer ? after : before).bounded;
  answer.val_rmse = (longer ? after : before).rmse;
  judge_served(answer, question, cut);
  const std::string figures = "mean bounded error " + to_fixed(answer.val_loss, 4) + " on the " +
                              to_text(judge.rows()) + " newest labelled rows, live model " +
                              to_fixed(answer.live_val_loss, 4) + ", baseline " +
                              to_fixed(answer.baseline_val_loss, 4);
  if (!(answer.val_loss < answer.live_val_loss - settings.margin)) {
    answer.reason = "no better than the live model: " + figures;
  } else if (!(answer.val_loss < answer.baseline_val_loss - settings.margin)) {
    answer.reason = "no better than the baseline: " + figures;
  } else if (const Difference over = gain(longer ? tuned : winner, judge, question, cut);
             !(over.mean() > settings.answer_z * over.error(settings.rows_a_fact))) {
    answer.reason = "too few rows to tell it from the baseline (gain " + to_fixed(over.mean(), 4) +
                    ", standard error " + to_fixed(over.error(settings.rows_a_fact), 4) + "): " + figures;
  } else {
    answer.better = true;
    answer.reason = "better than the live model: " + figures;
    append_rows(material.recent, judge);
    answer.network = longer ? tuned : winner;
    const Pool everything = make_pool(answer.network, material, settings);
    fine_tune(answer.network, everything, settings,
              tune_options(candidate, settings, seeds.fork(seed_last)()), seeds.fork(seed_last)());
  }
  return answer;
}

}  // namespace drst::tuning
