#include "inference/predictor.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace drst {

uint32_t Predictor::Side::gather(std::span<const double> values, std::size_t row) {
  const std::size_t width = map.size();
  if (rows.size() < (row + 1) * width) rows.resize((row + 1) * width);
  return map.gather(values, rows.data() + row * width);
}

/// Whether this side is to say what `earlier` says.
bool Predictor::Side::echoes(const Side& earlier) {
  if (earlier.same != nullptr || serving->model != earlier.serving->model) return false;
  same = &earlier;
  return true;
}

void Predictor::Side::predict(std::size_t count) {
  if (same != nullptr) return;
  if (predictions.size() < count) predictions.resize(count);
  serving->model->predict(std::span(rows).first(count * map.size()), count,
                          std::span(predictions).first(count), *serving->scratch);
}

Predictor::Predictor(std::unique_ptr<ServedModel> baseline, std::unique_ptr<ServedModel> adaptive,
                     RecordDecoder& decoder)
    : decoder_(decoder) {
  baseline_.served = std::move(baseline);
  baseline_.serving = baseline_.served.get();
  decoder_.expect(baseline_.inputs());
  adaptive_.served = std::move(adaptive);
  adaptive_.serving = adaptive_.served.get();
  decoder_.expect(adaptive_.inputs());
  changed(false);
}

std::unique_ptr<ServedModel> Predictor::replace(std::unique_ptr<ServedModel> adaptive) {
  const bool same_inputs = adaptive->model->inputs() == adaptive_.inputs();
  std::swap(adaptive_.served, adaptive);
  adaptive_.serving = adaptive_.served.get();
  if (!same_inputs) decoder_.expect(adaptive_.inputs());
  changed(same_inputs);
  return adaptive;
}

std::unique_ptr<ServedExperts> Predictor::replace_experts(std::unique_ptr<ServedExperts> experts) {
  std::swap(experts_, experts);
  lines_.resize(experts_->lines.size());
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    lines_[i].serving = experts_->lines[i].served.get();
    decoder_.expect(lines_[i].inputs());
  }
  line_row_.resize(lines_.size());
  changed(false);
  return experts;
}

std::span<const float> Predictor::lines(std::size_t row) {
  for (std::size_t i = 0; i < lines_.size(); ++i) line_row_[i] = lines_[i].said(row);
  return line_row_;
}

std::span<const float> Predictor::baseline_inputs(std::size_t row) const {
  const std::size_t width = baseline_.map.size();
  return std::span(baseline_.rows).subspan(row * width, width);
}

void Predictor::changed(bool same_inputs) {
  if (!same_inputs) stale_ = true;
  sides_.assign({&baseline_, &adaptive_});
  for (auto& line : lines_) sides_.push_back(&line);
  for (std::size_t i = 0; i < sides_.size(); ++i) {
    sides_[i]->same = nullptr;
    for (std::size_t earlier = 0; earlier < i && !sides_[i]->echoes(*sides_[earlier]);) ++earlier;
  }
}

void Predictor::rebuild() {
  const auto& columns = decoder_.columns();
  for (auto* side : sides_) side->map.rebuild(side->inputs(), columns);
  std::set<std::string_view> names;
  for (const auto* side : {&baseline_, &adaptive_})
    for (const std::string_view input : side->inputs())
      if (!input.ends_with(lag_suffix)) names.insert(input);
  required_.clear();
  for (std::size_t i = 0; i < columns.size(); ++i)  // all are there: the decoder was told to expect them
    if (names.contains(columns[i])) required_.push_back(i);
  columns_version_ = decoder_.columns_version();
  stale_ = false;
}

Predictor::Added Predictor::add(const Sample& sample, double max_missing_fraction) {
  if (stale_ || columns_version_ != decoder_.columns_version()) rebuild();
  Added added;
  added.missing.of = static_cast<uint32_t>(required_.size());
  for (const std::size_t column : required_)
    if (!std::isfinite(static_cast<float>(sample.values[column]))) ++added.missing.columns;
  if (added.missing.columns > max_missing_fraction * added.missing.of) return added;
  const uint32_t missing = baseline_.gather(sample.values, rows_);
  added.missing.inputs =
      missing + (adaptive_.same != nullptr ? missing : adaptive_.gather(sample.values, rows_));
  for (auto& line : lines_)
    if (line.same == nullptr) line.gather(sample.values, rows_);
  added.usable = true;
  ++rows_;
  return added;
}

void Predictor::predict() {
  if (rows_ == 0) return;
  baseline_.predict(rows_);
  adaptive_.predict(rows_);
  for (auto& line : lines_) line.predict(rows_);
}

std::vector<std::string> Predictor::take_missing_news() {
  std::vector<std::string> names;
  for (auto* side : {&baseline_, &adaptive_}) {
    for (const uint32_t index : side->map.news()) {
      const auto& name = side->inputs()[index];
      const auto at = std::lower_bound(told_.begin(), told_.end(), name);
      if (at != told_.end() && *at == name) continue;
      told_.insert(at, name);
      names.push_back(name);
    }
    side->map.clear_news();
  }
  return names;
}

}  // namespace drst
