#include "tuning/predictor.h"

#include <limits>
#include <string_view>
#include <unordered_map>

namespace drst::tuning {

void Predictor::match(const std::vector<std::string>& columns) {
  std::unordered_map<std::string_view, std::size_t> position;
  for (std::size_t i = 0; i < columns.size(); ++i) position.emplace(columns[i], i);
  const auto& inputs = model_->inputs();
  source_.assign(inputs.size(), std::numeric_limits<std::size_t>::max());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (const auto found = position.find(inputs[i]); found != position.end()) source_[i] = found->second;
  columns_ = columns.size();
}

const std::vector<float>& Predictor::inputs_of(const std::vector<float>& values,
                                               const std::vector<std::string>& columns) {
  if (columns.size() != columns_ || source_.empty()) match(columns);
  raw_.resize(source_.size());
  for (std::size_t i = 0; i < source_.size(); ++i)
    raw_[i] = source_[i] < values.size() ? values[source_[i]] : std::numeric_limits<float>::quiet_NaN();
  return raw_;
}

float Predictor::predict(const std::vector<float>& values, const std::vector<std::string>& columns) {
  inputs_of(values, columns);
  float result = 0;
  model_->predict(raw_, 1, {&result, 1}, *scratch_);
  return result;
}

}  // namespace drst::tuning
