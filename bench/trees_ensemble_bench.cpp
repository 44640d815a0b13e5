// Randomised trees of the size that refits have (2000 rows x 120 counters, 200 trees, 40 % of the inputs at a
// split, leaves of five rows or more): fitting beside the time that reading the rows alone takes, predicting
// beside trees as one would write them first (a node on the heap, two pointers, one row after the other).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "flops.h"
#include "trees/boosted.h"
#include "trees/extra_trees.h"
#include "trees/onnx.h"

namespace {

using drst::TrainTable;
using drst::TreeEnsemble;
using drst::bench::best_seconds;
using drst::bench::keep;

constexpr std::size_t kRows = 2000;
constexpr std::size_t kInputs = 120;

struct Data {
  std::vector<std::string> inputs;
  std::vector<float> x, y, weight;
  [[nodiscard]] TrainTable table() const { return {inputs, {}, {}, x, y, weight}; }
};

/// Counters that follow four hidden loads, and ln(y) of a rate that follows them too.
Data counters(uint64_t seed) {
  drst::Random random(seed);
  Data data;
  std::vector<double> scale;
  std::vector<double> slope;
  for (std::size_t i = 0; i < kInputs; ++i) {
    data.inputs.push_back("counter" + std::to_string(i));
    scale.push_back(random.uniform(5, 20));
    slope.push_back(random.uniform(0.1, 1.5));
  }
  for (std::size_t r = 0; r < kRows; ++r) {
    double load[4];
    for (double& l : load) l = random.uniform(-1, 1);
    for (std::size_t i = 0; i < kInputs; ++i)
      data.x.push_back(static_cast<float>(
          std::round(std::exp(scale[i] + slope[i] * load[i % 4] + 0.2 * random.normal()))));
    const double z = 6 + load[0] - 0.5 * std::max(load[1], load[2]) + 0.05 * random.normal();
    data.y.push_back(static_cast<float>(z));
    data.weight.push_back(static_cast<float>(std::exp(-z)));
  }
  return data;
}

/// Trees as one would write them first.
struct Plain {
  std::unique_ptr<Plain> left, right;
  std::size_t feature = 0;
  float value = 0;
};
std::unique_ptr<Plain> plain(const TreeEnsemble& ensemble, std::span<const drst::TreeNode> tree,
                             std::size_t at) {
  auto node = std::make_unique<Plain>();
  node->value = tree[at].value;
  node->feature = tree[at].feature;
  if (ensemble.is_leaf(tree[at])) return node;
  node->left = plain(ensemble, tree, tree[at].right - 1U);
  node->right = plain(ensemble, tree, tree[at].right);
  return node;
}
float walk(const Plain& node, const float* x) {
  if (!node.left) return node.value;
  return walk(x[node.feature] <= node.value ? *node.left : *node.right, x);
}

/// Rows read while growing: each split looks at its rows twice.
double rows_read(const TreeEnsemble& ensemble, const Data& data) {
  double visits = 0;
  for (std::size_t t = 0; t < ensemble.trees.size(); ++t) {
    const auto tree = ensemble.tree(t);
    for (std::size_t r = 0; r < kRows; ++r) {
      std::size_t at = 0;
      while (!ensemble.is_leaf(tree[at])) {
        ++visits;
        const auto& node = tree[at];
        at = node.right - (data.x[r * kInputs + node.feature] <= node.value ? 1U : 0U);
      }
    }
  }
  return 2 * visits;
}

/// Seconds for one core to read a row of 128 floats of a table as large as that of training.
double seconds_a_row() {
  std::vector<float> table(kRows * 128, 1);
  typedef float V __attribute__((vector_size(64)));  // NOLINT(modernize-use-using): GCC drops the attribute
  V sum[4] = {};
  const double seconds = best_seconds(50, [&] {
    for (std::size_t i = 0; i < table.size(); i += 64) {
      for (std::size_t k = 0; k < 4; ++k) {
        V v;
        __builtin_memcpy(&v, table.data() + i + 16 * k, sizeof v);
        sum[k] += v;
      }
    }
    keep(sum);
  });
  return seconds / kRows;
}

void print_fit(const Data& data, std::size_t threads) {
  drst::ExtraTreesOptions options;
  options.threads = threads;
  TreeEnsemble ensemble;
  const double seconds = best_seconds(7, [&] { ensemble = drst::fit_extra_trees(data.table(), options); });
  const double bound = rows_read(ensemble, data) * seconds_a_row() / static_cast<double>(threads);
  std::printf("fit extra trees, %zu threads  %7.1f ms  %zu nodes; reading the rows alone %6.1f ms (%.2f)\n",
              threads, seconds * 1e3, ensemble.nodes.size(), bound * 1e3, bound / seconds);
}

void print_predict(const TreeEnsemble& ensemble, const Data& data) {
  std::vector<std::unique_ptr<Plain>> trees;
  for (std::size_t t = 0; t < ensemble.trees.size(); ++t)
    trees.push_back(plain(ensemble, ensemble.tree(t), 0));
  std::vector<float> out(kRows);
  const double simple = best_seconds(5,
                                     [&] {
                                       for (std::size_t r = 0; r < kRows; ++r) {
                                         float sum = 0;
                                         for (const auto& tree : trees)
                                           sum += walk(*tree, data.x.data() + r * kInputs);
                                         out[r] = ensemble.base + ensemble.scale * sum;
                                       }
                                       keep(out.data());
                                     }) /
                        kRows;
  drst::TreeScratch scratch;
  for (const std::size_t batch : {1U, 8U, 64U}) {
    const double seconds =
        best_seconds(15,
                     [&] {
                       for (std::size_t r = 0; r + batch <= kRows; r += batch)
                         drst::predict(ensemble, {data.x.data() + r * kInputs, batch * kInputs}, batch,
                                       {out.data() + r, batch}, scratch);
                       keep(out.data());
                     }) /
        static_cast<double>(kRows / batch * batch);
    std::printf("predict batch %2zu  %6.2f us a row; plain trees %6.2f us (%.1f times)\n", batch,
                seconds * 1e6, simple * 1e6, simple / seconds);
  }
}

/// Writing and reading the model file beside copying its bytes.
void print_file(const TreeEnsemble& ensemble) {
  std::string bytes;
  const double write = best_seconds(7, [&] { bytes = drst::to_onnx(ensemble); });
  const double read = best_seconds(7, [&] { keep(drst::trees_from_onnx(bytes).nodes.data()); });
  const double look = best_seconds(7, [&] {
    if (!drst::holds_trees(bytes)) std::puts("no trees");
  });
  std::string copy(bytes.size(), ' ');
  const double plain = best_seconds(7, [&] {
    std::copy(bytes.begin(), bytes.end(), copy.begin());
    keep(copy.data());
  });
  std::printf("ONNX file %.2f MB: write %.1f ms, read %.1f ms, holds_trees %.2f us; copying it %.2f ms\n",
              static_cast<double>(bytes.size()) * 1e-6, write * 1e3, read * 1e3, look * 1e6, plain * 1e3);
}

}  // namespace

int main() {
  const Data data = counters(1);
  for (const std::size_t threads : {1U, 2U}) print_fit(data, threads);
  const TreeEnsemble ensemble = drst::fit_extra_trees(data.table(), {.threads = 2});
  print_predict(ensemble, data);
  print_file(ensemble);
  for (const std::size_t threads : {1U, 2U}) {
    const double seconds =
        best_seconds(3, [&] { keep(drst::fit_boosted(data.table(), {.threads = threads}).nodes.data()); });
    std::printf("fit boosted trees, %zu threads  %7.1f ms (300 rounds of depth 6)\n", threads, seconds * 1e3);
  }
}
