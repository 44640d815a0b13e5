#include "pipeline/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/log.h"
#include "ingest/simulator.h"
#include "table/csv.h"

namespace drst {
namespace {

using ::testing::Contains;
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

TEST(Run, AChainOfOtherNamesGoesRoundTheWholeLoop) {
  log::set_level(log::Level::warning);
  const TemporaryFolder folder;
  write_csv(folder.path() / "calm.csv", seconds(Scenario::random_rates, 400, 1));
  write_csv(folder.path() / "storm.csv", seconds(Scenario::resource_stimulus, 200, 2));
  RunRequest request;
  request.offline_text = (folder.path() / "calm.csv").string() + ":head=300";
  request.stage_texts = {"calm=" + (folder.path() / "calm.csv").string() + ":tail=100",
                         "storm=" + (folder.path() / "storm.csv").string()};
  request.out = folder.path() / "out";
  request.report = false;
  auto sections = request.config.sections();
  for (const char* assignment :
       {"model.kpis=[\"rx\", \"tx\", \"delay\"]", "model.target=\"tx\"", "model.family=\"mlp\"",
        "model.lags=\"on\"", "model.log_inputs=\"on\"", "model.log_target=\"on\"", "model.epochs=15",
        "drift.window=60", "drift.recent=[20]", "drift.cool_down=60", "drift.bootstrap_rounds=50",
        "tuning.a_hidden=[[8]]", "tuning.b_hidden=[[8]]", "tuning.c_hidden=[[8]]", "tuning.batches=[32]",
        "tuning.weight_decays=[0.0]", "tuning.refit_every_labels=25"})
    sections.set(assignment);
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

}  // namespace
}  // namespace drst
