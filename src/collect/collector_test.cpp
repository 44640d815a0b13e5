#include "collect/collector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "base/stop.h"

namespace drst {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// Gives the tick's number plus `offset`; may be late, absent, or learn a column in mid-run.
class FakeSource final : public Source {
 public:
  FakeSource(std::string name, std::vector<std::string> columns, double offset)
      : name_(std::move(name)), columns_(std::move(columns)), offset_(offset) {}
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }
  [[nodiscard]] bool knows_columns() const override { return asked_ >= knows_after; }
  void ask(const Tick&) override {
    ++asked_;
    if (asked_ == learns_at) columns_.push_back("late");
    if (asked_ == sleeps_at) {
      const timespec nap{0, 250'000'000};
      ::nanosleep(&nap, nullptr);
    }
  }
  [[nodiscard]] bool answered() const override { return asked_ != never_answers_at; }
  void take(const Tick& tick, std::span<double> values, std::span<double> shares) override {
    if (!answered()) return;
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(tick.number) + offset_;
    if (!shares.empty()) shares[0] = 0.5;
  }
  [[nodiscard]] SourceState state() const override { return {true, ""}; }

  int knows_after = 0, learns_at = -1, never_answers_at = -1, sleeps_at = -1;

 private:
  std::string name_;
  std::vector<std::string> columns_;
  double offset_;
  int asked_ = 0;
};

struct Kept final : RowSink {
  std::vector<std::vector<std::string>> begins;
  std::vector<CollectedRow> rows;
  void begin(const std::vector<std::string>& columns) override { begins.push_back(columns); }
  void put(const CollectedRow& row) override { rows.push_back(row); }
  void finish(bool) override {}
};

class Collecting : public testing::Test {
 protected:
  Collecting() {
    settings.interval_s = 0.05;
    settings.header_wait_s = 0.3;
  }
  void TearDown() override { request_stop(false); }
  FakeSource* add(const std::string& name, std::vector<std::string> columns, double offset,
                  std::map<std::string, std::string> rename = {}) {
    auto source = std::make_unique<FakeSource>(name, std::move(columns), offset);
    FakeSource* raw = source.get();
    SourceSpec spec;
    spec.rename = std::move(rename);
    sources.push_back({std::move(source), std::move(spec)});
    return raw;
  }
  bool run(std::int64_t rows) {
    collector = std::make_unique<Collector>(std::move(sources), settings, clock);
    return collector->run(sink, {.rows = rows});
  }
  CollectSettings settings;
  SystemClock clock;
  std::vector<ChainSource> sources;
  Kept sink;
  std::unique_ptr<Collector> collector;
};

TEST_F(Collecting, OneRowATickOfAllSources) {
  add("a", {"x", "y"}, 100);
  add("b", {"rx"}, 200, {{"rx", "input_rate"}});
  EXPECT_TRUE(run(3));
  ASSERT_EQ(sink.begins.size(), 1U);
  EXPECT_THAT(sink.begins[0], ElementsAre("x", "y", "input_rate"));
  ASSERT_EQ(sink.rows.size(), 3U);
  EXPECT_THAT(sink.rows[0].values, ElementsAre(101, 101, 201));  // tick 0 began the counters
  EXPECT_EQ(sink.rows[0].shares[0], 0.5);
  EXPECT_TRUE(std::isnan(sink.rows[0].shares[1]));
  EXPECT_FALSE(sink.rows[0].follows);
  EXPECT_TRUE(sink.rows[2].follows);
  EXPECT_EQ(sink.rows[2].tick, 2);
  EXPECT_LT(collector->counts().worst_late_s, 0.05);
}

TEST_F(Collecting, ALateAnswerIsMissingInItsRowOnly) {
  add("a", {"x"}, 0);
  add("slow", {"y"}, 0)->never_answers_at = 3;
  EXPECT_TRUE(run(3));
  EXPECT_TRUE(std::isnan(sink.rows[1].values[1]));
  EXPECT_EQ(sink.rows[1].values[0], 2);
  EXPECT_EQ(sink.rows[2].values[1], 3);
  EXPECT_EQ(collector->counts().late_answers, 1);
  EXPECT_EQ(collector->counts().missing_cells, 1);
}

TEST_F(Collecting, AStallIsAGapThatNoLagCrosses) {
  add("a", {"x"}, 0)->sleeps_at = 3;
  EXPECT_TRUE(run(4));
  EXPECT_GE(collector->counts().missed_ticks, 3);
  ASSERT_EQ(sink.rows.size(), 4U);
  EXPECT_FALSE(sink.rows[2].follows);
  EXPECT_GT(sink.rows[2].tick, sink.rows[1].tick + 1);
  EXPECT_TRUE(sink.rows[3].follows);
}

TEST_F(Collecting, WaitsForHeadersAtTheStart) {
  add("a", {"x"}, 0)->knows_after = 3;
  EXPECT_TRUE(run(1));
  EXPECT_EQ(sink.rows[0].values[0], 1);
}

TEST_F(Collecting, ColumnsThatComeLateAreAppended) {
  add("a", {"x"}, 0)->learns_at = 3;
  add("b", {"y"}, 0);
  EXPECT_TRUE(run(3));
  ASSERT_EQ(sink.begins.size(), 2U);
  EXPECT_THAT(sink.begins[1], ElementsAre("x", "y", "late"));
  EXPECT_EQ(sink.rows[0].values.size(), 2U);
  EXPECT_THAT(sink.rows[1].values, ElementsAre(2, 2, 2));
}

TEST_F(Collecting, TwoColumnsOfOneNameAreRefused) {
  add("a", {"x"}, 0);
  add("b", {"y"}, 0, {{"y", "x"}});
  try {
    run(1);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("b: a column 'x'"));
  }
}

TEST_F(Collecting, ARenameOfAColumnThatIsNotThereIsRefused) {
  add("a", {"eth0_rx_mbit"}, 0, {{"eth0_rx_mbi", "input_rate"}});
  try {
    run(1);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'eth0_rx_mbit'"));
  }
}

TEST_F(Collecting, EndsWhenItIsEnough) {
  add("a", {"x"}, 0);
  collector = std::make_unique<Collector>(std::move(sources), settings, clock);
  EXPECT_TRUE(collector->run(sink, {.rows = 100, .enough = [&] { return sink.rows.size() == 2; }}));
  EXPECT_EQ(sink.rows.size(), 2U);
}

TEST_F(Collecting, AStopEndsIt) {
  add("a", {"x"}, 0);
  request_stop();
  EXPECT_FALSE(run(1000));
  EXPECT_EQ(sink.rows.size(), 0U);
}

TEST_F(Collecting, SecondsAreThoseOfTheGrid) {
  add("a", {"x"}, 0);
  collector = std::make_unique<Collector>(std::move(sources), settings, clock);
  EXPECT_TRUE(collector->run(sink, {.rows = 0, .seconds = 0.2}));
  EXPECT_EQ(sink.rows.size(), 4U);
}

/// Of one wandering load: what it says is `delay` ticks old.
class LoadSource final : public Source {
 public:
  LoadSource(std::string column, std::size_t delay)
      : name_(column), columns_{std::move(column)}, delay_(delay) {
    Random random(5);
    double level = 1000;
    for (int i = 0; i < 2000; ++i) load_.push_back(level += random.normal());
  }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] const std::vector<std::string>& columns() const override { return columns_; }
  void take(const Tick& tick, std::span<double> values, std::span<double>) override {
    values[0] = load_[static_cast<std::size_t>(tick.number) + 10 - delay_];
  }
  [[nodiscard]] SourceState state() const override { return {true, ""}; }

 private:
  std::string name_;
  std::vector<std::string> columns_;
  std::size_t delay_;
  std::vector<double> load_;
};

TEST_F(Collecting, TellsHowFarCountersAndRatesAreOutOfStep) {
  settings.interval_s = 0.01;
  sources.push_back({std::make_unique<LoadSource>("nat_cycles", 0), {}});
  sources.push_back({std::make_unique<LoadSource>("input_rate", 2), {}});
  collector = std::make_unique<Collector>(std::move(sources), settings, clock,
                                          std::vector<std::string>{"input_rate"});
  EXPECT_TRUE(collector->run(sink, {.rows = 150}));
  const auto lags = collector->lags();
  ASSERT_EQ(lags.size(), 1U);
  EXPECT_EQ(lags[0].column, "nat_cycles");
  EXPECT_NEAR(lags[0].lag.rows, 2, 0.2);
}

}  // namespace
}  // namespace drst
