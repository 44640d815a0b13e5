// Our predictions against another runtime's from the same model files (SPEC 5: 1e-5 relative): every
// activation, depth and kind of input that the graph can hold. Needs DRST_PYTHON, an interpreter with numpy
// and onnxruntime; `make test` prepares and names it. tests/recompute.py does the same for the releases of a
// whole run.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "base/files.h"
#include "nn/onnx.h"
#include "nn/test_networks.h"
#include "table/npy.h"

namespace drst {
namespace {

constexpr std::size_t inputs = 12;

/// Random rows, a tenth of the values missing; then rows that are all missing, zero, negative, small and
/// huge.
std::vector<float> rows_for(const Network& network) {
  auto raw = testing::random_raw(network, 60, 5);
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), 0.0F, -3e5F, 1e-3F, 1e12F})
    raw.insert(raw.end(), inputs, value);
  return raw;
}

void write_case(const std::filesystem::path& folder, const std::string& name, const Network& network) {
  const auto raw = rows_for(network);
  std::vector<float> expected(raw.size() / inputs);
  Workspace workspace;
  forward(network, raw, expected.size(), expected, workspace);
  write_file_atomic(folder / (name + ".onnx"), to_onnx(network));
  write_file_atomic(folder / (name + ".inputs.npy"), to_npy(Array::matrix(raw, expected.size(), inputs)));
  write_file_atomic(folder / (name + ".expected.npy"), to_npy(Array::of(expected)));
}

/// Exit code.
int check(const std::filesystem::path& folder) {
  const char* python = std::getenv("DRST_PYTHON");
  const std::string command = "'" + std::string(python == nullptr ? "" : python) +
                              "' '" DRST_SOURCE_DIR "/tests/onnx_check.py' '" + folder.string() + "'";
  const int status = std::system(command.c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class OnnxRuntime : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("DRST_PYTHON") != nullptr) return;
    if (std::getenv("CI") != nullptr) FAIL() << "DRST_PYTHON does not name a Python with onnxruntime";
    GTEST_SKIP() << "set DRST_PYTHON to a Python with numpy and onnxruntime";
  }
  TemporaryFolder folder_;
};

TEST_F(OnnxRuntime, AgreesWithUsOnEveryKindOfNetwork) {
  bool logs = false, stand_ins = false, clipped = false, factors = false;
  for (const auto& [activation, kind] : {std::pair(Activation::relu, "relu"), {Activation::gelu, "gelu"}}) {
    // No hidden layer is ridge. By seed: factors and no values below zero (even), stand-ins, clipping and exp
    // (multiples of three).
    for (const auto& hidden : {std::vector<std::size_t>{}, {64, 32}, {5, 4, 3}}) {
      if (hidden.empty() && activation == Activation::gelu) continue;  // nothing to activate
      for (const uint64_t seed : {1U, 2U, 3U, 6U}) {
        const auto network = testing::random_network(inputs, hidden, activation, seed);
        logs = logs || network.log1p[0] != 0;
        stand_ins = stand_ins || !network.stand_in.empty();
        clipped = clipped || !network.low.empty();
        factors = factors || !network.log_factor.empty();
        write_case(folder_.path(),
                   std::string(hidden.empty() ? "ridge" : kind) + std::to_string(hidden.size()) + "_" +
                       std::to_string(seed),
                   network);
      }
    }
  }
  EXPECT_TRUE(logs && stand_ins && clipped && factors);
  EXPECT_EQ(check(folder_.path()), 0);
}

TEST_F(OnnxRuntime, TheCheckSeesADifference) {
  auto network = testing::random_network(inputs, {8}, Activation::gelu, 6);
  write_case(folder_.path(), "changed", network);
  EXPECT_EQ(check(folder_.path()), 0);
  network.output_shift *= 1.0001F;
  write_file_atomic(folder_.path() / "changed.onnx", to_onnx(network));
  EXPECT_EQ(check(folder_.path()), 1);
}

}  // namespace
}  // namespace drst
