// A model with the places of its inputs among the stream's columns. Internal to this room. One thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "learn/model.h"

namespace drst::tuning {

class Predictor {
 public:
  Predictor() = default;
  explicit Predictor(std::shared_ptr<const Model> model)
      : model_(std::move(model)), scratch_(model_->make_scratch()) {}
  /// `values` by `columns`, which may have grown since the last call but never change otherwise.
  float predict(const std::vector<float>& values, const std::vector<std::string>& columns);
  /// The model's inputs out of `values`, NaN where there is none; good until the next call.
  const std::vector<float>& inputs_of(const std::vector<float>& values,
                                      const std::vector<std::string>& columns);
  [[nodiscard]] const Model& model() const { return *model_; }
  [[nodiscard]] const std::shared_ptr<const Model>& shared_model() const { return model_; }

 private:
  void match(const std::vector<std::string>& columns);

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Model::Scratch> scratch_;
  std::vector<std::size_t> source_;  ///< column of each input; beyond the last: there is none
  std::size_t columns_ = 0;          ///< matched so far
  std::vector<float> raw_;
};

}  // namespace drst::tuning
