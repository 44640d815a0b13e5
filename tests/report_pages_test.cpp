// The report as it lies on the disk: pictures by the real gnuplot, both pages, every table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "report/plot_scripts.h"
#include "report/report.h"
#include "store/memory_store.h"
#include "store/prefix_store.h"
#include "table/npy.h"

namespace drst {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int rows = 400, drift_row = 230;
constexpr int refits = 60;  // more than a table shows at once

/// A run of two stages: two drifts, one retrain published and one refused, many refits, each swapped in by
/// two consumers, a rollback.
void fill(MemoryStore& store) {
  VirtualClock clock;
  RunFacts facts;
  facts.run_id = "run7";
  facts.cpu_s = {{"infer-0", 0.25}, {"retrainer", 1.5}};
  store.put("results/run.json", to_json(facts));

  std::vector<std::string> ids;
  std::vector<int64_t> row, offset;
  std::vector<int32_t> partition, stage;
  std::vector<double> label;
  TraceSet traces;
  for (int i = 0; i < rows; ++i) {
    ids.push_back("run7-" + to_text(i));
    row.push_back(i);
    partition.push_back(0);
    offset.push_back(i);
    stage.push_back(i < 200 ? 0 : 1);
    label.push_back(1000 + i % 50);
    TraceRow trace;
    trace.offset = trace.row = i;
    trace.id = ids.back();
    trace.pred_orig = static_cast<float>(i < 200 ? 1000 : 500);
    trace.pred_adj = 1020;
    trace.consumer = "infer-0";
    traces.rows.push_back(trace);
  }
  store.put("results/truth.npz",
            to_npz({{"id", Array::of(ids)},
                    {"row", Array::of(row)},
                    {"partition", Array::of(partition)},
                    {"offset", Array::of(offset)},
                    {"label", Array::of(label)},
                    {"stage", Array::of(stage)},
                    {"stage_names", Array::of(std::vector<std::string>{"calm", "it's <busy>"})}}));
  write_trace_files(store, traces);

  for (const int at : {drift_row, 350}) {
    DriftEvent drift{"run7-" + to_text(at), "busy",     at, at - 30, 0.4, 0.3, "A",
                     {{"cycles", 0.6}},     clock.now()};
    write_event(store, drift);
    RetrainEvent answer;
    answer.id = drift.id;
    answer.row = at;
    answer.tier = "A";
    answer.published = at == drift_row;
    answer.reason = at == drift_row ? "better" : "no better than the live model";
    write_event(store, answer);
  }
  RetrainEvent rollback;
  rollback.kind = "rollback";
  rollback.id = "rollback-run7-390";
  rollback.row = 390;
  write_event(store, rollback);
  Registry registry(store, clock);
  for (int i = 0; i < refits; ++i) {
    clock.advance(std::chrono::seconds(1));
    ReleaseInfo info;
    info.role = "refit";
    info.family = "ridge";
    info.trigger = "refit-run7-" + to_text(10 + 6 * i);
    info.metrics["row"] = 10 + 6 * i;
    const auto release = registry.publish("model " + to_text(i), info);
    registry.point_to(release, "retrainer", "refit: good");
    write_event(store, SwapEvent{11 + 6 * i, "infer-0", release.model_key, 1, false, "run7"});
    write_event(store, SwapEvent{12 + 6 * i, "infer-1", release.model_key, 1, false, "run7"});
  }

  std::vector<int64_t> at;
  std::vector<double> signal, a, b, c;
  std::vector<float> by_feature;
  for (int i = 100; i < rows; i += 10) {
    at.push_back(i);
    signal.push_back(0.001 * i);
    a.push_back(0.3);
    b.push_back(0.4);
    c.push_back(0.5);
    by_feature.insert(by_feature.end(), {static_cast<float>(0.002 * i), 0.1F});
  }
  const auto evaluations = at.size();
  store.put(
      "results/drift_signal.npz",
      to_npz({{"row", Array::of(at)},
              {"signal", Array::of(signal)},
              {"threshold_A", Array::of(a)},
              {"threshold_B", Array::of(b)},
              {"threshold_C", Array::of(c)},
              {"recent_100", Array::of(signal)},
              {"recent_100_threshold_A", Array::of(b)},
              {"recent_100_threshold_B", Array::of(b)},
              {"recent_100_threshold_C", Array::of(c)},
              {"by_feature", Array::matrix(by_feature, evaluations, 2)},
              {"features", Array::of(std::vector<std::string>{"firewall_cycles", "bridge_LLC-loads"})}}));
  ResourceRecord process;
  process.member = "process";
  process.cpu_s = 2;
  process.rss_peak_mib = 40;
  process.private_peak_mib = 30;
  process.samples = {{0, 0, 20, 10}, {0.5, 0.5, 30, 20}, {1, 1.5, 40, 30}};
  store.put("results/resources/process.json", to_json(process));
}

/// Lines of a data block of a gnuplot script.
std::size_t lines_of(const std::string& script, const std::string& name) {
  const std::string head = "$" + name + " << EOD\n";
  const auto begin = script.find(head);
  if (begin == std::string::npos) return 0;
  const auto end = script.find("EOD\n", begin + head.size());
  return static_cast<std::size_t>(
      std::count(script.begin() + static_cast<std::ptrdiff_t>(begin + head.size()),
                 script.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++found;
  return found;
}

/// The table under a heading of the Markdown page, without its two head lines.
std::vector<std::string> table(const std::string& page, const std::string& heading) {
  std::vector<std::string> found;
  for (auto at = page.find("\n|", page.find(heading)); page.compare(at, 2, "\n|") == 0;) {
    const auto end = page.find('\n', at + 1);
    found.push_back(page.substr(at + 1, end - at - 1));
    at = end;
  }
  found.erase(found.begin(), found.begin() + std::min<std::ptrdiff_t>(2, std::ssize(found)));
  return found;
}

TEST(Report, TheTimelineHasAMarkForEachEvent) {
  MemoryStore store;
  fill(store);
  Series series;
  const auto summary = summarize(store, &series);
  const auto script = plots::timeline(summary, series, read_drift_signal(store));
  EXPECT_EQ(lines_of(script, "rows"), rows);
  EXPECT_EQ(lines_of(script, "drift"), 2u);
  EXPECT_EQ(lines_of(script, "published"), 1u);
  EXPECT_EQ(lines_of(script, "refused"), 1u);
  EXPECT_EQ(lines_of(script, "refit"), refits);
  EXPECT_EQ(lines_of(script, "rollback"), 1u);
  EXPECT_EQ(lines_of(script, "swap"), refits) << "one for the consumers that took it within a moment";
  EXPECT_EQ(lines_of(script, "signal"), 30u);
  // A line through the panel for what is rare: a stage and two drifts.
  EXPECT_EQ(count(script, "set arrow"), 3u);
  for (const char* title :
       {"'truth'", "'baseline (frozen)'", "'adaptive'", "'drift noticed'", "'stage begins'",
        "'retrain published'", "'retrain refused'", "'whole window'", "'last 100 rows (dashes: their A)'"})
    EXPECT_THAT(script, HasSubstr(std::string("title ") + title));
}

TEST(Report, ALongRunIsDrawnInBoundedPoints) {
  Summary summary;
  Series series;
  for (int i = 0; i < 100'000; ++i) {
    series.row.push_back(i);
    series.truth.push_back(1);
    series.baseline.push_back(1);
    series.adaptive.push_back(1);
    series.stage.push_back(0);
  }
  summary.stages.resize(1);
  summary.stages[0].rows = 100'000;
  const auto script = plots::timeline(summary, series, {});
  EXPECT_LE(lines_of(script, "rows"), 3000u);
  EXPECT_GE(lines_of(script, "rows"), 1500u);
}

TEST(Report, GapsBetweenEvaluationsMoveNothingInTheHeatMap) {
  DriftSignal signal;
  signal.features = {"f"};
  signal.row = {0, 10, 20, 100};
  signal.by_feature = {0.1, 0.2, 0.3, 0.9};
  const auto script = plots::heat_map({}, signal);
  // Four even columns: 0, 33, 67, 100.
  EXPECT_THAT(
      script,
      HasSubstr("$heat << EOD\n0 0 0.1\n33.333333333333336 0 0.3\n66.66666666666667 0 0.3\n100 0 0.9\n"));
}

TEST(Report, IsWhole) {
  MemoryStore store;
  fill(store);
  const TemporaryFolder out;
  write_report(store, out.path());
  const auto page = read_file(out.path() / "report.md"), html = read_file(out.path() / "report.html");
  for (const std::string name : {"timeline", "accuracy", "error_cdf", "drift_heat", "resources"}) {
    EXPECT_GT(std::filesystem::file_size(out.path() / "plots" / (name + ".png")), 3000u) << name;
    EXPECT_THAT(read_file(out.path() / "plots" / (name + ".svg")), HasSubstr("</svg>")) << name;
    EXPECT_THAT(page, HasSubstr("(plots/" + name + ".svg)"));
  }
  EXPECT_EQ(count(html, "<svg"), 5u);
  const auto svg = read_file(out.path() / "plots" / "timeline.svg");
  EXPECT_THAT(svg, HasSubstr("retrain published"));
  EXPECT_THAT(svg, HasSubstr("it's &lt;busy>"));

  EXPECT_EQ(table(page, "## Stages").size(), 3u);
  EXPECT_EQ(table(page, "## Drift").size(), 2u);
  const auto answers = table(page, "### Answers to drift");
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_THAT(answers[1], HasSubstr("no better than the live model"));
  EXPECT_EQ(table(page, "### Refits and rollbacks").size(), 41u)
      << "forty rows, and one for what is left out";
  EXPECT_THAT(page, HasSubstr("| 21 more in report.html |"));
  EXPECT_EQ(table(page, "## Releases").size(), 41u);
  EXPECT_THAT(page, HasSubstr("The judge never moved the pointer"));
  EXPECT_EQ(table(page, "## Resources").size(), 3u);
  EXPECT_EQ(count(html, "refit: good"), static_cast<std::size_t>(refits)) << "the page has them all";
  EXPECT_THAT(html, Not(HasSubstr("it's <busy>")));
  EXPECT_THAT(html, HasSubstr("<b>60</b><span>refits published</span>"));
}

/// A store's lists that end early would make a report of half the traces, or of none.
TEST(Report, OfFewerPredictionsThanTheStoreHoldsIsRefused) {
  MemoryStore store;
  fill(store);
  const auto shown = summarize(store).predicted;
  const TemporaryFolder out;
  try {
    write_report(store, out.path() / "short", {}, {shown + 1, {}, {}});
    FAIL() << "a report that lacks a prediction";
  } catch (const FailedError& error) {
    EXPECT_THAT(error.what(), HasSubstr("shows " + to_text(shown) + " although"));
  }
  EXPECT_FALSE(std::filesystem::exists(out.path() / "short"));
  write_report(store, out.path() / "whole", {}, {shown, {}, {}});
  EXPECT_TRUE(std::filesystem::exists(out.path() / "whole" / "report.md"));
}

/// A table that is shortened keeps what matters most.
TEST(Report, AShortenedTableKeepsWhatWasPromotedAndWhatIsLive) {
  MemoryStore store;
  fill(store);
  const VirtualClock clock;
  Registry registry(store, clock);
  const auto releases = registry.list();
  const auto& promoted = releases.at(25);
  const auto& live = releases.at(33);
  Judgement judgement;
  judgement.run_id = "run7";
  judgement.row = 160;
  judgement.kind = "promotion";
  judgement.to = promoted.model_key;
  judgement.reason = "e-value 110";
  write_judgement(store, judgement);
  registry.point_to(live, "a person", "back to it");
  const TemporaryFolder out;
  write_report(store, out.path());
  const auto page = read_file(out.path() / "report.md");
  const auto lines = table(page, "## Releases");
  ASSERT_EQ(lines.size(), 45u) << "forty rows, two that are kept, and three gaps";
  const auto name = [](const ReleaseInfo& release) { return release.model_key.substr(7); };
  EXPECT_THAT(lines[20], HasSubstr("5 more"));
  EXPECT_THAT(lines[21], HasSubstr(name(promoted)));
  EXPECT_THAT(lines[22], HasSubstr("7 more"));
  EXPECT_THAT(lines[23], HasSubstr(name(live)));
  EXPECT_THAT(lines[24], HasSubstr("6 more"));
  EXPECT_EQ(table(page, "### Which model is live").size(), 1u);
}

TEST(Report, AFurtherTargetHasItsOwnPictureAndTables) {
  MemoryStore store;
  fill(store);
  auto facts = parse_run_facts(*store.get("results/run.json"), "run");
  facts.targets = {"output_rate", "latency"};
  store.put("results/run.json", to_json(facts));
  auto truth = parse_npz(*store.get("results/truth.npz"), "truth");
  truth["label_latency"] = truth.at("label");
  store.put("results/truth.npz", to_npz(truth));
  PrefixStore part(store, "targets/latency/");
  for (const char* prefix : {"results/", "models/"})
    for (const auto& key : store.list(prefix))
      if (!key.starts_with("results/retrains/")) part.put(key, *store.get(key));
  const TemporaryFolder out;
  write_report(store, out.path());
  const auto page = read_file(out.path() / "report.md"), html = read_file(out.path() / "report.html");
  EXPECT_GT(std::filesystem::file_size(out.path() / "plots/timeline-latency.png"), 3000u);
  EXPECT_THAT(read_file(out.path() / "plots/timeline-latency.svg"), HasSubstr(">latency<"));
  EXPECT_THAT(page, HasSubstr("(plots/timeline-latency.svg)"));
  EXPECT_EQ(count(html, "<svg"), 6u);
  EXPECT_EQ(table(page, "## latency: stages").size(), 3u);
  EXPECT_THAT(page, HasSubstr("## latency: retrains\n\n### Answers to drift\n\nNo drift was answered."));
  EXPECT_EQ(table(page, "## latency: releases").size(), 41u);
  EXPECT_THAT(page, HasSubstr("; latency: baseline "));
}

TEST(Report, WithoutDriftRetrainsAndMeasurementsItSaysSo) {
  MemoryStore store;
  fill(store);
  for (const char* prefix :
       {"results/drift", "results/retrains/", "results/swaps/", "models/", "results/resources/"})
    for (const auto& key : store.list(prefix)) store.remove(key);
  RunFacts facts;
  facts.run_id = "run7";
  store.put("results/run.json", to_json(facts));
  const TemporaryFolder out;
  write_report(store, out.path());
  const auto page = read_file(out.path() / "report.md");
  for (const char* words :
       {"No drift was noticed.", "No drift was answered.", "No refit was published", "Nothing was measured."})
    EXPECT_THAT(page, HasSubstr(words));
  EXPECT_THAT(page, HasSubstr("(plots/timeline.svg)"));
  EXPECT_TRUE(std::filesystem::exists(out.path() / "plots" / "timeline.png"));
  EXPECT_FALSE(std::filesystem::exists(out.path() / "plots" / "drift_heat.svg"));
  EXPECT_FALSE(std::filesystem::exists(out.path() / "plots" / "resources.svg"));
}

}  // namespace
}  // namespace drst
