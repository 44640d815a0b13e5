#include "drift/signal_history.h"

#include <limits>
#include <map>

#include "base/text.h"
#include "table/npy.h"

namespace drst {

namespace {
constexpr float not_watched = std::numeric_limits<float>::quiet_NaN();
constexpr std::size_t values_a_voice = 4;  // signal, A, B, C
}  // namespace

void SignalHistory::add(const SignalPoint& point, const std::vector<std::string>& columns) {
  if (seen_++ % keep_each_ != 0) return;
  if (points_.size() >= most_points_) {
    std::size_t kept = 1;
    for (std::size_t i = 2; i < points_.size(); i += 2) points_[kept++] = std::move(points_[i]);
    points_.resize(kept);
    keep_each_ *= 2;
    if ((seen_ - 1) % keep_each_ != 0) return;
  }
  Point kept;
  kept.row = point.row;
  kept.values = {point.signal, point.thresholds[0], point.thresholds[1], point.thresholds[2]};
  recent_.clear();
  for (const auto& voice : point.recent) {
    recent_.push_back(voice.records);
    kept.values.push_back(voice.signal);
    kept.values.insert(kept.values.end(), voice.thresholds.begin(), voice.thresholds.end());
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const auto [found, is_new] = index_.emplace(columns[i], features_.size());
    if (is_new) features_.push_back(columns[i]);
    if (kept.by_feature.size() <= found->second) kept.by_feature.resize(found->second + 1, not_watched);
    kept.by_feature[found->second] = static_cast<float>(point.by_feature[i]);
  }
  points_.push_back(std::move(kept));
}

std::string SignalHistory::to_npz() const {
  std::map<std::string, Array> members;
  std::vector<int64_t> rows;
  std::vector<std::vector<double>> series((1 + recent_.size()) * values_a_voice);
  std::vector<float> matrix;
  matrix.reserve(points_.size() * features_.size());
  for (const auto& point : points_) {
    rows.push_back(point.row);
    for (std::size_t i = 0; i < series.size(); ++i) series[i].push_back(point.values.at(i));
    for (std::size_t f = 0; f < features_.size(); ++f)
      matrix.push_back(f < point.by_feature.size() ? point.by_feature[f] : not_watched);
  }
  members.emplace("row", Array::of(std::move(rows)));
  for (std::size_t voice = 0; voice <= recent_.size(); ++voice) {
    const std::string name = voice == 0 ? "signal" : "recent_" + to_text(recent_[voice - 1]);
    const std::string threshold = voice == 0 ? "threshold_" : name + "_threshold_";
    members.emplace(name, Array::of(std::move(series[voice * values_a_voice])));
    for (std::size_t tier = 0; tier < 3; ++tier)
      members.emplace(threshold + "ABC"[tier],
                      Array::of(std::move(series[voice * values_a_voice + 1 + tier])));
  }
  members.emplace("by_feature", Array::matrix(std::move(matrix), points_.size(), features_.size()));
  members.emplace("features", Array::of(features_));
  return drst::to_npz(members);
}

void SignalHistory::save(StateWriter& out) const {
  out.number(keep_each_);
  out.number(seen_);
  out.numbers(recent_);
  out.texts(features_);
  out.number<uint64_t>(points_.size());
  for (const auto& point : points_) {
    out.number(point.row);
    out.numbers(point.values);
    out.numbers(point.by_feature);
  }
}

void SignalHistory::restore(StateReader& in) {
  keep_each_ = in.number<uint64_t>();
  seen_ = in.number<uint64_t>();
  recent_ = in.numbers<int64_t>();
  features_ = in.texts();
  index_.clear();
  for (std::size_t i = 0; i < features_.size(); ++i) index_.emplace(features_[i], i);
  const auto count = in.number<uint64_t>();
  if (keep_each_ == 0 || count > most_points_) in.refuse("contradicts itself");
  points_.clear();
  for (uint64_t i = 0; i < count; ++i) {
    Point point;
    point.row = in.number<int64_t>();
    point.values = in.numbers<double>();
    point.by_feature = in.numbers<float>();
    if (point.values.size() != (1 + recent_.size()) * values_a_voice ||
        point.by_feature.size() > features_.size())
      in.refuse("contradicts itself");
    points_.push_back(std::move(point));
  }
}

}  // namespace drst
