#include "drift/error_voice.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace drst {

namespace {
// Shares of the largest bet 1/m: small ones hear small growth, large ones hear large growth soon.
constexpr std::array<double, 6> shares = {0.02, 0.05, 0.1, 0.2, 0.4, 0.8};
// Means at 0 would allow endless bets: one lost bet of them says enough.
constexpr double least_bound = 0.01;
}  // namespace

ErrorVoice::ErrorVoice(const ErrorVoiceSettings& settings) : settings_(settings) {
  if (settings.reference < 2 || settings.block < 1 || !(settings.risk > 0 && settings.risk < 1) ||
      !(settings.budget_losses >= 2))
    throw InputError(
        "drift: the error voice needs a reference of at least 2 blocks, blocks of at least 1 loss, a risk "
        "between "
        "0 and 1, and a budget of at least 2 losses");
}

void ErrorVoice::start_anew() {
  block_sum_ = 0;
  block_size_ = 0;
  seen_ = 0;
  mean_ = squares_ = bound_ = 0;
  evidence_.fill(0);
  stretch_.fill(0);
}

std::optional<ErrorAlarm> ErrorVoice::push(double loss, int64_t row) {
  if (std::isnan(loss)) {
    ++left_out_;
    return std::nullopt;
  }
  if (block_size_ == 0) block_row_ = row;
  block_sum_ += std::clamp(loss, 0.0, 1.0);
  if (++block_size_ < settings_.block) return std::nullopt;
  const double mean = block_sum_ / static_cast<double>(settings_.block);
  block_sum_ = 0;
  block_size_ = 0;
  if (watching()) return take(mean, row);
  learn(mean);
  return std::nullopt;
}

void ErrorVoice::learn(double mean) {
  ++seen_;
  const double off = mean - mean_;
  mean_ += off / static_cast<double>(seen_);
  squares_ += off * (mean - mean_);
  if (!watching()) return;
  const auto n = static_cast<double>(seen_);
  const double sure = std::log(2 / settings_.risk);
  const double variance = squares_ / (n - 1);
  bound_ =
      std::clamp(mean_ + std::sqrt(2 * variance * sure / n) + 7 * sure / (3 * (n - 1)), least_bound, 1.0);
}

std::optional<ErrorAlarm> ErrorVoice::take(double mean, int64_t row) {
  std::size_t strongest = 0;
  for (std::size_t b = 0; b < bets; ++b) {
    const double factor = 1 + shares[b] / bound_ * (mean - bound_);
    evidence_[b] = (evidence_[b] + 1) * factor;
    if (stretch_[b] <= 0) {
      begin_[b] = block_row_;
      sum_[b] = 0;
      count_[b] = 0;
    }
    stretch_[b] = std::max(0.0, stretch_[b] + std::log(factor));
    sum_[b] += mean;
    ++count_[b];
    if (stretch_[b] > stretch_[strongest]) strongest = b;
  }
  const double evidence = std::accumulate(evidence_.begin(), evidence_.end(), 0.0) / bets;
  // A budget of N losses is one of N / block blocks.
  if (evidence < settings_.budget_losses / static_cast<double>(settings_.block)) return std::nullopt;
  ErrorAlarm alarm;
  alarm.row = row;
  alarm.since = begin_[strongest];
  alarm.usual_bound = bound_;
  alarm.mean_since = sum_[strongest] / static_cast<double>(count_[strongest]);
  alarm.evidence = evidence;
  start_anew();
  return alarm;
}

void ErrorVoice::save(StateWriter& out) const {
  out.number(block_row_);
  out.number(left_out_);
  out.number(block_sum_);
  out.number(block_size_);
  out.number(seen_);
  for (const double value : {mean_, squares_, bound_}) out.number(value);
  for (std::size_t b = 0; b < bets; ++b) {
    for (const double value : {evidence_[b], stretch_[b], sum_[b]}) out.number(value);
    for (const int64_t value : {begin_[b], count_[b]}) out.number(value);
  }
}

void ErrorVoice::restore(StateReader& in) {
  block_row_ = in.number<int64_t>();
  left_out_ = in.number<uint64_t>();
  block_sum_ = in.number<double>();
  block_size_ = in.number<int64_t>();
  seen_ = in.number<int64_t>();
  for (double* value : {&mean_, &squares_, &bound_}) *value = in.number<double>();
  for (std::size_t b = 0; b < bets; ++b) {
    for (double* value : {&evidence_[b], &stretch_[b], &sum_[b]}) *value = in.number<double>();
    for (int64_t* value : {&begin_[b], &count_[b]}) *value = in.number<int64_t>();
  }
  if (seen_ < 0 || seen_ > settings_.reference || block_size_ < 0 || block_size_ >= settings_.block ||
      (watching() && !(bound_ >= least_bound && bound_ <= 1)))
    in.refuse("contradicts itself");
}

}  // namespace drst
