#include "pipeline/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "ingest/simulator.h"
#include "table/csv.h"

namespace drst {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

/// Another chain: own names for KPIs, functions and an event.
ChainSchema other_chain() {
  ChainSchema chain;
  chain.kpis = {"rx", "tx", "delay"};
  chain.vnfs = {"nat", "lb", "ids", "cache", "tunnel"};
  chain.events[6] = "cpu-cycles";
  return chain;
}

/// Of which three functions are measured.
Table seconds(Scenario scenario, int64_t rows, uint64_t seed) {
  SimulationSpec spec;
  spec.scenario = scenario;
  spec.rows = rows;
  spec.seed = seed;
  spec.settings.chain = other_chain();
  Table table = simulate_table(spec);
  for (const auto& name : other_chain().counter_names())
    if (name.starts_with("cache_") || name.starts_with("tunnel_")) table.remove_column(name);
  return table;
}

/// A small run on that chain in `folder`: 100 calm rows, then 200 stormy ones.
RunRequest small_run(const std::filesystem::path& folder, const std::string& out,
                     const std::string& targets) {
  log::set_level(log::Level::warning);
  write_csv(folder / "calm.csv", seconds(Scenario::random_rates, 400, 1));
  write_csv(folder / "storm.csv", seconds(Scenario::resource_stimulus, 200, 2));
  RunRequest request;
  request.offline_text = (folder / "calm.csv").string() + ":head=300";
  request.stage_texts = {"calm=" + (folder / "calm.csv").string() + ":tail=100",
                         "storm=" + (folder / "storm.csv").string()};
  request.out = folder / out;
  request.report = false;
  auto sections = request.config.sections();
  sections.set("model.targets=" + targets);
  for (const char* assignment :
       {"model.kpis=[\"rx\", \"tx\", \"delay\"]", "model.family=\"mlp\"", "model.lags=\"on\"",
        "model.log_inputs=\"on\"", "model.log_target=\"on\"", "model.epochs=15", "drift.window=60",
        "drift.recent=[20]", "drift.cool_down=60", "drift.bootstrap_rounds=50", "tuning.a_hidden=[[8]]",
        "tuning.b_hidden=[[8]]", "tuning.c_hidden=[[8]]", "tuning.batches=[32]", "tuning.weight_decays=[0.0]",
        "tuning.refit_every_labels=25"})
    sections.set(assignment);
  return request;
}

TEST(Run, AChainOfOtherNamesGoesRoundTheWholeLoop) {
  const TemporaryFolder folder;
  const RunRequest request = small_run(folder.path(), "out", "[\"tx\"]");
  const Summary summary = execute_run(request);
  EXPECT_EQ(summary.lost, 0);
  EXPECT_EQ(summary.overall.rows, 300);
  ASSERT_EQ(summary.stages.size(), 2U);
  EXPECT_GT(summary.stages[0].baseline.acc02, 0.9);
  EXPECT_FALSE(summary.drift_events.empty());
  const auto answers =
      std::ranges::count_if(summary.retrains, [](const auto& retrain) { return retrain.kind == "answer"; });
  EXPECT_EQ(static_cast<std::size_t>(answers), summary.drift_events.size());

  const auto inputs = nlohmann::json::parse(read_file(folder.path() / "out/store/models/selected_feats.json"))
                          .get<std::vector<std::string>>();
  EXPECT_THAT(inputs, Contains("ids_cpu-cycles"));
  for (const auto& kpi : other_chain().kpis) EXPECT_THAT(inputs, Not(Contains(kpi)));
  for (const auto& event : summary.drift_events)
    for (const auto& top : event.top_features)
      EXPECT_TRUE(std::ranges::any_of(other_chain().vnfs, [&](const auto& vnf) {
        return top.feature.starts_with(vnf + "_");
      })) << top.feature;
}

/// What a run predicted in a part of its store: the traces' bytes.
std::map<std::string, std::string> traces_of(const std::filesystem::path& store) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::directory_iterator(store / "results"))
    if (entry.path().string().ends_with("_inference_trace.npz"))
      all[entry.path().filename()] = read_file(entry.path());
  return all;
}

std::string without_timings(const Summary& summary) {
  auto json = nlohmann::json::parse(to_json(summary));
  for (const char* measured : {"wall_s", "throughput_records_per_s", "resources"}) json.erase(measured);
  const std::function<void(nlohmann::json&)> strip = [&](nlohmann::json& part) {
    if (part.is_object()) {
      part.erase("wall_ms");
      part.erase("load_ms");
    }
    if (part.is_structured())
      for (auto& inner : part) strip(inner);
  };
  strip(json);
  return json.dump();
}

TEST(Run, EachOfSeveralTargetsHasALaneOfItsOwn) {
  const TemporaryFolder folder;
  const auto one = execute_run(small_run(folder.path(), "one", "[\"tx\"]"));
  const auto two = execute_run(small_run(folder.path(), "two", "[\"tx\", \"delay\"]"));
  const auto again = execute_run(small_run(folder.path(), "again", "[\"tx\", \"delay\"]"));
  EXPECT_EQ(without_timings(two), without_timings(again));

  // The first target notices nothing of the second.
  auto first = two;
  first.further.clear();
  EXPECT_EQ(without_timings(one), without_timings(first));
  EXPECT_EQ(traces_of(folder.path() / "one/store"), traces_of(folder.path() / "two/store"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "one/store/targets"));

  ASSERT_EQ(two.further.size(), 1U);
  const Summary& delay = two.further[0];
  EXPECT_EQ(delay.target, "delay");
  EXPECT_EQ(two.lost_of_all(), 0);
  EXPECT_EQ(delay.overall.rows, 300);
  EXPECT_GT(delay.labels_used, 250);
  EXPECT_GT(delay.stages[0].baseline.acc02, 0.5);
  EXPECT_FALSE(delay.drift_events.empty());
  EXPECT_GT(delay.releases.size(), 5U) << "refits of its own";

  const auto part = open_store("file:" + (folder.path() / "two/store/targets/delay").string());
  VirtualClock clock;
  Registry registry(*part, clock);
  EXPECT_TRUE(registry.verify().empty());
  EXPECT_EQ(registry.list().size(), delay.releases.size());
  for (const auto& release : delay.releases) EXPECT_EQ(release.target, "delay");
  for (const auto& release : two.releases) EXPECT_EQ(release.target, "tx");
  const auto inputs = nlohmann::json::parse(*part->get("models/selected_feats.json"));
  for (const auto& kpi : other_chain().kpis) EXPECT_THAT(inputs, Not(Contains(kpi)));
  const auto json = nlohmann::json::parse(to_json(two));
  EXPECT_EQ(json.at("targets").size(), 1U);
  EXPECT_EQ(json.at("targets").at("delay").at("overall").at("rows"), 300);
  EXPECT_TRUE(two.resources.contains("delay/judge"));
}

TEST(Run, WhatCannotBeTargetsIsRefusedBeforeAnythingIsRemoved) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder.path() / "out/store");
  write_file_atomic(folder.path() / "out/summary.json", "{}");
  for (const auto& [targets, words] :
       {std::pair{"[]", "model.targets is empty"},
        {"[\"tx\", \"tx\"]", "'tx' stands there twice"},
        {"[\"tx\", \"ids_cpu-cycles\"]", "'ids_cpu-cycles' is none of model.kpis"},
        {"[\"tx\", \"loss\"]", "'loss' is none of model.kpis"}}) {
    auto request = small_run(folder.path(), "out", targets);
    request.overwrite = true;
    try {
      (void)execute_run(request);
      FAIL() << targets;
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), HasSubstr(words));
    }
  }
  // A KPI that the tables lack.
  auto request = small_run(folder.path(), "out", "[\"tx\", \"loss\"]");
  request.overwrite = true;
  request.config.model.kpis.emplace_back("loss");
  EXPECT_THROW((void)execute_run(request), InputError);
  request.offline_text.clear();
  request.stage_texts.clear();
  request.simulated = true;
  EXPECT_THROW((void)execute_run(request), InputError);
  EXPECT_EQ(read_file(folder.path() / "out/summary.json"), "{}");
}

}  // namespace
}  // namespace drst
