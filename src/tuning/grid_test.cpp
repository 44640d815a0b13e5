#include "tuning/grid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <set>

#include "base/error.h"
#include "base/random.h"

namespace drst {
namespace {

/// A small regression after a change, with a current model that knew the world before.
struct World {
  std::vector<float> x, y, validation_x, validation_y;
  std::vector<Dense> current = make_layers(4, {8, 4}, 3);

  explicit World(std::size_t rows = 120) {
    Random random(1);
    const auto add = [&](std::size_t n, std::vector<float>& xs, std::vector<float>& ys) {
      for (std::size_t r = 0; r < n; ++r) {
        double sum = 0;
        for (int i = 0; i < 4; ++i) {
          xs.push_back(static_cast<float>(random.normal()));
          sum += static_cast<double>(xs.back()) * (i - 1);
        }
        ys.push_back(static_cast<float>(std::tanh(sum)));
      }
    };
    add(rows, x, y);
    add(40, validation_x, validation_y);
  }
  [[nodiscard]] double error(std::span<const float> predictions) const {
    double sum = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i)
      sum +=
          std::min(1.0, std::abs(static_cast<double>(predictions[i]) - static_cast<double>(validation_y[i])));
    return sum / static_cast<double>(predictions.size());
  }
  [[nodiscard]] SearchProblem problem() const {
    SearchProblem p;
    p.train = {x, y, {}};
    p.validation_x = validation_x;
    p.score = [this](std::span<const float> predictions) { return error(predictions); };
    p.layers = current;
    return p;
  }
};

GridSettings small_grid() {
  GridSettings settings;
  settings.a.hidden = {{6}, {8, 4}};
  settings.b.hidden = {{12, 6}};
  return settings;
}

std::vector<float> predict(const std::vector<Dense>& layers, Activation activation,
                           std::span<const float> x) {
  Trainer trainer(layers, activation, {});
  std::vector<float> out(x.size() / layers.front().inputs);
  trainer.predict(x, out.size(), out);
  return out;
}

TEST(Grid, HoldsThePublishedCandidatesTheCurrentModelFirst) {
  World world;
  world.current = make_layers(4, {64, 32}, 1);
  const auto problem = world.problem();
  const GridSettings settings;
  const std::pair<Tier, std::size_t> wanted[] = {{Tier::A, 32}, {Tier::B, 96}, {Tier::C, 192}};
  for (const auto& [tier, count] : wanted) {
    const auto all = candidates(problem, tier, settings, 1);
    EXPECT_EQ(all.size(), count);
    std::set<std::string> texts;
    for (const auto& c : all) texts.insert(to_text(c));
    EXPECT_EQ(texts.size(), count) << "no candidate twice";
    EXPECT_TRUE(all.front().fine_tune);
    bool fresh = false;
    for (const auto& c : all) {
      const bool same = c.hidden == std::vector<std::size_t>{64, 32} && c.activation == Activation::relu;
      EXPECT_EQ(c.fine_tune, same);
      EXPECT_FALSE(c.fine_tune && fresh) << "fine-tuned candidates come first";
      fresh = fresh || !c.fine_tune;
    }
  }
  EXPECT_EQ(to_text(candidates(problem, Tier::C, settings, 1).back()),
            "192-96 gelu mse lr 0.01 batch 32 decay 1e-04 fresh");
}

TEST(Grid, AddsAForeignArchitecture) {
  World world;
  auto problem = world.problem();
  EXPECT_EQ(candidates(problem, Tier::A, {}, 1).size(), 48U);
  EXPECT_EQ(candidates(problem, Tier::A, {}, 1).front().hidden, (std::vector<std::size_t>{8, 4}));
  problem.layers.clear();
  EXPECT_FALSE(candidates(problem, Tier::A, {}, 1).front().fine_tune);
}

TEST(Grid, ALinearCurrentModelIsACandidateOnce) {
  World world;
  auto problem = world.problem();
  problem.layers = make_layers(4, {}, 1);
  const auto all = candidates(problem, Tier::A, {}, 1);
  ASSERT_EQ(all.size(), 32U + 8U) << "it has no activation to vary: 2 rates, 2 batches, 2 decays";
  std::set<std::string> texts;
  for (std::size_t i = 0; i < all.size(); ++i) {
    texts.insert(to_text(all[i]));
    EXPECT_EQ(all[i].hidden.empty(), i < 8) << "the current model comes first";
    EXPECT_EQ(all[i].fine_tune, i < 8);
  }
  EXPECT_EQ(texts.size(), all.size());
  EXPECT_EQ(to_text(all.front()), "linear smooth-l1 lr 0.005 batch 16 decay 0 fine-tuned");
}

TEST(Search, ALinearWorldIsWonByTheLinearModelThatIsThere) {
  World world;
  for (std::size_t r = 0; r < world.y.size(); ++r)
    world.y[r] = 2 * world.x[4 * r] - world.x[4 * r + 1] + 0.5F * world.x[4 * r + 3];
  for (std::size_t r = 0; r < world.validation_y.size(); ++r)
    world.validation_y[r] =
        2 * world.validation_x[4 * r] - world.validation_x[4 * r + 1] + 0.5F * world.validation_x[4 * r + 3];
  world.current = make_layers(4, {}, 1);
  world.current[0].weights = {1.9F, -1.1F, 0.1F, 0.4F};  // row-major by input: nearly right
  const auto result = search(world.problem(), Tier::A, {}, 1, 2);
  ASSERT_EQ(result.layers.size(), 1U) << to_text(result.candidates[result.winner].candidate);
  EXPECT_NEAR(result.layers[0].weights[0], 2, 0.05);
  EXPECT_NEAR(result.layers[0].weights[1], -1, 0.05);
}

TEST(Search, FindsABetterModelAndReportsItsTrueScore) {
  const World world(400);
  const auto problem = world.problem();
  const double before = world.error(predict(world.current, Activation::relu, world.validation_x));
  const auto result = search(problem, Tier::A, small_grid(), 1, 2);
  EXPECT_LT(result.score, 0.6 * before);
  EXPECT_EQ(world.error(predict(result.layers, result.activation, world.validation_x)), result.score);
  EXPECT_EQ(result.candidates[result.winner].score, result.score);
  EXPECT_TRUE(result.candidates[result.winner].shortlisted);
  for (std::size_t l = 0; l < world.current.size(); ++l)
    EXPECT_EQ(problem.layers[l].weights, world.current[l].weights)
        << "the current model is never trained itself";
}

TEST(Search, HeatsGetSmallerAndNoneTrainsLongerThanSet) {
  const World world;
  auto settings = small_grid();
  settings.middle_share = 0.3;
  settings.middle_epochs = 2;
  const auto result = search(world.problem(), Tier::A, settings, 1, 2);
  std::size_t warm_only = 0;
  std::size_t shortlisted = 0;
  double worst_kept = 0;
  double best_left = std::numeric_limits<double>::infinity();
  for (const auto& c : result.candidates) {
    EXPECT_LE(c.score, c.warm_score);
    EXPECT_GE(c.score, result.score);
    EXPECT_LE(c.epochs, settings.warm_epochs + settings.epochs);
    if (c.shortlisted) ++shortlisted;
    if (c.epochs == settings.warm_epochs) {
      ++warm_only;
      best_left = std::min(best_left, c.warm_score);
    } else {
      worst_kept = std::max(worst_kept, c.warm_score);
    }
  }
  EXPECT_EQ(result.candidates.size(), 32U);
  EXPECT_EQ(shortlisted, 2U);
  EXPECT_EQ(warm_only, 22U) << "32 less ceil(0.3 x 32)";
  EXPECT_LE(worst_kept, best_left) << "those that train on are those the warm-up ranked first";
}

TEST(Search, TheShortlistDecidesWhoTrainsToTheEnd) {
  const World world(200);
  const auto problem = world.problem();
  const GridSettings defaults;
  const auto to_the_end = [&](const SearchResult& result) {
    std::set<std::size_t> longest;
    for (std::size_t i = 0; i < result.candidates.size(); ++i) {
      const auto& c = result.candidates[i];
      if (c.epochs <= defaults.warm_epochs + defaults.middle_epochs) continue;
      longest.insert(i);
      EXPECT_TRUE(c.shortlisted) << "only the shortlist goes on after the middle heat";
    }
    return longest;
  };
  for (const Tier tier : {Tier::A, Tier::B}) {
    auto longer = defaults;
    (tier == Tier::A ? longer.a : longer.b).shortlist = 12;
    const auto few = to_the_end(search(problem, tier, defaults, 1, 2));
    const auto many = to_the_end(search(problem, tier, longer, 1, 2));
    EXPECT_FALSE(few.empty());
    EXPECT_LT(few.size(), many.size());
    EXPECT_TRUE(std::includes(many.begin(), many.end(), few.begin(), few.end()));
  }
}

TEST(Search, TheNumberOfThreadsChangesNothing) {
  const World world;
  const auto problem = world.problem();
  const auto one = search(problem, Tier::B, small_grid(), 5, 1);
  for (const std::size_t threads : {2U, 5U}) {
    const auto many = search(problem, Tier::B, small_grid(), 5, threads);
    EXPECT_EQ(many.winner, one.winner);
    EXPECT_EQ(many.score, one.score);
    for (std::size_t l = 0; l < one.layers.size(); ++l)
      EXPECT_EQ(many.layers[l].weights, one.layers[l].weights);
    for (std::size_t i = 0; i < one.candidates.size(); ++i) {
      EXPECT_EQ(many.candidates[i].warm_score, one.candidates[i].warm_score);
      EXPECT_EQ(many.candidates[i].score, one.candidates[i].score);
      EXPECT_EQ(many.candidates[i].epochs, one.candidates[i].epochs);
      EXPECT_EQ(many.candidates[i].shortlisted, one.candidates[i].shortlisted);
    }
  }
  EXPECT_NE(search(problem, Tier::B, small_grid(), 6, 2).score, one.score) << "the seed matters";
}

TEST(Search, ComesCloseToTrainingEveryCandidateFully) {
  const World world(200);
  auto settings = small_grid();
  const auto fast = search(world.problem(), Tier::B, settings, 2, 2);
  settings.b.shortlist = 1000;
  const auto full = search(world.problem(), Tier::B, settings, 2, 2);
  EXPECT_GE(fast.score, full.score);
  EXPECT_LE(fast.score, 1.02 * full.score);
}

TEST(Search, FineTuningStartsFromTheCurrentWeights) {
  const World world;
  auto settings = small_grid();
  settings.a.hidden = {{8, 4}};
  settings.a.learning_rates = {1e-9};  // so small that nothing moves
  settings.activations = {"relu"};
  settings.weight_decays = {0};
  const auto result = search(world.problem(), Tier::A, settings, 1, 1);
  EXPECT_NEAR(result.score, world.error(predict(world.current, Activation::relu, world.validation_x)), 1e-4);
}

TEST(Search, AScoreThatIsNeverANumberWinsNothingButEndsWell) {
  const World world;
  auto problem = world.problem();
  problem.score = [](std::span<const float>) { return std::numeric_limits<double>::quiet_NaN(); };
  const auto result = search(problem, Tier::A, small_grid(), 1, 2);
  EXPECT_TRUE(std::isinf(result.score));
  EXPECT_EQ(result.winner, 0U);
  EXPECT_FALSE(result.layers.empty());
}

TEST(Search, AnExceptionOfTheScoreReachesTheCaller) {
  const World world;
  auto problem = world.problem();
  std::atomic<int> calls{0};
  problem.score = [&](std::span<const float>) -> double {
    if (++calls > 10) throw FailedError("no more");
    return 1;
  };
  EXPECT_THROW(search(problem, Tier::A, small_grid(), 1, 3), FailedError);
}

TEST(Search, RefusesProblemsThatAreNone) {
  const World world;
  EXPECT_THROW(search(world.problem(), Tier::none, {}, 1, 1), InputError);
  auto problem = world.problem();
  problem.validation_x = {};
  EXPECT_THROW(search(problem, Tier::A, {}, 1, 1), InputError);
  problem = world.problem();
  problem.train = {};
  EXPECT_THROW(search(problem, Tier::A, {}, 1, 1), InputError);
  problem = world.problem();
  problem.layers = make_layers(5, {8}, 1);
  EXPECT_THROW(search(problem, Tier::A, {}, 1, 1), InputError);
  GridSettings empty;
  empty.a.losses.clear();
  EXPECT_THROW(search(world.problem(), Tier::A, empty, 1, 1), InputError);
}

TEST(GridSettings, AreReadAndBounded) {
  GridSettings grid;
  Settings settings;
  settings.add("tuning", grid);
  settings.set("tuning.b_hidden=[[20, 10], [5]]");
  settings.set("tuning.c_losses=[\"mse\"]");
  EXPECT_EQ(grid.b.hidden, (std::vector<std::vector<int64_t>>{{20, 10}, {5}}));
  EXPECT_EQ(grid.c.losses, std::vector<std::string>{"mse"});
  EXPECT_THROW(settings.set("tuning.a_hidden=[[0]]"), InputError);
  EXPECT_THROW(settings.set("tuning.activations=[\"tanh\"]"), InputError);
  EXPECT_THROW(settings.set("tuning.patience=0"), InputError);
}

}  // namespace
}  // namespace drst
