// A consumer killed at every single place where it touches log or store, then started again: each row is
// predicted exactly once, none is lost, each dead letter is there once by key, and the last model still is
// the one that counts.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "inference/test_world.h"

namespace drst {
namespace {

using testing::InferenceWorld;
using testing::Member;

class DieAt final : public FaultPoint {
 public:
  explicit DieAt(int n) : left_(n) {}
  void reached(std::string_view operation, std::string_view subject) override {
    if (--left_ != 0) return;
    where = std::string(operation) + " " + std::string(subject);
    throw SimulatedCrash{};
  }
  std::string where;

 private:
  int left_;
};

constexpr int64_t rows = 36;

void fill(InferenceWorld& world) {
  for (int64_t row = 0; row < rows; ++row) {
    auto record = world.record(row);
    if (row % 9 == 4) record.value.resize(record.value.size() / 2);  // a dead letter
    world.append(static_cast<int>(row % InferenceWorld::partitions), record);
    if (row % 11 == 7) world.append(static_cast<int>(row % InferenceWorld::partitions), record);  // a repeat
  }
  world.finish();
}

void check(InferenceWorld& world, const std::string& where) {
  const auto set = world.traces();
  std::vector<int64_t> wanted, found;
  for (int64_t row = 0; row < rows; ++row)
    if (row % 9 != 4) wanted.push_back(row);
  for (const auto& row : set.rows) found.push_back(row.row);
  EXPECT_EQ(found, wanted) << where;
  EXPECT_EQ(set.repeats, 0u) << where << ": a restarted consumer knows from the trace what was done";
  EXPECT_EQ(set.dead_lettered, 4u) << where;
  const auto letters = world.dead_letters();
  EXPECT_EQ(letters.size(), 4u) << where;
  EXPECT_EQ(std::set<std::string>(letters.begin(), letters.end()).size(), letters.size()) << where;
}

TEST(ConsumerCrash, AnyPlaceOfTheFirstLife) {
  log::set_level(log::Level::error);
  int places = 0;
  for (int n = 1;; ++n) {
    InferenceWorld world;
    fill(world);
    DieAt faults(n);
    bool died = false;
    try {
      Member member(world, "infer-0", Member::quick(), &faults);
      EXPECT_TRUE(member.run());
    } catch (const SimulatedCrash&) {
      died = true;
    }
    if (died) {
      world.clock.advance(std::chrono::seconds(11));
      Member heir(world);
      EXPECT_TRUE(heir.run()) << faults.where;
    }
    check(world, faults.where);
    if (!died) break;
    ++places;
  }
  EXPECT_GT(places, 40) << "every effect of a run should have been a place to die at";
  log::set_level(log::Level::info);
}

TEST(ConsumerCrash, AnyPlaceOfTwoLivesAtBatchOne) {
  log::set_level(log::Level::error);
  auto settings = Member::quick();
  settings.batch = 1;
  for (int n = 5; n < 200; n += 13) {
    for (int m = 3; m < 200; m += 31) {
      InferenceWorld world;
      fill(world);
      std::string where;
      for (const int at : {n, m}) {
        DieAt faults(at);
        try {
          Member member(world, "infer-" + to_text(at % 2), settings, &faults);
          member.run();
        } catch (const SimulatedCrash&) {
        }
        where += faults.where + "; ";
        world.clock.advance(std::chrono::seconds(11));
      }
      Member heir(world);
      EXPECT_TRUE(heir.run()) << where;
      check(world, where);
    }
  }
  log::set_level(log::Level::info);
}

}  // namespace
}  // namespace drst
