// Hand-made and random ensembles and tables for the tests of this room.
#pragma once

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "trees/ensemble.h"
#include "trees/table.h"

namespace drst::testing {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

/// Two trees over a, b, a@-1 (stands in: a):
///   a ? 10 -> (left 1, right b ? 5 -> (2, 4));   a@-1 ? 7 -> (10, 20);   z = 100 + 0.5 * sum.
inline TreeEnsemble hand_made(bool less_or_equal = true) {
  TreeEnsemble e;
  e.inputs = {"a", "b", "a@-1"};
  e.stand_in = {-1, -1, 0};
  e.impute = {6, 50, 1000};
  e.less_or_equal = less_or_equal;
  e.base = 100;
  e.scale = 0.5F;
  auto tree = make_leaf(0, 3);
  const auto left = split_leaf(tree, 0, 0, 10, 3);
  tree[left].value = 1;
  const auto inner = split_leaf(tree, left + 1, 1, 5, 3);
  tree[inner].value = 2;
  tree[inner + 1].value = 4;
  append_tree(e, tree);
  tree = make_leaf(0, 3);
  split_leaf(tree, 0, 2, 7, 3);
  tree[1].value = 10;
  tree[2].value = 20;
  append_tree(e, tree);
  return e;
}

/// Trees of random shape over counters up to 2e6.
inline TreeEnsemble random_ensemble(std::size_t inputs, std::size_t trees, uint64_t seed) {
  Random random(seed);
  TreeEnsemble e;
  for (std::size_t i = 0; i < inputs; ++i) {
    e.inputs.push_back("vnf" + std::to_string(i) + "_cycles@-1 \"quoted\"");
    e.impute.push_back(static_cast<float>(random.uniform(0, 1e6)));
    if (seed % 2 == 0)
      e.stand_in.push_back(random.chance(0.5) ? static_cast<int32_t>(random.below(inputs)) : -1);
  }
  for (std::size_t t = 0; t < trees; ++t) {
    auto tree = make_leaf(static_cast<float>(random.normal()), inputs);
    for (std::size_t splits = random.below(40); splits > 0; --splits) {
      std::size_t at = 0;
      while (tree[at].feature < inputs) at = tree[at].right - random.below(2);
      const auto left =
          split_leaf(tree, at, random.below(inputs), static_cast<float>(random.uniform(0, 2e6)), inputs);
      tree[left].value = static_cast<float>(random.normal());
      tree[left + 1].value = static_cast<float>(random.normal());
    }
    append_tree(e, tree);
  }
  e.less_or_equal = seed % 3 != 0;
  e.base = 6;
  e.scale = 1 / static_cast<float>(trees);
  e.exponential = seed % 2 == 0;
  e.non_negative = seed % 4 == 0;
  return e;
}

/// Values up to 2e6, some negative, whole (so that some lie on thresholds), a tenth missing.
inline std::vector<float> random_raw(std::size_t inputs, std::size_t rows, uint64_t seed) {
  Random random(seed);
  std::vector<float> raw(rows * inputs);
  for (float& v : raw)
    v = random.chance(0.1)    ? kNaN
        : random.chance(0.02) ? kInf
                              : static_cast<float>(std::round(random.uniform(-1e4, 2e6)));
  return raw;
}

inline std::vector<float> predicted(const TreeEnsemble& e, std::span<const float> raw) {
  std::vector<float> out(raw.size() / e.inputs.size());
  TreeScratch scratch;
  predict(e, raw, out.size(), out, scratch);
  return out;
}

/// A table that owns its rows.
struct Rows {
  std::vector<std::string> inputs;
  std::vector<float> x, y, weight;
  explicit Rows(std::size_t columns) {
    for (std::size_t i = 0; i < columns; ++i) inputs.push_back("c" + std::to_string(i));
  }
  void add(const std::vector<float>& row, float target) {
    x.insert(x.end(), row.begin(), row.end());
    y.push_back(target);
  }
  [[nodiscard]] TrainTable table() const { return {inputs, {}, {}, x, y, weight}; }
};

/// y = c0^2 / c1, counters over three decades, a third column of noise.
inline Rows power_law(std::size_t rows, uint64_t seed) {
  Random random(seed);
  Rows data(3);
  for (std::size_t r = 0; r < rows; ++r) {
    const double a = std::exp(random.uniform(4, 11));
    const double b = std::exp(random.uniform(4, 11));
    data.add({static_cast<float>(a), static_cast<float>(b), static_cast<float>(random.normal())},
             static_cast<float>(2 * std::log(a) - std::log(b)));
  }
  return data;
}

}  // namespace drst::testing
