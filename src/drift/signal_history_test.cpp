#include "drift/signal_history.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "table/npy.h"

namespace drst {
namespace {

SignalPoint point(int64_t row, std::size_t features) {
  SignalPoint p;
  p.row = row;
  p.signal = static_cast<double>(row) / 1000;
  p.thresholds[0] = 0.3;
  p.thresholds[1] = 0.4;
  p.thresholds[2] = 0.5;
  p.recent = {{100, 0.25, {0.3, 0.4, 0.6}}};
  p.by_feature.assign(features, 0.125);
  return p;
}

TEST(SignalHistory, WritesWhatTheReportReads) {
  SignalHistory history(100);
  history.add(point(10, 2), {"a", "b"});
  history.add(point(20, 2), {"b", "c"});
  const auto members = parse_npz(history.to_npz(), "history");
  EXPECT_EQ(std::get<std::vector<int64_t>>(members.at("row").data), (std::vector<int64_t>{10, 20}));
  EXPECT_EQ(std::get<std::vector<double>>(members.at("threshold_C").data)[1], 0.5);
  EXPECT_EQ(std::get<std::vector<double>>(members.at("recent_100").data)[0], 0.25);
  EXPECT_EQ(std::get<std::vector<double>>(members.at("recent_100_threshold_C").data)[0], 0.6);
  EXPECT_EQ(std::get<std::vector<std::string>>(members.at("features").data),
            (std::vector<std::string>{"a", "b", "c"}));
  const auto& matrix = members.at("by_feature");
  EXPECT_EQ(matrix.shape, (std::vector<std::size_t>{2, 3}));
  const auto& cells = std::get<std::vector<float>>(matrix.data);
  EXPECT_EQ(cells[1], 0.125F);
  EXPECT_TRUE(std::isnan(cells[2])) << "c was not watched yet";
  EXPECT_TRUE(std::isnan(cells[3])) << "a no more";
}

TEST(SignalHistory, ThinsItselfEvenlyWhenFull) {
  SignalHistory history(64);
  for (int64_t i = 0; i < 10'000; ++i) history.add(point(i, 1), {"a"});
  EXPECT_LE(history.size(), 64U);
  EXPECT_GE(history.size(), 32U);
  const auto members = parse_npz(history.to_npz(), "history");
  const auto rows = std::get<std::vector<int64_t>>(members.at("row").data);
  for (std::size_t i = 1; i < rows.size(); ++i) EXPECT_EQ(rows[i] - rows[i - 1], rows[1] - rows[0]);
}

TEST(SignalHistory, IsEmptyWithoutEvaluations) {
  const auto members = parse_npz(SignalHistory(10).to_npz(), "history");
  EXPECT_EQ(members.at("row").elements(), 0U);
  EXPECT_EQ(members.at("by_feature").elements(), 0U);
}

TEST(SignalHistory, GoesOnAfterSaveAndRestore) {
  SignalHistory steady(16);
  SignalHistory restarted(16);
  for (int64_t i = 0; i < 200; ++i) {
    steady.add(point(i, 1), {"a"});
    restarted.add(point(i, 1), {"a"});
    StateWriter out("x");
    restarted.save(out);
    const std::string bytes = out.take();
    StateReader in(bytes, "x", "history");
    restarted = SignalHistory(16);
    restarted.restore(in);
    in.end();
  }
  EXPECT_EQ(steady.to_npz(), restarted.to_npz());
}

}  // namespace
}  // namespace drst
