#include "tuning/evidence.h"

#include <algorithm>
#include <cmath>

namespace drst::tuning {
namespace {

double in_range(double difference) { return std::isnan(difference) ? 0 : std::clamp(difference, -1.0, 1.0); }

/// ln(mean(e^x)), without overflow.
template <class Values, class Of>
double log_mean_exp(const Values& values, Of of) {
  double largest = of(values.front());
  for (const auto& value : values) largest = std::max(largest, of(value));
  double sum = 0;
  for (const auto& value : values) sum += std::exp(of(value) - largest);
  return largest + std::log(sum / static_cast<double>(values.size()));
}

}  // namespace

void PairedTest::add(double difference) {
  const double d = in_range(difference);
  for (std::size_t i = 0; i < bets.size(); ++i) log_wealth_[i] += std::log1p(bets[i] * d);
  sum_ += d;
  ++labels_;
}

double PairedTest::log_e() const {
  return log_mean_exp(log_wealth_, [](double w) { return w; });
}

bool PairedTest::rejects(double alpha) const { return log_e() >= -std::log(alpha); }

double PairedTest::mean() const { return labels_ == 0 ? 0 : sum_ / static_cast<double>(labels_); }

void PairedDetector::add(double difference) {
  const double d = in_range(difference);
  for (std::size_t i = 0; i < bets.size(); ++i) {
    Run& run = runs_[i];
    if (run.log_wealth < 0) run = Run{};
    run.log_wealth += std::log1p(bets[i] * d);
    run.sum += d;
    ++run.labels;
  }
}

double PairedDetector::log_e() const {
  return log_mean_exp(runs_, [](const Run& run) { return run.log_wealth; });
}

bool PairedDetector::alarms(double run_labels) const { return log_e() >= std::log(run_labels); }

const PairedDetector::Run& PairedDetector::strongest() const {
  return *std::max_element(runs_.begin(), runs_.end(),
                           [](const Run& a, const Run& b) { return a.log_wealth < b.log_wealth; });
}

uint64_t PairedDetector::labels() const { return strongest().labels; }

double PairedDetector::mean() const {
  const Run& run = strongest();
  return run.labels == 0 ? 0 : run.sum / static_cast<double>(run.labels);
}

}  // namespace drst::tuning
