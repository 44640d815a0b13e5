#include "trees/ensemble.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "trees/test_trees.h"

namespace drst {
namespace {

using testing::hand_made;
using testing::kInf;
using testing::kNaN;
using testing::predicted;
using testing::random_ensemble;
using testing::random_raw;

TEST(Ensemble, HandMadeTreesGiveWhatTheHandGives) {
  const std::vector<float> raw = {
      10,   5,    7,     // 1 + 10: equal goes left
      11,   5,    8,     // 2 + 20
      11,   5.5F, kNaN,  // 4 + (a stands in: 11) 20
      kNaN, kNaN, 7,     // a = 6: 1 + 10
      kNaN, 0,    kNaN,  // the stand-in is missing too: 1 + (1000) 20
      kInf, kInf, -kInf  // 4 + 10
  };
  const std::vector<float> sums = {11, 22, 24, 11, 21, 14};
  const auto out = predicted(hand_made(), raw);
  for (std::size_t r = 0; r < sums.size(); ++r) EXPECT_EQ(out[r], 100 + 0.5F * sums[r]) << r;
}

TEST(Ensemble, StrictComparisonSendsEqualRight) {
  const std::vector<float> raw = {10, 5, 7};
  EXPECT_EQ(predicted(hand_made(false), raw), std::vector<float>{100 + 0.5F * (4 + 20)});
}

TEST(Ensemble, ExponentialAndFloor) {
  auto e = hand_made();
  e.base = 0;
  e.scale = 0.1F;
  e.exponential = true;
  const std::vector<float> raw = {10, 5, 7};
  EXPECT_NEAR(predicted(e, raw)[0], std::exp(1.1F), 1e-5F);
  e.exponential = false;
  e.base = -1000;
  EXPECT_LT(predicted(e, raw)[0], 0);
  e.non_negative = true;
  EXPECT_EQ(predicted(e, raw)[0], 0);
}

TEST(Ensemble, TheBatchDoesNotMatterToTheBit) {
  for (uint64_t seed = 0; seed < 6; ++seed) {
    const auto e = random_ensemble(7, 1 + seed * 7, seed);
    e.check();
    const auto raw = random_raw(7, 150, seed);
    const auto all = predicted(e, raw);
    for (const std::size_t batch : {1U, 3U, 8U, 13U, 64U, 65U}) {
      for (std::size_t r = 0; r < all.size(); r += batch) {
        const std::size_t count = std::min(batch, all.size() - r);
        const auto some = predicted(e, {raw.data() + r * 7, count * 7});
        for (std::size_t k = 0; k < count; ++k) EXPECT_EQ(some[k], all[r + k]) << batch << " at " << r + k;
      }
    }
  }
}

TEST(Ensemble, ScratchServesEnsemblesOfAnySize) {
  TreeScratch scratch;
  const auto small = hand_made();
  const auto large = random_ensemble(40, 9, 1);
  const auto raw = random_raw(40, 64, 2);
  std::vector<float> out(64);
  std::vector<float> again(64);
  predict(large, raw, 64, out, scratch);
  const std::vector<float> row = {10, 5, 7};
  float y = 0;
  predict(small, row, 1, {&y, 1}, scratch);
  EXPECT_EQ(y, 105.5F);
  const float* before = scratch.x.data();
  predict(large, raw, 64, again, scratch);
  EXPECT_EQ(out, again);
  EXPECT_EQ(before, scratch.x.data()) << "memory was fetched again";
}

TEST(Ensemble, NoRowsAreFineAndWrongSizesAreNot) {
  TreeScratch scratch;
  const auto e = hand_made();
  predict(e, {}, 0, {}, scratch);
  std::vector<float> out(2);
  EXPECT_THROW(predict(e, std::vector<float>(5), 2, out, scratch), InputError);
  EXPECT_THROW(predict(e, std::vector<float>(6), 2, {out.data(), 1}, scratch), InputError);
}

TEST(Ensemble, ChainsAsDeepAsAllowed) {
  TreeEnsemble e;
  e.inputs = {"a"};
  e.impute = {0};
  auto tree = make_leaf(0, 1);
  std::size_t at = 0;
  for (std::size_t d = 0; d < TreeEnsemble::most_depth; ++d) {  // leaf d: d < a <= d + 1
    const auto left = split_leaf(tree, at, 0, static_cast<float>(d), 1);
    tree[left].value = static_cast<float>(d);
    at = left + 1;
  }
  tree[at].value = -1;
  append_tree(e, tree);
  e.check();
  EXPECT_EQ(predicted(e, std::vector<float>{17.5F, 0, 1e9F}), (std::vector<float>{18, 0, -1}));
  e = {};
  split_leaf(tree, at, 0, 1e6F, 1);
  e.inputs = {"a"};
  e.impute = {0};
  append_tree(e, tree);
  EXPECT_THROW(e.check(), InputError);
}

TEST(Ensemble, CheckNamesWhatIsWrong) {
  struct Damage {
    std::string words;
    std::function<void(TreeEnsemble&)> apply;
  };
  using E = TreeEnsemble&;
  const std::vector<Damage> damages = {
      {"no inputs", [](E e) { e.inputs.clear(); }},
      {"impute must have", [](E e) { e.impute.pop_back(); }},
      {"impute is not finite", [](E e) { e.impute[0] = kNaN; }},
      {"stand_in must be", [](E e) { e.stand_in.pop_back(); }},
      {"stand-in is no input", [](E e) { e.stand_in[0] = 3; }},
      {"stand-in is no input", [](E e) { e.stand_in[0] = -2; }},
      {"base or scale", [](E e) { e.scale = kInf; }},
      {"no trees", [](E e) { e.trees.clear(); }},
      {"start at node 0", [](E e) { e.trees[0] = 1; }},
      {"no nodes", [](E e) { e.trees.push_back(static_cast<uint32_t>(e.nodes.size())); }},
      {"no nodes", [](E e) { e.trees[1] = 0; }},
      {"tree 1, node 0 has a threshold or a value that is not finite", [](E e) { e.nodes[5].value = kNaN; }},
      {"not finite", [](E e) { e.nodes[1].value = kInf; }},
      {"tree 0, node 0 compares input 4 of 3", [](E e) { e.nodes[0].feature = 4; }},
      {"tree 0, node 1 is a leaf with a child", [](E e) { e.nodes[1].right = 2; }},
      {"has the children", [](E e) { e.nodes[0].right = 1; }},
      {"has the children", [](E e) { e.nodes[2].right = 2; }},
      {"has the children", [](E e) { e.nodes[0].right = 5; }},
      {"node 3 has two parents",
       [](E e) {
         e.nodes[1] = {0, 0, 4};
       }},
      {"node 1 is not reached", [](E e) { e.nodes[0].right = 3; }},
      {"add up", [](E e) { e.nodes[6].value = 3e38F; }},
  };
  for (const auto& damage : damages) {
    auto e = hand_made();
    damage.apply(e);
    try {
      e.check();
      ADD_FAILURE() << "accepted what should be refused for '" << damage.words << "'";
    } catch (const InputError& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(damage.words));
    }
  }
}

TEST(Ensemble, ATreeThatIsFullSaysSo) {
  auto tree = make_leaf(0, 1);
  std::size_t at = 0;
  while (tree.size() + 2 <= TreeEnsemble::most_nodes_a_tree) at = split_leaf(tree, at, 0, 1, 1);
  EXPECT_THROW(split_leaf(tree, at, 0, 1, 1), InputError);
}

}  // namespace
}  // namespace drst
