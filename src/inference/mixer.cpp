#include "inference/mixer.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "learn/shares.h"
#include "stream/record.h"

namespace drst {
namespace {

constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();
constexpr float silent = std::numeric_limits<float>::quiet_NaN();

}  // namespace

Mixer::Mixer(Log& log, const std::string& topic, std::string run_id, std::shared_ptr<const Model> frozen,
             const NeighbourSettings& settings, Duration silence)
    : log_(log),
      memory_topic_(drst::memory_topic(topic)),
      run_id_(run_id),
      follower_(log, topic, std::move(run_id)),
      neighbours_(std::move(frozen), settings),
      most_remembered_(static_cast<std::size_t>(settings.rows)),
      silence_(silence) {}

void Mixer::set_run(std::string_view run_id) {
  run_id_ = run_id;
  follower_.set_run(run_id);
}

bool Mixer::refresh() {
  if (!follower_.refresh()) return false;
  read_memory();
  rebuild();
  return true;
}

bool Mixer::hear(Time now) {
  const auto& state = follower_.state();
  const bool before = silent_;
  silent_ = state && !state->ended && silence_ > Duration::zero() && now - state->at > silence_;
  if (silent_ != before) rebuild();
  return silent_ != before;
}

void Mixer::read_memory() {
  if (!neighbours_.usable()) return;
  if (next_memory_ < 0) {
    if (log_.partitions(memory_topic_) == 0) return;
    next_memory_ = 0;
  }
  const int64_t end = log_.watermarks(memory_topic_, 0).end;
  next_memory_ = std::max(next_memory_, end - static_cast<int64_t>(most_remembered_));
  while (next_memory_ < end) {
    log_.read(memory_topic_, 0, next_memory_, batch_,
              {.max_records = 1024, .max_bytes = std::size_t{8} << 20});
    if (batch_.empty()) return;
    for (const auto& record : batch_.records()) {
      next_memory_ = record.offset + 1;
      if (!run_id_.empty() && record.header(run_id_header) != run_id_) continue;
      if (const auto sample = decode_labelled(record.value))
        neighbours_.add(sample->row, sample->raw, sample->frozen, sample->label);
    }
  }
}

WantedExperts Mixer::wanted() const {
  WantedExperts wanted;
  if (!follower_.state()) return wanted;
  for (const auto& expert : follower_.state()->experts)
    if (!expert.model_key.empty()) wanted.push_back({expert.name, {expert.model_key, expert.metrics_key}});
  return wanted;
}

void Mixer::set_lines(const ServedExperts& experts) {
  lines_.clear();
  for (const auto& line : experts.lines) lines_.emplace_back(line.name, line.served->release);
  rebuild();
}

void Mixer::rebuild() {
  const auto& state = follower_.state();
  if (!state) return;
  if (silent_) {
    experts_ = 1;
    kinds_.assign(1, {Kind::frozen});
    weights_.assign(1, 1);
    voices_.assign(1, silent);
    text_ = std::string(expert_frozen) + " 1";
    heaviest_ = 0;
    heaviest_decides_ = true;
    return;
  }
  experts_ = std::min(state->experts.size(), most_experts);
  kinds_.assign(experts_, {});
  weights_.assign(experts_, 0);
  voices_.assign(experts_, silent);
  text_.clear();
  double total = 0;
  for (std::size_t i = 0; i < experts_; ++i) {
    const auto& expert = state->experts[i];
    weights_[i] = expert.weight;
    Kind& kind = kinds_[i].kind;
    std::string release;
    if (expert.name == expert_frozen) {
      kind = Kind::frozen;
    } else if (expert.name == expert_live) {
      kind = Kind::live;
    } else if (expert.name == expert_neighbours) {
      kind = Kind::neighbours;
    } else if (expert.name == expert_last_label) {
      kind = Kind::last_label;
    } else {
      kind = Kind::line;
      kinds_[i].line = nowhere;
      for (std::size_t line = 0; line < lines_.size(); ++line) {
        if (lines_[line].first != expert.name) continue;
        kinds_[i].line = line;
        release = lines_[line].second;
      }
    }
    const bool asleep = (kind == Kind::line && kinds_[i].line == nowhere) ||
                        (kind == Kind::neighbours && neighbours_.size() == 0) ||
                        (kind == Kind::last_label && !state->last_label);
    if (asleep) kind = Kind::unknown;
    if (!asleep) total += expert.weight;
    text_ += (i == 0 ? "" : ";") + expert.name + " " + to_text(expert.weight) +
             (release.empty() ? "" : " " + release);
  }
  heaviest_decides_ = false;
  for (std::size_t i = 0; i < experts_; ++i) {
    if (kinds_[i].kind == Kind::unknown || !(2 * weights_[i] > total)) continue;
    heaviest_ = i;
    heaviest_decides_ = true;
  }
}

float Mixer::ask(std::size_t expert, const Row& row) {
  switch (kinds_[expert].kind) {
    case Kind::frozen:
      return row.frozen;
    case Kind::live:
      return row.live;
    case Kind::neighbours:
      return neighbours_.predict(row.row, row.frozen_inputs, row.frozen);
    case Kind::last_label:
      return static_cast<float>(*follower_.state()->last_label);
    case Kind::line:
      return row.line_predictions[kinds_[expert].line];
    case Kind::unknown:
      break;
  }
  return silent;
}

float Mixer::mix(const Row& row) {
  if (experts_ == 0) return row.live;
  std::fill(voices_.begin(), voices_.end(), silent);
  if (heaviest_decides_) {
    voices_[heaviest_] = ask(heaviest_, row);
    if (std::isfinite(voices_[heaviest_])) return voices_[heaviest_];
  }
  for (std::size_t i = 0; i < experts_; ++i) {
    const float voice = ask(i, row);
    voices_[i] = std::isfinite(voice) ? voice : silent;
  }
  const float mixed = weighted_median(voices(), weights_);
  return std::isfinite(mixed) ? mixed : row.live;
}

}  // namespace drst
