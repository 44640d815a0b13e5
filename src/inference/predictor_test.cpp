// The same model is held once and asked once, whatever it serves as; different ones are each asked.
#include "inference/predictor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <latch>
#include <thread>

#include "inference/shelf.h"
#include "stream/record.h"

namespace drst {
namespace {

/// Answers its factor times the sum of its inputs, and counts what it was asked.
class CountingModel final : public Model {
 public:
  CountingModel(std::vector<std::string> inputs, float factor)
      : inputs_(std::move(inputs)), factor_(factor) {}
  [[nodiscard]] const std::vector<std::string>& inputs() const override { return inputs_; }
  [[nodiscard]] std::string_view family() const override { return "counting"; }
  [[nodiscard]] std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }
  void predict(std::span<const float> raw, std::size_t rows, std::span<float> out, Scratch&) const override {
    asked += rows;
    for (std::size_t r = 0; r < rows; ++r) {
      out[r] = 0;
      for (std::size_t i = 0; i < inputs_.size(); ++i)
        if (!std::isnan(raw[r * inputs_.size() + i])) out[r] += factor_ * raw[r * inputs_.size() + i];
    }
  }
  [[nodiscard]] std::string to_onnx(const std::map<std::string, std::string>&) const override { return ""; }
  mutable std::size_t asked = 0;

 private:
  std::vector<std::string> inputs_;
  float factor_;
};

std::shared_ptr<CountingModel> model(float factor, std::vector<std::string> inputs = {"a", "b"}) {
  return std::make_shared<CountingModel>(std::move(inputs), factor);
}

std::unique_ptr<ServedModel> serve(const std::shared_ptr<const Model>& model, const std::string& release) {
  auto served = std::make_unique<ServedModel>();
  served->model = model;
  served->scratch = model->make_scratch();
  served->release = release;
  return served;
}

std::unique_ptr<ServedExperts> lines_of(const std::vector<std::shared_ptr<CountingModel>>& models) {
  auto experts = std::make_unique<ServedExperts>();
  for (const auto& each : models)
    experts->lines.push_back({"line" + std::to_string(experts->lines.size()), serve(each, "line")});
  return experts;
}

class PredictorTest : public ::testing::Test {
 protected:
  Predictor::Added add(const char* json) {
    RecordView record;
    record.value = json;
    return predictor.add(*decoder.decode(record), 0.9);
  }

  std::shared_ptr<CountingModel> frozen = model(1);
  RecordDecoder decoder;
  Predictor predictor{serve(frozen, "frozen"), serve(frozen, "live"), decoder};
};

TEST_F(PredictorTest, AModelThatServesTwiceIsAskedOnce) {
  const auto added = add(R"({"features": {"a": 1, "c": 5}})");
  EXPECT_EQ(added.missing.columns, 1U);
  EXPECT_EQ(added.missing.inputs, 2U) << "counted for each side that wants it";
  add(R"({"features": {"a": 3, "b": 4}})");
  predictor.predict();
  EXPECT_EQ(frozen->asked, 2U);
  EXPECT_EQ(predictor.baseline(0), 1);
  EXPECT_EQ(predictor.adaptive(0), 1);
  EXPECT_EQ(predictor.adaptive(1), 7);
  EXPECT_EQ(predictor.take_missing_news(), std::vector<std::string>{"b"});
}

TEST_F(PredictorTest, WhatSinglePrecisionCannotHoldIsMissing) {
  EXPECT_FALSE(add(R"({"features": {"a": 1e300, "b": -1e300}})").usable) << "models would see nothing of it";
  const auto added = add(R"({"features": {"a": 1e300, "b": 3e38}})");
  EXPECT_EQ(added.missing.columns, 1U);
  EXPECT_TRUE(added.usable);
}

TEST_F(PredictorTest, EachSideSpeaksForItselfAsSoonAsItsModelDiffers) {
  add(R"({"features": {"a": 1, "b": 2, "c": 5}})");
  predictor.predict();
  predictor.clear();

  const auto other = model(10, {"c", "a"});
  const auto third = model(100);
  predictor.replace(serve(other, "other"));
  predictor.replace_experts(lines_of({third, other, third, frozen}));
  frozen->asked = 0;
  add(R"({"features": {"a": 1, "b": 2, "c": 5}})");
  predictor.predict();
  EXPECT_EQ(predictor.baseline(0), 3);
  EXPECT_EQ(predictor.adaptive(0), 60);
  EXPECT_EQ(std::vector<float>(predictor.lines(0).begin(), predictor.lines(0).end()),
            (std::vector<float>{300, 60, 300, 3}));
  for (const auto& each : {frozen, other, third}) EXPECT_EQ(each->asked, 1U);
  predictor.clear();

  predictor.replace(serve(third, "of the same inputs as its line"));
  predictor.replace(serve(model(5), "of the same inputs"));
  add(R"({"features": {"a": 1, "b": 2, "c": 5}})");
  predictor.predict();
  EXPECT_EQ(predictor.adaptive(0), 15);
  EXPECT_EQ(predictor.lines(0)[2], 300);
  EXPECT_EQ(predictor.lines(0)[3], 3);
  predictor.clear();
  for (const auto& each : {frozen, other, third}) each->asked = 0;

  predictor.replace(serve(frozen, "rolled back"));
  predictor.replace_experts(lines_of({other}));
  add(R"({"features": {"a": 2, "b": 2, "c": 5}})");
  predictor.predict();
  EXPECT_EQ(predictor.adaptive(0), 4);
  EXPECT_EQ(predictor.lines(0)[0], 70);
  EXPECT_EQ(frozen->asked, 1U);
  EXPECT_EQ(other->asked, 1U);
  EXPECT_EQ(third->asked, 0U);
}

TEST(ModelShelf, HoldsWhatIsAliveOnceAndNothingElse) {
  ModelShelf shelf;
  int loads = 0;
  const auto load = [&] {
    ++loads;
    return model(1);
  };
  auto first = shelf.get("a", load);
  EXPECT_EQ(shelf.get("a", load), first);
  EXPECT_NE(shelf.get("b", load), first) << "nobody kept b";
  EXPECT_EQ(loads, 2);
  EXPECT_THROW(shelf.get("c", []() -> std::shared_ptr<const Model> { throw std::runtime_error("torn"); }),
               std::runtime_error);
  EXPECT_TRUE(shelf.get("c", load)) << "what failed may be tried again";
  shelf.get("a", load);
  EXPECT_EQ(shelf.size(), 1U) << "dead ones are forgotten";
  first.reset();
  EXPECT_TRUE(shelf.get("a", load)) << "and one that died is read again";
  EXPECT_EQ(loads, 4);
}

TEST(ModelShelf, TwoWhoWantTheSameAtOnceReadItOnce) {
  ModelShelf shelf;
  std::atomic<int> loads{0};
  std::latch both(2);
  std::shared_ptr<const Model> got[2];
  const auto want = [&](int which) {
    both.arrive_and_wait();
    got[which] = shelf.get("a", [&] {
      ++loads;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return model(1);
    });
  };
  std::thread other(want, 1);
  want(0);
  other.join();
  EXPECT_EQ(loads, 1);
  EXPECT_EQ(got[0], got[1]);
}

}  // namespace
}  // namespace drst
