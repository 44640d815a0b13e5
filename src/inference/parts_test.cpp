// The small parts: dedupe windows, input matching, sketches, figures.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <deque>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "inference/inputs.h"
#include "inference/meter.h"
#include "inference/seen.h"
#include "inference/sketch.h"

namespace drst {
namespace {

using ::testing::HasSubstr;

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

RC_GTEST_PROP(RowWindow, AgreesWithASetInsideTheWindow, ()) {
  constexpr int64_t window = 128;
  RowWindow rows(window);
  std::set<int64_t> model;
  int64_t highest = -1;
  const auto steps = *rc::gen::container<std::vector<int64_t>>(rc::gen::inRange<int64_t>(-140, 200));
  for (const int64_t step : steps) {
    const int64_t row = std::max<int64_t>(0, highest + step);
    const bool inside = row > highest - window;
    const bool added = rows.add(row);
    if (inside)
      RC_ASSERT(added == model.insert(row).second);
    else
      RC_ASSERT(added);
    highest = std::max(highest, row);
  }
}

TEST(RowWindow, HugeRowsBreakNothing) {
  SeenIds seen(64);
  EXPECT_TRUE(seen.add("r-9223372036854775807", std::numeric_limits<int64_t>::max()));
  EXPECT_FALSE(seen.add("r-9223372036854775807", std::numeric_limits<int64_t>::max()));
  EXPECT_TRUE(seen.add("r-1", 1));
  EXPECT_TRUE(seen.add("r-4000000000000000000", 4'000'000'000'000'000'000));
  EXPECT_FALSE(seen.add("r-4000000000000000000", 4'000'000'000'000'000'000));
}

TEST(SeenIds, RunsAreKeptApartAndTheOldestIsForgotten) {
  SeenIds seen(64);
  for (const char* run : {"a", "b", "c", "d"}) EXPECT_TRUE(seen.add(std::string(run) + "-5", 5));
  EXPECT_FALSE(seen.add("a-5", 5));
  EXPECT_TRUE(seen.add("e-5", 5));  // pushes b out
  EXPECT_FALSE(seen.add("a-5", 5));
  EXPECT_TRUE(seen.add("b-5", 5));
  EXPECT_TRUE(seen.add("", -1));
  EXPECT_TRUE(seen.add("", -1)) << "no id: known by its offset only";
}

RC_GTEST_PROP(HashWindow, AgreesWithAQueueOfTheLastIds, ()) {
  constexpr std::size_t window = 16;
  HashWindow hashes(window);
  std::deque<std::string> last;
  for (const int number : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 40))) {
    const std::string id = "id" + to_text(number);
    const bool fresh = std::find(last.begin(), last.end(), id) == last.end();
    RC_ASSERT(hashes.add(id) == fresh);
    if (!fresh) continue;
    last.push_back(id);
    if (last.size() > window) last.pop_front();
  }
}

TEST(InputMap, MatchesByNameAndFillsLagsWithTheCurrentSample) {
  InputMap map;
  map.rebuild({"b", "a@-1", "gone", "c@-1", "a"}, {"a", "b", "a@-1", "c"});
  ASSERT_EQ(map.size(), 5u);
  std::vector<float> out(5);
  const std::vector<double> whole = {1, 2, 3, 4};
  EXPECT_EQ(map.gather(whole, out.data()), 1u);
  EXPECT_EQ(out[0], 2);
  EXPECT_EQ(out[1], 3);
  EXPECT_TRUE(std::isnan(out[2]));
  EXPECT_EQ(out[3], 4) << "no such lag: the current sample's value";
  EXPECT_EQ(out[4], 1);
  const std::vector<double> sparse = {missing, 1e300, missing, std::numeric_limits<double>::infinity()};
  EXPECT_EQ(map.gather(sparse, out.data()), 3u) << "lags are not counted";
  for (const float value : out) EXPECT_TRUE(std::isnan(value));
  EXPECT_EQ(map.news(), (std::vector<uint32_t>{2, 0, 4})) << "each once";
}

TEST(QuantileSketch, IsWithinItsErrorOfTheExactQuantile) {
  Random random(5);
  QuantileSketch sketch;
  std::vector<double> values;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(std::exp(3 * random.normal()));
    sketch.add(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double q : {0.0, 0.01, 0.5, 0.8, 0.9, 0.99, 1.0}) {
    const double exact = values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
    EXPECT_NEAR(sketch.quantile(q), exact, 0.004 * exact) << q;
  }
  EXPECT_EQ(sketch.max(), values.back());
}

TEST(QuantileSketch, ExtremesHaveAPlace) {
  QuantileSketch sketch;
  EXPECT_TRUE(std::isnan(sketch.quantile(0.5)));
  for (const double value : {0.0, -1.0, 1e-300, 1e300, missing, std::numeric_limits<double>::infinity()})
    sketch.add(value);
  EXPECT_EQ(sketch.quantile(0), 0);
  EXPECT_EQ(sketch.quantile(1), std::numeric_limits<double>::infinity());
  EXPECT_EQ(sketch.count(), 6u);
}

TEST(RunningScores, AgreeWithTheExactOnes) {
  Random random(6);
  RunningScores first(1e-6), second(1e-6);
  Scores exact(1e-6);
  for (int i = 0; i < 5000; ++i) {
    const double truth = i % 50 == 0 ? missing : 100 * random.uniform();
    const double prediction = i % 77 == 0 ? missing : truth * (1 + 0.3 * random.normal());
    (i % 2 == 0 ? first : second).add(prediction, truth);
    exact.add(prediction, truth);
  }
  first.merge(second);
  const auto a = first.metrics();
  const auto b = exact.metrics();
  EXPECT_EQ(a.n, b.n);
  EXPECT_EQ(a.acc015, b.acc015);
  EXPECT_EQ(a.acc02, b.acc02);
  EXPECT_EQ(a.acc025, b.acc025);
  EXPECT_NEAR(a.mae, b.mae, 1e-9);
  EXPECT_NEAR(a.rmse, b.rmse, 1e-9);
  EXPECT_NEAR(a.bounded, b.bounded, 1e-9);
  EXPECT_NEAR(a.e_p50, b.e_p50, 0.01 * b.e_p50);
  EXPECT_NEAR(a.e_p95, b.e_p95, 0.01 * b.e_p95);
  EXPECT_TRUE(std::isnan(RunningScores(1e-6).metrics().acc02));
}

TEST(Meter, FiguresAreOfTheBatchAndSinceTheStart) {
  Meter meter(1e-6);
  const auto step = [&](int records, std::chrono::milliseconds delay, double prediction) {
    meter.begin_step();
    for (int i = 0; i < records; ++i) meter.add(10, prediction, 10, delay, 1);
    meter.end_step(static_cast<uint64_t>(records));
  };
  step(3, std::chrono::milliseconds(2), 10);
  meter.report("infer-0", "a", {});
  step(1, std::chrono::milliseconds(40), 20);
  auto report = meter.report("infer-0", "b", {});
  report.lag = 7;
  EXPECT_EQ(report.batch.records, 1u);
  EXPECT_EQ(report.batch.imputed, 1u);
  EXPECT_EQ(report.batch.adaptive.acc02, 0);
  EXPECT_EQ(report.batch.delay_p50_ms, report.batch.delay_p99_ms);
  EXPECT_EQ(report.all.records, 4u);
  EXPECT_EQ(report.all.imputed, 4u);
  EXPECT_EQ(report.all.adaptive.acc02, 0.75);
  EXPECT_NEAR(report.all.delay_p50_ms, 2, 0.01);
  EXPECT_EQ(report.all.delay_max_ms, 40);
  EXPECT_GT(report.all.records_per_s, 0);

  const std::string words = in_words(report);
  EXPECT_THAT(words, HasSubstr("infer-0: accuracy@0.2 baseline 100.0 %, adaptive 75.0 % of 4 labelled"));
  EXPECT_THAT(words, HasSubstr("max 40.0 ms"));
  EXPECT_THAT(in_words(Meter(1).report("x", "", {})), HasSubstr("no accuracy"));

  const TemporaryFolder folder;
  const VirtualClock clock;
  {
    MetricStream stream(folder.path() / "m.jsonl", clock);
    emit(stream, report);
  }
  const auto line = nlohmann::json::parse(read_file(folder.path() / "m.jsonl"));
  EXPECT_EQ(line["release"], "b");
  EXPECT_EQ(line["records"], 1);
  EXPECT_EQ(line["lag_records"], 7);
  EXPECT_EQ(line["all_records"], 4);
  EXPECT_EQ(line["all_adaptive_acc@0.2"], 0.75);
  EXPECT_EQ(line["baseline_e_p99"], 0);
  EXPECT_EQ(line["all_delay_max_ms"], 40);
}

}  // namespace
}  // namespace drst
