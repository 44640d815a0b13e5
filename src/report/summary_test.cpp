#include "report/summary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "store/memory_store.h"
#include "store/prefix_store.h"
#include "table/npy.h"

namespace drst {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// Six rows in two stages; the adaptive model is right from row 2 on, the baseline in the first stage only.
TraceSet fill(MemoryStore& store, int64_t every, int64_t delay) {
  RunFacts facts;
  facts.run_id = "r";
  facts.seed = 3;
  facts.label_every = every;
  facts.label_delay = delay;
  facts.stream_wall_s = 2;
  store.put("results/run.json", to_json(facts));
  store.put("results/truth.npz",
            to_npz({{"id", Array::of(std::vector<std::string>{"r-0", "r-1", "r-2", "r-3", "r-4", "r-5"})},
                    {"row", Array::of(std::vector<int64_t>{0, 1, 2, 3, 4, 5})},
                    {"partition", Array::of(std::vector<int32_t>{0, 1, 0, 1, 0, 1})},
                    {"offset", Array::of(std::vector<int64_t>{0, 0, 1, 1, 2, 2})},
                    {"label", Array::of(std::vector<double>{10, 10, 10, 20, 20, 20})},
                    {"stage", Array::of(std::vector<int32_t>{0, 0, 0, 1, 1, 1})},
                    {"stage_names", Array::of(std::vector<std::string>{"calm", "busy"})}}));
  TraceSet set;
  for (int i = 0; i < 6; ++i) {
    TraceRow row;
    row.partition = i % 2;
    row.offset = i / 2;
    row.row = i;
    row.id = "r-" + std::to_string(i);
    row.truth = nan;
    row.pred_orig = 10;
    row.pred_adj = i < 2 ? 1.0F : (i < 3 ? 10.0F : 20.0F);
    row.release = "models/model_x.onnx";
    row.consumer = i % 2 == 0 ? "a" : "b";
    set.rows.push_back(row);
  }
  write_trace_files(store, set);
  return set;
}

TEST(Summary, ScoresEveryRowAsItWasPredicted) {
  MemoryStore store;
  fill(store, 1, 0);
  Series series;
  const auto summary = summarize(store, &series);
  EXPECT_EQ(summary.produced, 6);
  EXPECT_EQ(summary.predicted, 6);
  EXPECT_EQ(summary.lost, 0);
  ASSERT_EQ(summary.stages.size(), 2U);
  EXPECT_EQ(summary.stages[1].first_row, 3);
  EXPECT_DOUBLE_EQ(summary.stages[0].baseline.acc02, 1);
  EXPECT_DOUBLE_EQ(summary.stages[1].baseline.acc02, 0);
  EXPECT_DOUBLE_EQ(summary.stages[1].adaptive.acc02, 1);
  EXPECT_DOUBLE_EQ(summary.overall.adaptive.acc02, 4.0 / 6);
  EXPECT_DOUBLE_EQ(summary.throughput_records_per_s, 3);
  EXPECT_EQ(series.row.size(), 6U);
}

TEST(Summary, TheLastLabelIsTheLastThatHadArrived) {
  // At once: row 0 has none before it, row 3 still repeats 10: 4 of 6 right.
  MemoryStore at_once;
  fill(at_once, 1, 0);
  EXPECT_DOUBLE_EQ(summarize(at_once).overall.label_persistence.acc02, 4.0 / 6);
  EXPECT_EQ(summarize(at_once).labels_used, 6);
  // Two rows late: rows 0 and 1 have none, 2 sees row 0's, 3 and 4 see 10, 5 sees row 3's 20.
  MemoryStore late;
  fill(late, 1, 2);
  EXPECT_DOUBLE_EQ(summarize(late).overall.label_persistence.acc02, 2.0 / 6);
  EXPECT_EQ(summarize(late).labels_used, 4);
  MemoryStore none;
  fill(none, 0, 0);
  const auto summary = summarize(none);
  EXPECT_EQ(summary.overall.label_persistence.n, 0U);
  EXPECT_EQ(summary.labels_used, 0);
  EXPECT_TRUE(nlohmann::json::parse(to_json(summary))["overall"]["label_persistence"].is_null());
}

TEST(Summary, AFurtherTargetIsScoredByItsOwnLabelsAndTraces) {
  MemoryStore store;
  auto traces = fill(store, 1, 0);
  auto facts = parse_run_facts(*store.get("results/run.json"), "run");
  const auto alone = to_json(summarize(store));
  facts.targets = {"output_rate", "latency"};
  store.put("results/run.json", to_json(facts));
  auto truth = parse_npz(*store.get("results/truth.npz"), "truth");
  truth["label_latency"] =
      Array::of(std::vector<double>{5, 5, 5, 5, std::numeric_limits<double>::quiet_NaN(), 40});
  store.put("results/truth.npz", to_npz(truth));
  PrefixStore part(store, "targets/latency/");
  for (auto& row : traces.rows) row.pred_orig = row.pred_adj = 5;
  traces.rows.pop_back();
  write_trace_files(part, traces);
  SwapEvent swap;
  swap.run = "r";
  write_event(part, swap);
  ResourceRecord process;
  process.member = "infer-0";
  process.cpu_s = 3;
  part.put("results/resources/infer-0.json", to_json(process));

  Series series;
  auto summary = summarize(store, &series);
  ASSERT_EQ(summary.further.size(), 1U);
  const auto& latency = summary.further[0];
  EXPECT_EQ(latency.target, "latency");
  EXPECT_EQ(latency.overall.adaptive.n, 4U);
  EXPECT_DOUBLE_EQ(latency.overall.adaptive.acc02, 1);
  EXPECT_EQ(latency.labels_used, 5);
  EXPECT_EQ(latency.lost, 1);
  EXPECT_EQ(summary.lost, 0);
  EXPECT_EQ(summary.lost_of_all(), 1);
  EXPECT_EQ(latency.swaps.size(), 1U);
  EXPECT_EQ(summary.swaps.size(), 0U);
  EXPECT_EQ(series.further.at(0).truth.at(3), 5);
  EXPECT_EQ(summary.resources.at("latency/infer-0").cpu_s, 3);
  const auto json = nlohmann::json::parse(to_json(summary));
  EXPECT_EQ(json["targets"]["latency"]["overall"]["adaptive"]["acc@0.2"], 1);
  EXPECT_EQ(json["targets"]["latency"]["stages"].size(), 2U);
  summary.further.clear();
  summary.resources.clear();
  EXPECT_EQ(to_json(summary), alone) << "the first target's summary is what it is without another";
}

TEST(Summary, CountsWhatIsMissing) {
  MemoryStore store;
  fill(store, 1, 0);
  store.remove("results/b_inference_trace.npz");
  const auto summary = summarize(store);
  EXPECT_EQ(summary.predicted, 3);
  EXPECT_EQ(summary.lost, 3);
}

TEST(Summary, LeavesOutWhatOtherRunsLeftInTheStore) {
  MemoryStore store;
  fill(store, 1, 0);
  const auto alone = to_json(summarize(store));
  TraceSet earlier;
  TraceRow row;
  row.id = "r-9-0";
  row.row = 0;
  row.ts = Time(std::chrono::hours(1));
  row.truth = nan;
  row.release = "models/model_x.onnx";
  row.consumer = "c";
  earlier.rows.push_back(row);
  write_trace_files(store, earlier);
  DriftEvent drift;
  drift.id = "r-9-3";
  RetrainEvent retrain;
  retrain.id = "r-9-3";
  SwapEvent swap;
  swap.run = "r-9";
  write_event(store, drift);
  write_event(store, retrain);
  write_event(store, swap);
  EXPECT_EQ(to_json(summarize(store)), alone);
  drift.id = retrain.id = "r-3";
  swap.run = "r";
  write_event(store, drift);
  write_event(store, retrain);
  write_event(store, swap);
  const auto summary = summarize(store);
  EXPECT_EQ(summary.drift_events.size(), 1U);
  EXPECT_EQ(summary.retrains.size(), 1U);
  EXPECT_EQ(summary.swaps.size(), 1U);
}

TEST(Summary, DoesNotTakeTheTruthOfAnotherRun) {
  MemoryStore store;
  fill(store, 1, 0);
  auto facts = parse_run_facts(*store.get("results/run.json"), "test");
  facts.run_id = "next";
  store.put("results/run.json", to_json(facts));
  try {
    summarize(store);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("run next in memory: has not ended"), std::string::npos)
        << error.what();
  }
}

TEST(Summary, DeadLettersAreNotLostAndRepeatsNotProduced) {
  MemoryStore store;
  TraceSet set = fill(store, 1, 0);
  // Row 4 could not be used, a record of somebody else's neither; row 2 came twice; row 5 is lost.
  set.rows.resize(4);
  TraceRow dead;
  dead.status = TraceRow::Status::dead_lettered;
  dead.partition = 0;
  dead.offset = 2;
  TraceRow foreign = dead;
  foreign.offset = 4;
  TraceRow again = dead;
  again.status = TraceRow::Status::duplicate;
  again.offset = 3;
  again.id = "r-2";
  set.unpredicted = {dead, again, foreign};
  store.remove("results/b_inference_trace.npz");
  write_trace_files(store, set);
  const auto summary = summarize(store);
  EXPECT_EQ(summary.produced, 6);
  EXPECT_EQ(summary.predicted, 4);
  EXPECT_EQ(summary.dead_lettered, 2);
  EXPECT_EQ(summary.duplicates, 1);
  EXPECT_EQ(summary.consumed, 7);
  EXPECT_EQ(summary.lost, 1);
  EXPECT_EQ(summary.stages[1].rows, 1);
}

TEST(Summary, SaysWhichRowsAndReleasesAreMissing) {
  MemoryStore store;
  TraceSet set = fill(store, 1, 0);
  const VirtualClock clock;
  ReleaseInfo info;
  info.role = "baseline";
  info.family = "ridge";
  Registry registry(store, clock);
  const std::string kept = registry.publish("model", info).model_key;
  for (auto& row : set.rows) row.release = kept;
  write_trace_files(store, set);
  EXPECT_TRUE(summarize(store).notes.empty());

  set.rows[5].release = "models/model_pruned.onnx";
  set.rows.erase(set.rows.begin() + 1, set.rows.begin() + 3);
  for (const char* consumer : {"a", "b"}) store.remove(trace_file_key(consumer));
  write_trace_files(store, set);
  const auto summary = summarize(store);
  EXPECT_EQ(summary.lost_rows, (std::vector<int64_t>{1, 2}));
  ASSERT_EQ(summary.notes.size(), 2U);
  EXPECT_EQ(summary.notes[0], "2 records of run r have neither a prediction nor a dead letter: rows 1 to 2");
  EXPECT_NE(summary.notes[1].find("1 releases are not in the store any more"), std::string::npos);
  EXPECT_NE(summary.notes[1].find("models/model_pruned.onnx"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(to_json(summary))["notes"].size(), 2U);
}

TEST(Summary, SaysWhatWasPrunedThoughItServedNoRow) {
  MemoryStore store;
  TraceSet set = fill(store, 1, 0);
  VirtualClock clock;
  RegistrySettings settings;
  settings.keep_releases = 1;
  Registry registry(store, clock, settings);
  std::vector<std::string> keys;
  for (const char* role : {"baseline", "refit", "refit"}) {
    ReleaseInfo info;
    info.role = role;
    info.family = "ridge";
    keys.push_back(registry.publish(std::string("model of ") + role + to_text(keys.size()), info).model_key);
    clock.advance(std::chrono::seconds(1));
  }
  for (auto& row : set.rows) row.release = keys.back();
  write_trace_files(store, set);
  EXPECT_TRUE(summarize(store).notes.empty());
  const auto pruned = registry.prune(false);
  ASSERT_FALSE(pruned.empty());
  const auto summary = summarize(store);
  ASSERT_EQ(summary.notes.size(), 1U);
  EXPECT_NE(summary.notes[0].find(keys[1]), std::string::npos) << summary.notes[0];
}

TEST(Summary, RowsInWords) {
  EXPECT_EQ(rows_in_words({}), "");
  EXPECT_EQ(rows_in_words({7}), "7");
  EXPECT_EQ(rows_in_words({0, 1, 2, 9, 11, 12}), "0 to 2, 9, 11 to 12");
  EXPECT_EQ(rows_in_words({0, 2, 4, 6, 8, 10, 12}), "0, 2, 4, 6, 8, and 2 more");
}

TEST(Summary, ARunWhoseProducerIsAtWorkHasNotEnded) {
  MemoryStore store;
  fill(store, 1, 0);
  store.remove("results/truth.npz");
  try {
    summarize(store);
    FAIL();
  } catch (const InputError& error) {
    const std::string words = error.what();
    EXPECT_NE(words.find("run r in memory: has not ended"), std::string::npos) << words;
    EXPECT_NE(words.find("`drst produce`"), std::string::npos) << words;
  }
}

TEST(Summary, TheFamilyIsTheBaselines) {
  MemoryStore store;
  fill(store, 1, 0);
  const VirtualClock clock;
  ReleaseInfo info;
  info.role = "baseline";
  info.family = "ridge";
  Registry(store, clock).publish("model", info);
  EXPECT_EQ(summarize(store).facts.family, "ridge");
}

TEST(Summary, PublishedRefitsAreRetrains) {
  MemoryStore store;
  fill(store, 1, 0);
  VirtualClock clock;
  Registry registry(store, clock);
  std::string key;
  for (const char* trigger : {"refit-r-4", "refit-other-9", "refit-r-2-9", "r-3"}) {
    ReleaseInfo info;
    info.role = "refit";
    info.trigger = trigger;
    info.labels = 5;
    info.metrics = {{"row", 4}, {"track.challenger_loss", 0.25}, {"track.live_loss", 0.5}};
    clock.advance(std::chrono::seconds(1));
    const auto release = registry.publish("model", info);
    registry.point_to(release, "retrainer", "why");
    if (key.empty()) key = release.model_key;
  }
  RetrainEvent answer;
  answer.id = "r-5";
  answer.row = 5;
  write_event(store, answer);
  RetrainEvent rollback;
  rollback.kind = "rollback";
  for (const char* id : {"rollback-r-6", "rollback-other-6"}) {
    rollback.id = id;
    rollback.row = 6;
    write_event(store, rollback);
  }
  const auto summary = summarize(store);
  ASSERT_EQ(summary.retrains.size(), 3U) << "of this run, in order of rows";
  EXPECT_EQ(summary.retrains[2].id, "rollback-r-6");
  EXPECT_EQ(summary.retrains[0].kind, "refit");
  EXPECT_EQ(summary.retrains[0].row, 4);
  EXPECT_EQ(summary.retrains[0].release, key);
  EXPECT_EQ(summary.retrains[0].reason,
            "made live: why; mean bounded error, its line 0.2500; mean bounded error, live model 0.5000");
  EXPECT_EQ(summary.retrains[0].live_val_loss, 0.5);
  EXPECT_EQ(summary.retrains[1].kind, "answer");
  const auto json = nlohmann::json::parse(to_json(summary))["retrains"];
  EXPECT_EQ(json[0]["kind"], "refit");
  EXPECT_EQ(json[0]["val_loss"], 0.25);
  EXPECT_TRUE(json[0]["wall_ms"].is_null());
  EXPECT_TRUE(json[0]["baseline_val_loss"].is_null());
}

/// Whatever moved the pointer: a promoted refit, a promoted answer, a return, the first release.
TEST(Summary, EverySwapShowsItsEvidence) {
  MemoryStore store;
  fill(store, 1, 0);
  VirtualClock clock;
  Registry registry(store, clock);
  const auto publish = [&](const char* role) {
    ReleaseInfo info;
    info.role = role;
    clock.advance(std::chrono::seconds(1));
    return registry.publish(role, info);
  };
  const auto first = publish("offline"), answer = publish("retrain");
  registry.point_to(first, "offline", "first release");
  int64_t row = 0;
  const auto judge = [&](const char* kind, const ReleaseInfo& from, const ReleaseInfo& to, int64_t at) {
    Judgement judgement;
    judgement.run_id = "r";
    judgement.row = row = at;
    judgement.kind = kind;
    judgement.from = from.model_key;
    judgement.to = to.model_key;
    judgement.log_e = 5;
    judgement.reason = std::string(kind) + " at " + std::to_string(at);
    write_judgement(store, judgement);
    registry.point_to(to, "judge", judgement.reason);
  };
  RetrainEvent event;
  event.id = "r-1";
  event.published = true;
  event.release = answer.model_key;
  event.reason = "better";
  write_event(store, event);
  judge("promotion", first, answer, 100);
  judge("return", answer, first, 200);
  judge("promotion", first, answer, 300);
  for (const auto& [at, release] : std::vector<std::pair<int64_t, std::string>>{
           {101, answer.model_key}, {199, first.model_key}, {299, answer.model_key}, {400, "models/other"}})
    write_event(store, SwapEvent{at, "a", release, 1, false, "r"});
  const auto summary = summarize(store);
  ASSERT_EQ(summary.judgements.size(), 3U);
  const auto json = nlohmann::json::parse(to_json(summary));
  EXPECT_EQ(json["judgements"][1]["kind"], "return");
  const auto& swaps = json["swaps"];
  ASSERT_EQ(swaps.size(), 4U);
  for (const auto& [i, why] :
       {std::pair{0, "promotion at 100"}, {1, "return at 200"}, {2, "promotion at 300"}}) {
    EXPECT_EQ(swaps[static_cast<std::size_t>(i)]["reason"], why);
    EXPECT_EQ(swaps[static_cast<std::size_t>(i)]["evidence"]["log_e"], 5);
  }
  EXPECT_TRUE(swaps[3]["evidence"].is_null());
  EXPECT_EQ(json["retrains"][0]["reason"], "better; made live: promotion at 100; again: promotion at 300");
}

TEST(Summary, SaysHowManyRowsAreScored) {
  MemoryStore store;
  fill(store, 1, 0);
  auto truth = parse_npz(*store.get("results/truth.npz"), "truth");
  truth["label"] = Array::of(std::vector<double>{10, std::nan(""), 10, 20, 20, 20});
  store.put("results/truth.npz", to_npz(truth));
  const auto json = nlohmann::json::parse(to_json(summarize(store)));
  EXPECT_EQ(json["stages"][0]["rows"], 3);
  EXPECT_EQ(json["stages"][0]["scored"], 2);
  EXPECT_EQ(json["overall"]["scored"], 5);
}

TEST(Summary, ComponentsHaveCpuAndProcessesMemory) {
  MemoryStore store;
  fill(store, 1, 0);
  RunFacts facts;
  facts.run_id = "r";
  facts.cpu_s["producer"] = 0.5;
  store.put("results/run.json", to_json(facts));
  ResourceRecord process;
  process.member = "process";
  process.cpu_s = 2;
  process.rss_peak_mib = 50;
  process.private_peak_mib = 30;
  process.samples = {{0.5, 1, 40, 20}, {1, 2, 50, 30}};
  store.put("results/resources/process.json", to_json(process));
  store.put("results/resources/odd.json", "{");
  const auto summary = summarize(store);
  ASSERT_EQ(summary.resources.size(), 2U);
  EXPECT_EQ(summary.processes.at(0).samples.size(), 2U);
  const auto json = nlohmann::json::parse(to_json(summary))["resources"];
  EXPECT_EQ(json["producer"]["cpu_s"], 0.5);
  EXPECT_TRUE(json["producer"]["rss_peak_mib"].is_null());
  EXPECT_EQ(json["process"]["rss_peak_mib"], 50);
  EXPECT_EQ(json["process"]["private_peak_mib"], 30);
}

TEST(Summary, OfEachRunOfAStore) {
  MemoryStore store;
  fill(store, 1, 0);
  store.put("results/runs/r.json", *store.get("results/run.json"));
  store.put("results/truth/r.npz", *store.get("results/truth.npz"));
  RunFacts newer;
  newer.run_id = "newer";
  put_facts(store, newer);
  EXPECT_EQ(summarize(store, nullptr, "r").predicted, 6);
  EXPECT_THROW(summarize(store), InputError) << "truth.npz is of r";
  try {
    summarize(store, nullptr, "s");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("it holds newer, r"), std::string::npos) << error.what();
  }
}

TEST(Summary, HasNoLastLabelWhereNoneArrives) {
  MemoryStore store;
  fill(store, 1, 99);
  EXPECT_EQ(summarize(store).overall.label_persistence.n, 0U);
}

TEST(Summary, SaysWhatAStoreLacks) {
  MemoryStore store;
  try {
    summarize(store);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_NE(std::string(error.what()).find("results/run.json"), std::string::npos);
  }
}

TEST(RunFacts, SurviveTheirJson) {
  RunFacts facts;
  facts.run_id = "x";
  facts.epsilon = 0.25;
  facts.label_every = 20;
  facts.cpu_s["infer-0"] = 1.5;
  facts.settings["drift.window"] = "300";
  const auto back = parse_run_facts(to_json(facts), "test");
  EXPECT_EQ(to_json(back), to_json(facts));
  EXPECT_THROW(parse_run_facts("{", "test"), InputError);
  EXPECT_THROW(parse_run_facts("[]", "test"), InputError);
  // Numbers of another kind are refused, not converted to whatever comes out.
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"label_every", "1e300"},
                                                                                    {"label_delay", "0.5"},
                                                                                    {"seed", "-1"},
                                                                                    {"epsilon", "0"},
                                                                                    {"produced", "1e30"}}) {
    std::string text = to_json(facts);
    const auto begin = text.find('"' + name + "\": ") + name.size() + 4;
    text.replace(begin, text.find(',', begin) - begin, value);
    EXPECT_THROW(parse_run_facts(text, "test"), InputError) << text;
  }
}

}  // namespace
}  // namespace drst
