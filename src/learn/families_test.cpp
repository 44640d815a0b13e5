#include "learn/families.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "data.h"
#include "learn/fitting.h"
#include "learn/model.h"
#include "learn/offline.h"
#include "learn/scaler.h"
#include "nn/onnx.h"
#include "table/csv.h"

namespace drst {
namespace {

/// Rate that is a product of powers of counters, in ten experiments; two counters matter, one does not.
Table power_table(std::size_t rows, uint64_t seed) {
  Random random(seed);
  std::vector<double> a, b, noise, rate, other;
  std::vector<std::size_t> starts;
  for (std::size_t r = 0; r < rows; ++r) {
    if (r % 50 == 0) starts.push_back(r);
    a.push_back(1e9 * std::exp(random.uniform(-1, 1)));
    b.push_back(1e6 * std::exp(random.uniform(-1, 1)));
    noise.push_back(random.uniform(0, 1e5));
    rate.push_back(1000 * std::sqrt(a.back() / 1e9) * b.back() / 1e6);
    other.push_back(rate.back());
  }
  Table table;
  table.add_column("output_rate", rate);
  table.add_column("a", a);
  table.add_column("latency", other);
  table.add_column("b", b);
  table.add_column("noise", noise);
  table.set_experiment_starts(starts);
  return table;
}

ModelSettings quick() {
  ModelSettings settings;
  settings.epochs = 30;
  settings.trial_epochs = 4;
  settings.hidden = {16, 8};
  settings.input_noise = 0.02;
  settings.mixture_networks = 2;
  settings.trees = 60;
  settings.gbt_rounds = 80;
  return settings;
}

TrainedModel train(const std::string& family, const ModelSettings& settings, uint64_t seed = 1) {
  ModelSettings mine = settings;
  mine.family = family;
  return train_offline(power_table(500, 3), mine, {seed, "test"});
}

TEST(Families, RidgeFindsAPowerLawExactly) {
  const TrainedModel model = train("ridge", quick());
  EXPECT_GT(model.validation.acc015, 0.99);
  EXPECT_LT(model.validation.e_p99, 0.01);
  EXPECT_TRUE(model.model->network()->hidden().empty());
  EXPECT_EQ(model.settings.at("log_inputs"), "on");
  EXPECT_EQ(model.settings.at("log_target"), "on");
  const Dataset fresh = make_dataset(power_table(200, 77), model.model->inputs(), "output_rate");
  EXPECT_GT(evaluate(*model.model, fresh, 1e-6).acc015, 0.98);
}

TEST(Families, MlpLearnsThePowerLawAndForgetsTheOtherKpi) {
  const TrainedModel model = train("mlp", quick());
  EXPECT_GT(model.validation.acc02, 0.95);
  for (const auto& input : model.model->inputs()) EXPECT_EQ(input.find("latency"), std::string::npos);
}

TEST(Families, TheLinearTargetIsWeightedByItsInverse) {
  ModelSettings settings = quick();
  settings.log_target = "off";
  const Table table = power_table(300, 5);
  const Dataset data = make_dataset(table, {"a", "b"}, "output_rate");
  learn::FitRequest request;
  request.train = &data;
  request.recipe.log_target = false;
  const learn::Prepared prepared = learn::prepare(request, settings, 1);
  double mean = 0;
  for (std::size_t i = 0; i < data.rows(); ++i) {
    mean += static_cast<double>(prepared.weight[i]) / static_cast<double>(data.rows());
    const double ratio = static_cast<double>(prepared.weight[i] / prepared.weight[0]);
    EXPECT_NEAR(ratio, static_cast<double>(data.y[0] / data.y[i]), 1e-4 * ratio);
  }
  EXPECT_NEAR(mean, 1, 1e-5);
  EXPECT_GT(train("ridge", settings).validation.n, 0U);
}

TEST(Families, SameSeedSameBytesOtherSeedOthers) {
  const auto bytes = [](const TrainedModel& model) { return model.model->to_onnx({}); };
  const std::string first = bytes(train("mlp", quick(), 1));
  EXPECT_EQ(first, bytes(train("mlp", quick(), 1)));
  EXPECT_NE(first, bytes(train("mlp", quick(), 2)));
}

TEST(Families, RidgesPenaltyIsChosenForWorldsItHasNotSeen) {
  ModelSettings within = quick();
  within.stress_bands = 0;
  const TrainedModel stressed = train("ridge", quick());
  const TrainedModel calm = train("ridge", within);
  EXPECT_GT(stressed.stress, 0);
  EXPECT_EQ(calm.stress, 0);
  EXPECT_LE(calm.validation.bounded, stressed.validation.bounded) << "validation alone picks the best within";
}

TEST(Families, AutoTakesTheBestOneAndReportsAll) {
  const TrainedModel model = train("auto", quick());
  EXPECT_GT(model.stress, 0);
  ASSERT_EQ(model.families.size(), known_families().size() - 1);
  double least = 2;
  for (const auto& [family, metrics] : model.families)
    least = std::min(least, std::stod(model.settings.at("loss." + family)));
  const double margin = model.family == "mixture" ? quick().mixture_margin : 0;
  EXPECT_NEAR(model.validation.bounded + model.stress - margin, least, 1e-4);
}

TEST(Families, EachIsPublishedAndReadBackToTheBit) {
  const Dataset fresh = make_dataset(power_table(70, 77), {"a", "b", "a@-1", "b@-1"}, "output_rate");
  for (const auto& family : known_families()) {
    if (family == "auto") continue;
    ModelSettings settings = quick();
    if (family == "extra_trees" || family == "gbt") settings.log_target = "on";  // else there is no scaling
    const TrainedModel trained = train(family, settings);
    EXPECT_GT(trained.validation.acc025, 0.6) << family;
    const auto loaded = load_model(trained.model->to_onnx(metadata_of(trained)));
    EXPECT_EQ(loaded->family(), family);
    const Dataset rows = with_inputs(fresh, loaded->inputs());
    std::vector<float> mine(rows.rows()), theirs(rows.rows());
    trained.model->predict(rows.x, rows.rows(), mine, *trained.model->make_scratch());
    loaded->predict(rows.x, rows.rows(), theirs, *loaded->make_scratch());
    EXPECT_EQ(mine, theirs) << family;
    EXPECT_EQ(std::vector<float>(loaded->relevance().begin(), loaded->relevance().end()), trained.relevance);
    EXPECT_EQ(networks_of(*loaded).size(), family == "mixture"                    ? 2U
                                           : family == "mlp" || family == "ridge" ? 1U
                                                                                  : 0U);
    ASSERT_NE(loaded->scaling(), nullptr) << family << ": neighbours could not measure";
    EXPECT_EQ(trained.relevance.empty(), !loaded->scaling()->exponential);
    std::vector<float> z(rows.x.size());
    transform_inputs(*loaded->scaling(), rows.x, rows.rows(), z);
    for (const float value : z) EXPECT_LT(std::abs(value), 6) << family;
    const std::string again = train(family, settings).model->to_onnx({});
    EXPECT_EQ(trained.model->to_onnx({}), again) << family << ": the same seed, other bytes";
  }
}

TEST(Families, NegativeTargetsAreLearnedAsTheyAre) {
  Table table = power_table(400, 9);
  for (std::size_t r = 0; r < table.rows(); ++r) table.column(0)[r] = std::log(table.at(r, 0)) - 7;
  ModelSettings settings = quick();
  settings.family = "ridge";
  settings.stress_bands = 0;  // no shrinking for other worlds: how close a fit comes is the question here
  settings.ridge_penalties = {1e-4};
  const TrainedModel model = train_offline(table, settings, {});
  EXPECT_EQ(model.settings.at("log_target"), "off");
  EXPECT_FALSE(model.model->network()->non_negative);
  EXPECT_LT(model.validation.mae, 0.05);
}

TEST(Families, WhatCannotBeTrainedIsAnInputError) {
  EXPECT_THROW((void)train("forest", quick()), InputError);
  Table constant = power_table(100, 1);
  for (std::size_t c = 1; c < constant.columns(); ++c)
    for (double& value : constant.column(c)) value = 5;
  EXPECT_THROW((void)train_offline(constant, quick(), {}), InputError);
}

TEST(Scaler, ClippingHoldsTheTrainingRangeAndWidensOnDemand) {
  const Dataset data = make_dataset(power_table(100, 2), {"a", "b"}, "output_rate");
  std::vector<std::size_t> first(50);
  for (std::size_t r = 0; r < first.size(); ++r) first[r] = r;
  Network network;
  fit_inputs(network, data, first, {true, true});
  std::vector<float> x(data.x.size());
  const float far[] = {1e20F, 0};
  float out[2];
  transform_inputs(network, far, 1, out);
  EXPECT_EQ(out[0], network.high[0]);
  EXPECT_EQ(out[1], network.low[1]);
  const auto low = network.low;
  widen_clipping(network, data);
  for (std::size_t i = 0; i < low.size(); ++i) EXPECT_LE(network.low[i], low[i]);
  transform_inputs(network, data.x, data.rows(), x);
  Network open = network;
  open.low.clear();
  open.high.clear();
  std::vector<float> unclipped(data.x.size());
  transform_inputs(open, data.x, data.rows(), unclipped);
  EXPECT_EQ(x, unclipped) << "what was seen is not clipped";
}

TEST(Model, AMissingLagIsTheCurrentSample) {
  const TrainedModel trained = train("ridge", quick());
  const auto model = trained.model;
  const auto loaded = load_model(model->to_onnx({}));
  EXPECT_EQ(loaded->family(), "ridge");
  EXPECT_EQ(loaded->inputs(), model->inputs());
  std::vector<float> with, without;
  for (const auto& input : model->inputs()) {
    const float value = input[0] == 'a' ? 2e9F : 1e6F;
    with.push_back(value);
    without.push_back(lagged_column(input).empty() ? value : std::nanf(""));
  }
  float a = 0, b = 0;
  auto scratch = model->make_scratch();
  model->predict(with, 1, {&a, 1}, *scratch);
  auto other = loaded->make_scratch();
  loaded->predict(without, 1, {&b, 1}, *other);
  EXPECT_EQ(a, b);
}

TEST(OnRealTables, TheFrozenModelHoldsInTheOfflineWorldAndUnderContention) {
  DRST_NEEDS_DATA(data)
  CsvOptions csv;
  csv.lenient = true;
  const Table combined = read_csv(data / "perf" / "combined.csv", csv);
  ModelSettings settings;
  settings.family = "mlp";
  settings.lags = settings.log_inputs = settings.log_target = "on";
  const TrainedModel model =
      train_offline(combined.slice(0, combined.rows() - 500), settings, {7, "combined.csv"});
  const auto score = [&](const Table& table) {
    return evaluate(*model.model, make_dataset(table, model.model->inputs(), "output_rate"), 1e-6).acc02;
  };
  EXPECT_GT(model.validation.acc02, 0.95);
  EXPECT_GT(score(combined.slice(combined.rows() - 500, combined.rows())), 0.95);
  EXPECT_GT(
      score(read_csv(data / "perf" / "resource_stimulus_global_A-B-C_modified.csv", csv).slice(0, 1000)),
      0.6);
}

TEST(FamiliesOnRealTables, ARidgeWithDefaultsHoldsInAContendedWorld) {
  DRST_NEEDS_DATA(data)
  CsvOptions csv;
  csv.lenient = true;
  const Table combined = read_csv(data / "perf" / "combined.csv", csv);
  ModelSettings settings;
  settings.family = "ridge";
  const TrainedModel model =
      train_offline(combined.slice(0, combined.rows() - 500), settings, {7, "combined.csv"});
  const Table stage2 =
      read_csv(data / "perf" / "resource_stimulus_global_A-B-C_modified.csv", csv).slice(0, 1000);
  EXPECT_GT(evaluate(*model.model, make_dataset(stage2, model.model->inputs(), "output_rate"), 1e-6).acc02,
            0.5)
      << "penalty " << model.settings.at("penalty");
}

}  // namespace
}  // namespace drst
