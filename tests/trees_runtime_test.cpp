// Another runtime must take the same branches: onnxruntime on our files, by tests/onnx_check.py. Skipped
// where DRST_PYTHON does not name a Python that has it (`make test` prepares one); in CI that is a failure.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "base/files.h"
#include "learn/fit_trees.h"
#include "table/npy.h"
#include "trees/boosted.h"
#include "trees/extra_trees.h"
#include "trees/onnx.h"
#include "trees/test_trees.h"

namespace drst {
namespace {

class TreesRuntime : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("DRST_PYTHON") == nullptr) {
      if (std::getenv("CI") != nullptr) FAIL() << "DRST_PYTHON does not name a Python with onnxruntime";
      GTEST_SKIP() << "set DRST_PYTHON to a Python with onnxruntime";
    }
    folder_ = std::filesystem::temp_directory_path() / ("drst-trees-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void expect_agreement(const TreeEnsemble& ensemble, const std::vector<float>& raw) {
    const std::size_t rows = raw.size() / ensemble.inputs.size();
    write_file_atomic(folder_ / "model.onnx", to_onnx(ensemble));
    write_file_atomic(folder_ / "model.inputs.npy", to_npy(Array::matrix(raw, rows, ensemble.inputs.size())));
    write_file_atomic(folder_ / "model.expected.npy", to_npy(Array::of(testing::predicted(ensemble, raw))));
    const std::string command = std::string(std::getenv("DRST_PYTHON")) +
                                " '" DRST_SOURCE_DIR "/tests/onnx_check.py' '" + folder_.string() +
                                "' > /dev/null";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
  }

  std::filesystem::path folder_;
};

/// Values on thresholds, where a comparison of the other kind shows.
std::vector<float> on_thresholds(const TreeEnsemble& e, std::size_t rows) {
  auto raw = testing::random_raw(e.inputs.size(), rows, 3);
  Random random(9);
  for (float& v : raw) {
    const auto& node = e.nodes[random.below(e.nodes.size())];
    if (random.chance(0.3)) v = node.value;
  }
  return raw;
}

TEST_F(TreesRuntime, AgreesOnHandMadeAndRandomTrees) {
  expect_agreement(testing::hand_made(true), on_thresholds(testing::hand_made(true), 200));
  expect_agreement(testing::hand_made(false), on_thresholds(testing::hand_made(false), 200));
  for (const uint64_t seed : {1U, 3U, 4U, 6U}) {
    const auto e = testing::random_ensemble(9, 100, seed);
    expect_agreement(e, on_thresholds(e, 200));
  }
}

TEST_F(TreesRuntime, AgreesOnTrainedTrees) {
  const auto data = testing::power_law(2000, 1);
  auto extra = fit_extra_trees(data.table(), {.feature_share = 1});
  extra.exponential = extra.non_negative = true;
  expect_agreement(extra, data.x);
  auto boosted = fit_boosted(data.table(), {});
  boosted.exponential = true;
  expect_agreement(boosted, data.x);
}

TEST_F(TreesRuntime, AgreesOnRefittedTrees) {
  const auto data = testing::power_law(600, 1);
  Dataset rows;
  rows.inputs = data.inputs;
  rows.x = data.x;
  rows.starts = {0};
  for (const float y : data.y) rows.y.push_back(std::exp(y / 4));
  const auto base = fit_trees("gbt", rows, {}, {}, 1);
  for (float& y : rows.y) y *= 0.6F;
  expect_agreement(*boost_on(*base, rows, {}, {})->trees(), data.x);
  rows.weight.assign(rows.rows(), 0.1F);
  rows.weight.back() = 1;
  expect_agreement(*fit_trees("extra_trees", rows, {}, {}, 1)->trees(), data.x);
}

}  // namespace
}  // namespace drst
