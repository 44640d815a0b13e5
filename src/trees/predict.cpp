#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "nn/kernels.h"
#include "trees/ensemble.h"

#if defined(__clang__)
#define DRST_UNROLL _Pragma("unroll")
#else
#define DRST_UNROLL _Pragma("GCC unroll 8")
#endif

namespace drst {

namespace {

constexpr std::size_t kRows = 64;  // rows that one tree serves before the next is fetched
constexpr std::size_t kLanes = 8;  // walks at once: as many as the registers hold, to hide the loads' latency
constexpr std::size_t kSteps = 2;  // comparisons between two looks at whether all have arrived
constexpr std::size_t kLine = 64;  // bytes of the cache's unit
constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

/// Where a walk goes from `node`; a leaf's NaN compares false and leads to itself.
template <bool kLessOrEqual>
inline uint32_t next(const TreeNode& node, float x) {
  return node.right - static_cast<uint32_t>(kLessOrEqual ? x <= node.value : x < node.value);
}

/// Eight walks to their leaves; at[k] starts at 0. `node(k)` is the node of walk k, `x(k, feature)` its
/// input.
template <bool kLessOrEqual, class Tree, class Value>
inline __attribute__((always_inline)) void walk(uint32_t (&at)[kLanes], const Tree& tree, const Value& x) {
  uint32_t moved = 1;
  while (moved != 0) {
    moved = 0;
    DRST_UNROLL
    for (std::size_t step = 0; step < kSteps; ++step) {
      DRST_UNROLL
      for (std::size_t k = 0; k < kLanes; ++k) {
        const TreeNode& node = tree(k)[at[k]];
        const uint32_t to = next<kLessOrEqual>(node, x(k, node.feature));
        if (step + 1 == kSteps) moved |= to ^ at[k];
        at[k] = to;
      }
    }
  }
}

/// Part `part` of `parts` of a tree, towards the nearest cache: several large models do not fit into the
/// next.
inline void fetch_ahead(std::span<const TreeNode> tree, std::size_t part, std::size_t parts) {
  const char* bytes = reinterpret_cast<const char*>(tree.data());
  const std::size_t share = (tree.size_bytes() / parts / kLine + 1) * kLine;
  for (std::size_t i = part * share; i < std::min((part + 1) * share, tree.size_bytes()); i += kLine)
    __builtin_prefetch(bytes + i);
}

/// One tree, eight rows that lie in x as [input][row]. Adds their leaves to `sums`.
template <bool kLessOrEqual>
void add_leaves(const TreeNode* tree, const float* x, float* sums) {
  uint32_t at[kLanes] = {};
  walk<kLessOrEqual>(
      at, [tree](std::size_t) { return tree; },
      [x](std::size_t k, std::size_t feature) { return x[feature * kLanes + k]; });
  for (std::size_t k = 0; k < kLanes; ++k) sums[k] += tree[at[k]].value;
}

/// All trees, one row, eight trees at once: what is left of a batch. Returns the sum.
template <bool kLessOrEqual>
float sum_leaves(const TreeEnsemble& ensemble, const float* x) {
  const std::size_t trees = ensemble.trees.size();
  float sum = 0;
  for (std::size_t first = 0; first < trees; first += kLanes) {
    const TreeNode* tree[kLanes];
    for (std::size_t k = 0; k < kLanes; ++k)  // past the end the last tree again, not counted
      tree[k] = ensemble.nodes.data() + ensemble.trees[std::min(first + k, trees - 1)];
    uint32_t at[kLanes] = {};
    walk<kLessOrEqual>(
        at, [&tree](std::size_t k) { return tree[k]; },
        [x](std::size_t, std::size_t feature) { return x[feature]; });
    for (std::size_t k = 0; k < std::min(kLanes, trees - first); ++k) sum += tree[k][at[k]].value;
  }
  return sum;
}

/// One row with nothing missing, `stride` floats from one input to the next, and the input of leaves.
void fill_row(const TreeEnsemble& ensemble, const float* raw, float* x, std::size_t stride) {
  const std::size_t inputs = ensemble.inputs.size();
  const bool stands_in = !ensemble.stand_in.empty();
  for (std::size_t i = 0; i < inputs; ++i) {
    float value = raw[i];
    if (std::isnan(value) && stands_in && ensemble.stand_in[i] >= 0) value = raw[ensemble.stand_in[i]];
    x[i * stride] = std::isnan(value) ? ensemble.impute[i] : value;
  }
  x[inputs * stride] = kMissing;
}

template <bool kLessOrEqual>
void predict_sums(const TreeEnsemble& ensemble, const float* raw, std::size_t rows, float* sums, float* x) {
  const std::size_t inputs = ensemble.inputs.size();
  const std::size_t block = (inputs + 1) * kLanes;
  const std::size_t blocks = rows / kLanes;
  for (std::size_t r = 0; r < blocks * kLanes; ++r)
    fill_row(ensemble, raw + r * inputs, x + r / kLanes * block + r % kLanes, kLanes);
  std::fill(sums, sums + rows, 0.0F);
  if (blocks > 0) {
    for (std::size_t t = 0; t < ensemble.trees.size(); ++t) {
      const TreeNode* tree = ensemble.tree(t).data();
      const std::size_t next = (t + 1) % ensemble.trees.size();
      for (std::size_t b = 0; b < blocks; ++b) {
        fetch_ahead(ensemble.tree(next), b, blocks);
        add_leaves<kLessOrEqual>(tree, x + b * block, sums + b * kLanes);
      }
    }
  }
  for (std::size_t r = blocks * kLanes; r < rows; ++r) {
    fill_row(ensemble, raw + r * inputs, x, 1);
    sums[r] = sum_leaves<kLessOrEqual>(ensemble, x);
  }
}

/// Out of line: building the message must not cost the calls that go well.
[[noreturn]] void wrong_sizes(std::size_t rows, std::size_t in, std::size_t out) {
  throw InputError("tree ensemble: a prediction of " + to_text(rows) + " rows got " + to_text(in) +
                   " numbers and room for " + to_text(out));
}

}  // namespace

void predict(const TreeEnsemble& ensemble, std::span<const float> raw, std::size_t rows, std::span<float> out,
             TreeScratch& scratch) {
  const std::size_t inputs = ensemble.inputs.size();
  if (raw.size() != rows * inputs || out.size() != rows) wrong_sizes(rows, raw.size(), out.size());
  const std::size_t room = (inputs + 1) * std::max(kLanes, std::min(rows, kRows));
  if (scratch.x.size() < room) scratch.x.resize(room);
  const auto sum = ensemble.less_or_equal ? predict_sums<true> : predict_sums<false>;
  for (std::size_t first = 0; first < rows; first += kRows) {
    const std::size_t count = std::min(kRows, rows - first);
    float* z = out.data() + first;
    sum(ensemble, raw.data() + first * inputs, count, z, scratch.x.data());
    for (std::size_t r = 0; r < count; ++r) z[r] = ensemble.base + ensemble.scale * z[r];
    if (ensemble.exponential) nn::kernels().exp(z, count);
    if (ensemble.non_negative) nn::kernels().relu(z, count);
  }
}

}  // namespace drst
