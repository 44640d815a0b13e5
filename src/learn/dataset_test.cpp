#include "learn/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "learn/select.h"
#include "learn/split.h"

namespace drst {
namespace {

using ::testing::ElementsAre;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Table small_table() {
  Table table;
  table.add_column("output_rate", {1, 2, nan, 4, 5, 6});
  table.add_column("a", {10, 11, 12, 13, 14, 15});
  table.add_column("latency", {9, 8, 7, 6, 5, 4});
  table.add_column("b", {20, nan, 22, 1e300, 24, 25});
  table.set_experiment_starts({0, 4});
  return table;
}

TEST(Dataset, KpisAreNeverInputs) {
  EXPECT_THAT(candidate_inputs(small_table(), {"latency"}, "output_rate", true),
              ElementsAre("a", "b", "a@-1", "b@-1"));
  EXPECT_THAT(candidate_inputs(small_table(), {"latency"}, "output_rate", false), ElementsAre("a", "b"));
}

TEST(Dataset, LagsStayWithinAnExperimentAndReachOverUnlabelledRows) {
  const Dataset data = make_dataset(small_table(), {"a@-1", "b", "gone"}, "output_rate");
  EXPECT_EQ(data.without_target, 1U);
  EXPECT_THAT(data.y, ElementsAre(1, 2, 4, 5, 6));
  EXPECT_THAT(data.starts, ElementsAre(0, 3));
  EXPECT_TRUE(std::isnan(data.row(0)[0]));
  EXPECT_EQ(data.row(1)[0], 10);
  EXPECT_EQ(data.row(2)[0], 12) << "row 2 has no label, but it has counters";
  EXPECT_TRUE(std::isnan(data.row(3)[0])) << "first row of the second experiment";
  EXPECT_TRUE(std::isnan(data.row(1)[1]));
  EXPECT_TRUE(std::isnan(data.row(2)[1])) << "beyond float32";
  EXPECT_TRUE(std::isnan(data.row(4)[2])) << "a column the table lacks";
}

TEST(Dataset, ATargetThatIsMissingIsAnInputError) {
  Table table = small_table();
  EXPECT_THROW((void)make_dataset(table, {"a"}, "rate"), InputError);
  for (double& value : table.column(0)) value = nan;
  EXPECT_THROW((void)make_dataset(table, {"a"}, "output_rate"), InputError);
}

TEST(Dataset, TakingAndAppendingRowsKeepsExperiments) {
  const Dataset data = make_dataset(small_table(), {"a", "a@-1"}, "output_rate");
  const std::size_t rows[] = {1, 3, 4};
  Dataset part = take_rows(data, rows);
  EXPECT_THAT(part.starts, ElementsAre(0, 1));
  EXPECT_THAT(part.y, ElementsAre(2, 5, 6));
  part.weight.assign(3, 0.5F);
  append_rows(part, data);
  EXPECT_EQ(part.rows(), 8U);
  EXPECT_THAT(part.starts, ElementsAre(0, 1, 3, 6));
  EXPECT_EQ(part.weight.front(), 0.5F);
  EXPECT_EQ(part.weight.back(), 1.0F);
  EXPECT_THROW(append_rows(part, with_inputs(data, {"a"})), InputError);
}

TEST(Dataset, StandInsPointToTheCurrentSample) {
  EXPECT_THAT(stand_ins({"a@-1", "b", "a", "c@-1", "@-1"}), ElementsAre(2, -1, -1, -1, -1));
}

TEST(Dataset, TheDigestSeesEveryPart) {
  const Dataset data = make_dataset(small_table(), {"a"}, "output_rate");
  Dataset other = data;
  EXPECT_EQ(data_digest(data), data_digest(other));
  other.starts = {0};
  EXPECT_NE(data_digest(data), data_digest(other));
  other = data;
  other.y[1] += 1;
  EXPECT_NE(data_digest(data), data_digest(other));
}

TEST(Split, TheLastWholeExperimentsJudge) {
  const Split split = split_last({0, 40, 80}, 100, 0.25, 5);
  EXPECT_EQ(split.train.size(), 80U);
  EXPECT_EQ(split.validation.front(), 80U);
  EXPECT_EQ(split.validation.back(), 99U);
}

TEST(Split, WithoutABoundaryThereIsAGap) {
  const Split split = split_last({0}, 100, 0.2, 5);
  EXPECT_EQ(split.train.back(), 74U);
  EXPECT_EQ(split.validation.front(), 80U);
}

RC_GTEST_PROP(Split, BlocksCoverAllRowsOnceAndNeverTouchTheirTraining, ()) {
  const auto rows = *rc::gen::inRange<std::size_t>(2, 400);
  const auto folds = *rc::gen::inRange<std::size_t>(2, 8);
  const auto gap = *rc::gen::inRange<std::size_t>(0, 12);
  std::vector<std::size_t> starts = {0};
  while (starts.back() < rows) starts.push_back(starts.back() + *rc::gen::inRange<std::size_t>(1, 200));
  starts.pop_back();
  if (starts.empty()) starts.push_back(0);
  std::vector<int> seen(rows, 0);
  for (const Split& split : split_blocks(starts, rows, folds, gap)) {
    RC_ASSERT(!split.validation.empty());
    for (const std::size_t r : split.validation) ++seen[r];
    for (const std::size_t r : split.train) {
      RC_ASSERT(!std::binary_search(split.validation.begin(), split.validation.end(), r));
      // A neighbour of a validation row may train only across the start of an experiment.
      const bool next_judges = std::binary_search(split.validation.begin(), split.validation.end(), r + 1);
      const bool former_judges =
          r > 0 && std::binary_search(split.validation.begin(), split.validation.end(), r - 1);
      if (next_judges) RC_ASSERT(std::binary_search(starts.begin(), starts.end(), r + 1));
      if (former_judges) RC_ASSERT(std::binary_search(starts.begin(), starts.end(), r));
    }
  }
  for (const int count : seen) RC_ASSERT(count == 1);
}

TEST(Select, KeepsTheStrongestAndCountsWhatItDrops) {
  Dataset data;
  data.inputs = {"weak", "constant", "copy of strong", "strong", "empty", "inverse"};
  const float none = std::numeric_limits<float>::quiet_NaN();
  for (int r = 0; r < 40; ++r) {
    const auto y = static_cast<float>(r);
    data.y.push_back(y);
    const float weak = static_cast<float>((r * 7) % 11) + y * 0.1F;
    data.x.insert(data.x.end(), {weak, 5, y * y, y * y, none, r % 9 == 0 ? none : 1e10F - 1e6F * y});
  }
  data.starts = {0};
  std::vector<std::size_t> rows(40);
  for (std::size_t r = 0; r < rows.size(); ++r) rows[r] = r;
  const FeatureChoice all = choose_features(data, rows, 0);
  EXPECT_THAT(all.inputs, ElementsAre("weak", "copy of strong", "inverse"));
  EXPECT_EQ(all.constant, 1U);
  EXPECT_EQ(all.all_missing, 1U);
  EXPECT_EQ(all.duplicate, 1U);
  EXPECT_NEAR(all.correlation[2], -1, 1e-6);
  EXPECT_THAT(choose_features(data, rows, 2).inputs, ElementsAre("copy of strong", "inverse"));
  // Only the training rows may be looked at: within the first row everything is constant.
  EXPECT_TRUE(choose_features(data, std::span(rows).first(1), 0).inputs.empty());
}

}  // namespace
}  // namespace drst
