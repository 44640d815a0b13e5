#include "learn/offline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "learn/model.h"

namespace drst {
namespace {

Table line_table(std::size_t rows) {
  std::vector<double> counter, rate;
  for (std::size_t r = 0; r < rows; ++r) {
    counter.push_back(1000 + 37 * static_cast<double>(r % 17));
    rate.push_back(2 * counter.back());
  }
  Table table;
  table.add_column("output_rate", rate);
  table.add_column("input_rate", rate);
  table.add_column("fw_cycles", counter);
  table.set_experiment_starts({0});
  return table;
}

struct Offline : ::testing::Test {
  TemporaryFolder folder;
  std::unique_ptr<ObjectStore> store = open_store("file:" + folder.path().string());
  VirtualClock clock;
  Registry registry{*store, clock};
  ModelSettings settings = [] {
    ModelSettings s;
    s.family = "ridge";
    return s;
  }();
  OfflineResult run(const Table& table, uint64_t seed = 1) {
    return run_offline(table, settings, *store, registry, {seed, "test.csv"});
  }
};

TEST_F(Offline, PublishesBaselineAndFirstRelease) {
  const OfflineResult result = run(line_table(200));
  EXPECT_FALSE(result.reused);
  EXPECT_GT(result.validation.acc02, 0.99);
  EXPECT_EQ(result.baseline.role, "baseline");
  EXPECT_EQ(result.first.role, "offline");
  EXPECT_EQ(result.first.parent, result.baseline.model_key);
  EXPECT_EQ(result.baseline.sha256, result.first.sha256);
  EXPECT_EQ(result.baseline.data_sha256.size(), 64U);
  EXPECT_EQ(result.baseline.labels, 200);
  EXPECT_EQ(result.baseline.settings.at("model.family"), "ridge");
  EXPECT_GT(result.baseline.metrics.at("validation.acc@0.2"), 0.99);
  ASSERT_TRUE(registry.pointer()->has_value());
  EXPECT_EQ((*registry.pointer())->model_key, result.first.model_key);
  EXPECT_EQ((*registry.baseline())->model_key, result.baseline.model_key);
  EXPECT_TRUE(registry.verify().empty());
  const auto columns = nlohmann::json::parse(*store->get("models/feature_cols.json"));
  EXPECT_EQ(columns, nlohmann::json({"fw_cycles"}));
  const auto selected = nlohmann::json::parse(*store->get("models/selected_feats.json"));
  EXPECT_EQ(selected.get<std::vector<std::string>>(), result.first.inputs);
  const auto model = load_model(registry.load(**registry.pointer())->onnx);
  EXPECT_EQ(model->inputs(), result.first.inputs);
}

TEST_F(Offline, TrainsOnTheTargetThatIsAskedFor) {
  Table table = line_table(200);
  std::vector<double> latency;
  for (std::size_t r = 0; r < 200; ++r) latency.push_back(5000 + 7 * table.column("output_rate")[r]);
  table.add_column("latency", latency);
  settings.targets = {"output_rate", "latency"};
  const auto result = run_offline(table, settings, *store, registry, {1, "test.csv", "latency"});
  EXPECT_EQ(result.baseline.target, "latency");
  EXPECT_GT(result.validation.acc02, 0.99);
  EXPECT_EQ(nlohmann::json::parse(*store->get("models/feature_cols.json")), nlohmann::json({"fw_cycles"}));
  // What else is predicted makes no other training, another target does.
  settings.targets = {"latency"};
  EXPECT_TRUE(run_offline(table, settings, *store, registry, {1, "test.csv"}).reused);
  settings.targets = {"output_rate"};
  EXPECT_THROW((void)run_offline(table, settings, *store, registry, {1, "test.csv"}), InputError);
  EXPECT_THROW(check_offline(line_table(200), settings, {1, "test.csv", "latency"}), InputError);
}

TEST_F(Offline, AgainWithTheSameDataChangesNothing) {
  const OfflineResult first = run(line_table(200));
  const auto keys = store->list("models/");
  const OfflineResult second = run(line_table(200));
  EXPECT_TRUE(second.reused);
  EXPECT_EQ(second.baseline.model_key, first.baseline.model_key);
  EXPECT_EQ(store->list("models/"), keys);
}

TEST_F(Offline, ACrashBeforeTheFirstReleaseIsMadeGood) {
  const OfflineResult first = run(line_table(200));
  store->remove("models/latest.txt");
  const OfflineResult second = run(line_table(200));
  EXPECT_TRUE(second.reused);
  EXPECT_EQ((*registry.pointer())->model_key, second.first.model_key);
  EXPECT_EQ(second.first.sha256, first.first.sha256);
}

TEST_F(Offline, OtherDataAreRefusedAndNothingIsLost) {
  const OfflineResult first = run(line_table(200));
  EXPECT_THROW(run(line_table(210)), InputError);
  EXPECT_THROW(run(line_table(200), 2), InputError);
  EXPECT_EQ((*registry.pointer())->model_key, first.first.model_key);
}

TEST_F(Offline, BadTablesAreInputErrorsThatSayWhatToDo) {
  Table table = line_table(100);
  table.remove_column("output_rate");
  try {
    run(table);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("test.csv has no column 'output_rate'"), std::string::npos)
        << error.what();
  }
  EXPECT_THROW(run(line_table(20)), InputError);
  Table empty = line_table(100);
  for (double& value : empty.column(0)) value = std::nan("");
  EXPECT_THROW(run(empty), InputError);
  Table blind = line_table(100);
  for (double& value : blind.column(2)) value = std::nan("");
  try {
    run(blind);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("test.csv: no usable input"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(store->list("models/").empty());
}

}  // namespace
}  // namespace drst
