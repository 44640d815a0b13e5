#include "inference/slot.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>

#include "base/text.h"

namespace drst {
namespace {

std::atomic<int> alive{0};

/// A model that knows whether it is still there.
class CountedModel final : public Model {
 public:
  explicit CountedModel(float answer) : answer_(answer) { ++alive; }
  CountedModel(const CountedModel&) = delete;
  CountedModel& operator=(const CountedModel&) = delete;
  ~CountedModel() override {
    answer_ = std::numeric_limits<float>::quiet_NaN();
    --alive;
  }
  [[nodiscard]] const std::vector<std::string>& inputs() const override { return inputs_; }
  [[nodiscard]] std::string_view family() const override { return "counted"; }
  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }
  void predict(std::span<const float>, std::size_t, std::span<float> out, Scratch&) const override {
    for (float& value : out) value = answer_;
  }
  [[nodiscard]] std::string to_onnx(const std::map<std::string, std::string>&) const override { return ""; }

 private:
  std::vector<std::string> inputs_ = {"a"};
  float answer_;
};

std::unique_ptr<ServedModel> served(int number) {
  auto model = std::make_unique<ServedModel>();
  model->model = std::make_shared<CountedModel>(static_cast<float>(number));
  model->scratch = model->model->make_scratch();
  model->release = to_text(number);
  return model;
}

TEST(ModelSlot, TheNewestOfferIsTakenOnce) {
  {
    ModelSlot slot;
    EXPECT_FALSE(slot.take());
    slot.offer(served(1));
    slot.offer(served(2));
    EXPECT_EQ(alive, 1) << "the offer nobody took is gone";
    auto taken = slot.take();
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->release, "2");
    EXPECT_FALSE(slot.take());
    auto other = served(3);
    EXPECT_TRUE(slot.retire(taken));
    EXPECT_FALSE(taken);
    EXPECT_FALSE(slot.retire(other)) << "the guard has not freed the one before";
    EXPECT_TRUE(other);
    slot.free_retired();
    EXPECT_TRUE(slot.retire(other));
    slot.offer(served(4));
  }
  EXPECT_EQ(alive, 0) << "the slot frees what it holds";
}

TEST(ModelSlot, ASwapStormNeverShowsAFreedModel) {
  constexpr int swaps = 20'000;
  {
    ModelSlot slot;
    std::atomic<bool> stop{false};
    std::thread guard([&] {
      for (int i = 1; i <= swaps; ++i) {
        slot.free_retired();
        slot.offer(served(i));
      }
      while (!stop) {
        slot.free_retired();
        std::this_thread::yield();
      }
    });
    auto current = served(0);
    std::unique_ptr<ServedModel> retiring;
    const float input = 1;
    int last = 0;
    int taken = 0;
    while (last < swaps) {
      if (retiring) slot.retire(retiring);
      if (!retiring) {
        if (auto next = slot.take()) {
          retiring = std::exchange(current, std::move(next));
          ++taken;
        }
      }
      float out = -1;
      current->model->predict({&input, 1}, 1, {&out, 1}, *current->scratch);
      ASSERT_EQ(to_text(static_cast<int>(out)), current->release);
      ASSERT_GE(static_cast<int>(out), last) << "never an older one";
      last = static_cast<int>(out);
    }
    stop = true;
    guard.join();
    EXPECT_GT(taken, 0);
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace drst
