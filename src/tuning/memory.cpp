#include "tuning/memory.h"

#include <cmath>
#include <limits>
#include <utility>

namespace drst::tuning {

void Memory::keep(LabelledRow row) {
  ++labels_seen_;
  rows_.push_back(std::move(row));
  if (rows_.size() > most_labelled_) rows_.pop_front();
}

bool Memory::add_sample(const std::string& id, int64_t row, std::vector<float> values,
                        const Predictions& predicted) {
  LabelledRow sample{row, std::move(values), 0, predicted};
  if (const auto early = early_.find(id); early != early_.end()) {
    sample.label = early->second;
    early_.erase(early);
    keep(std::move(sample));
    return true;
  }
  if (!waiting_.emplace(id, std::move(sample)).second) return false;
  waiting_order_.push_back(id);
  // Ids of samples whose label has come stay in the queue until they reach its end.
  while (waiting_order_.size() > most_waiting_) {
    waiting_.erase(waiting_order_.front());
    waiting_order_.pop_front();
  }
  return false;
}

bool Memory::add_label(const std::string& id, float label) {
  if (!std::isfinite(label)) return false;
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) {
    if (early_.emplace(id, label).second) early_order_.push_back(id);
    while (early_order_.size() > most_waiting_) {
      orphans_ += early_.erase(early_order_.front());
      early_order_.pop_front();
    }
    return false;
  }
  LabelledRow row = std::move(found->second);
  waiting_.erase(found);
  row.label = label;
  keep(std::move(row));
  return true;
}

Dataset Memory::dataset(const std::vector<std::string>& inputs, std::size_t begin, std::size_t end) const {
  std::unordered_map<std::string_view, std::size_t> position;
  for (std::size_t i = 0; i < columns_.size(); ++i) position.emplace(columns_[i], i);
  std::vector<std::size_t> source(inputs.size(), columns_.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (const auto found = position.find(inputs[i]); found != position.end()) source[i] = found->second;
  Dataset data;
  data.inputs = inputs;
  data.x.reserve((end - begin) * inputs.size());
  int64_t expected = std::numeric_limits<int64_t>::min();
  for (std::size_t r = begin; r < end; ++r) {
    const LabelledRow& row = rows_[r];
    if (row.row != expected) data.starts.push_back(r - begin);
    expected = row.row + 1;
    for (const std::size_t column : source)
      data.x.push_back(column < row.values.size() ? row.values[column]
                                                  : std::numeric_limits<float>::quiet_NaN());
    data.y.push_back(row.label);
  }
  return data;
}

}  // namespace drst::tuning
