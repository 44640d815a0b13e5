#include "drift/run_length.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace drst {

namespace {

constexpr std::size_t replicates = 8;
constexpr std::size_t baselines_each = 8;  // pseudo-baselines a replicate
constexpr std::size_t least_events = 25;   // alarms that a mean time between them is taken from directly
constexpr double tail_share = 0.02;        // of a voice's signals, taken as exponential
constexpr double least_threshold = 1e-6;   // bits: where nothing ever varied, no change at all is no drift
constexpr double most_raise = 4;           // of the mean time between alarms, for what is not known
constexpr double silent = -1;              // a voice whose window is not full

/// The signals of runs of the detector over pseudo-streams, and what level they pass how often.
class Runs {
 public:
  Runs(const RunLengthTask& task, std::size_t voices) : task_(task), voices_(voices) {
    longest_ = task.window;
    for (const std::size_t span : task.spans) longest_ = std::max(longest_, span);
  }

  template <class Push>
  void add(std::size_t replicate, JsWindow& js, std::size_t length, const Push& push) {
    Run run{replicate, signals_.size() / voices_, 0};
    for (std::size_t i = 1; i <= length; ++i) {
      push();
      if (i % task_.stride != 0) continue;
      for (std::size_t v = 0; v < voices_; ++v)
        signals_.push_back(static_cast<float>(js.full(v) ? js.signal(v) : silent));
    }
    run.end = signals_.size() / voices_;
    runs_.push_back(run);
  }

  BudgetThresholds solve() {
    BudgetThresholds found;
    scale();
    found.voices.resize(voices_);
    found.errors.resize(voices_);
    for (const Scale& voice : scales_) found.medians.push_back(voice.at(0.5));
    auto [all, scale_of_excess] = levels([](const Run&) { return true; });
    std::array<std::array<double, 3>, replicates> each{};
    for (std::size_t r = 0; r < replicates; ++r)
      each[r] = levels([r](const Run& run) { return run.replicate == r; }).first;
    for (std::size_t tier = 0; tier < all.size(); ++tier) all[tier] += allowance(each, tier, scale_of_excess);
    for (std::size_t v = 0; v < voices_; ++v)
      for (std::size_t tier = 0; tier < all.size(); ++tier) {
        found.voices[v][tier] = std::clamp(scales_[v].signal(all[tier]), least_threshold, 1.0);
        double mean = 0;
        double square = 0;
        for (const auto& own : each) {
          const double threshold = scales_[v].signal(own[tier]);
          mean += threshold / replicates;
          square += threshold * threshold / replicates;
        }
        found.errors[v][tier] = std::sqrt(std::max(0.0, square - mean * mean));
      }
    return found;
  }

 private:
  struct Run {
    std::size_t replicate, begin, end;  // evaluations
  };

  /// A voice's signal while nothing changes: empirical, and above its 0.98 quantile exponential.
  struct Scale {
    std::vector<float> sorted;
    double start = 0;  // that quantile
    double spread = 1e-6;
    /// -ln of the probability to be exceeded.
    [[nodiscard]] double level(float signal) const {
      if (signal > start) return -std::log(tail_share) + (static_cast<double>(signal) - start) / spread;
      const auto above = sorted.end() - std::lower_bound(sorted.begin(), sorted.end(), signal);
      return std::log(static_cast<double>(sorted.size()) / static_cast<double>(above));
    }
    [[nodiscard]] double signal(double level) const {
      if (sorted.empty()) return 1;
      const double beyond = level + std::log(tail_share);
      if (beyond > 0) return start + beyond * spread;
      return at(1 - std::exp(-std::max(level, 0.0)));
    }
    [[nodiscard]] double at(double q) const {
      return sorted.empty() ? 0
                            : sorted[static_cast<std::size_t>(q * static_cast<double>(sorted.size() - 1))];
    }
    void settle() {
      std::sort(sorted.begin(), sorted.end());
      start = at(1 - tail_share);
      double sum = 0;
      std::size_t above = 0;
      for (auto it = sorted.rbegin(); it != sorted.rend() && *it > start; ++it, ++above)
        sum += static_cast<double>(*it) - start;
      if (above > 0) spread = std::max(spread, sum / static_cast<double>(above));
    }
  };

  void scale() {
    scales_.resize(voices_);
    for (std::size_t v = 0; v < voices_; ++v) {
      for (std::size_t i = v; i < signals_.size(); i += voices_)
        if (signals_[i] >= 0) scales_[v].sorted.push_back(signals_[i]);
      scales_[v].settle();
    }
    loudest_.resize(signals_.size() / voices_);
    for (std::size_t i = 0; i < loudest_.size(); ++i) {
      double loudest = 0;
      for (std::size_t v = 0; v < voices_; ++v)
        if (const float s = signals_[i * voices_ + v]; s >= 0)
          loudest = std::max(loudest, scales_[v].level(s));
      loudest_[i] = static_cast<float>(loudest);
    }
  }

  struct Count {
    std::size_t alarms = 0;
    double rows = 0;    // watched in all: windows refill after an alarm
    double excess = 0;  // of the alarms' loudest evaluations over the level, mean
  };
  template <class Which>
  Count count(double level, const Which& which) const {
    Count c;
    const std::size_t skip = (longest_ + task_.stride - 1) / task_.stride;
    std::size_t watched = 0;
    for (const Run& run : runs_) {
      if (!which(run)) continue;
      for (std::size_t i = run.begin; i < run.end; ++i, ++watched) {
        if (loudest_[i] < static_cast<float>(level)) continue;
        ++c.alarms;
        float top = loudest_[i];
        const std::size_t until = std::min(run.end, i + skip);
        for (; i + 1 < until; ++i) top = std::max(top, loudest_[i + 1]);
        c.excess += static_cast<double>(top) - level;
      }
    }
    c.rows = static_cast<double>(watched * task_.stride);
    if (c.alarms > 0) c.excess /= static_cast<double>(c.alarms);
    return c;
  }

  /// A level that is wrong by x passes exp(-x / excess) times as many alarms, so the mean rate over levels
  /// with a standard error S is exp(S^2 / (2 excess^2)) times that of the level in the middle.
  static double allowance(const std::array<std::array<double, 3>, replicates>& each, std::size_t tier,
                          double excess) {
    if (!(excess > 0)) return 0;
    double mean = 0;
    double square = 0;
    for (const auto& own : each) {
      mean += own[tier] / replicates;
      square += own[tier] * own[tier] / replicates;
    }
    return std::min(std::max(0.0, square - mean * mean) / (2 * excess), excess * std::log(most_raise));
  }

  /// The levels of the three budgets, and the mean excess over them.
  template <class Which>
  std::pair<std::array<double, 3>, double> levels(const Which& which) const {
    float lowest = std::numeric_limits<float>::max();
    float highest = std::numeric_limits<float>::lowest();
    for (const Run& run : runs_)
      if (which(run))
        for (std::size_t i = run.begin; i < run.end; ++i) {
          if (std::isinf(loudest_[i])) continue;
          lowest = std::min(lowest, loudest_[i]);
          highest = std::max(highest, loudest_[i]);
        }
    if (lowest > highest) return {};
    // The highest level that `fine` holds below of.
    const auto last = [&](const auto& fine) {
      double low = lowest;
      double high = static_cast<double>(highest) + 1e-6;
      for (int step = 0; step < 24; ++step) {
        const double middle = (low + high) / 2;
        (fine(count(middle, which)) ? low : high) = middle;
      }
      return low;
    };
    const std::size_t most = count(lowest, which).alarms;
    const std::size_t enough = std::max<std::size_t>(1, std::min(least_events, most / 3));
    const double start = last([&](const Count& c) { return c.alarms >= enough; });
    const Count there = count(start, which);
    const double mean = there.rows / static_cast<double>(std::max<std::size_t>(there.alarms, 1));
    std::array<double, 3> found{};
    for (std::size_t tier = 0; tier < found.size(); ++tier) {
      // A fresh baseline takes a window to fill; that much of the budget nothing is watched.
      const double wanted = std::max(task_.budget_rows[tier] - static_cast<double>(task_.window),
                                     static_cast<double>(task_.stride));
      found[tier] =
          wanted > mean
              ? start + there.excess * std::log(wanted / mean)
              : last([&](const Count& c) { return c.rows < wanted * static_cast<double>(c.alarms); });
    }
    return {found, there.excess};
  }

  const RunLengthTask& task_;
  std::size_t voices_;
  std::size_t longest_ = 0;
  std::vector<float> signals_;  // evaluations x voices
  std::vector<float> loudest_;  // an evaluation, on the common scale
  std::vector<Scale> scales_;
  std::vector<Run> runs_;
};

void start_with_baseline(JsWindow& js) {
  js.clear_window();
  for (std::size_t r = 0; r < js.window(); ++r) js.push_binned(js.baseline().row(r));
}

}  // namespace

BudgetThresholds budget_thresholds(const JsWindow& frozen, const BinnedRows& rows, const Pieces& pieces,
                                   const RunLengthTask& task, Random random) {
  Runs runs(task, frozen.voices());
  JsWindow js = frozen;
  for (std::size_t r = 0; r < replicates; ++r) {
    PieceStream stream = PieceStream::halves(pieces, random.fork(r)).first;
    start_with_baseline(js);
    runs.add(r, js, task.rows / replicates, [&] { js.push_binned(rows.row(stream.next())); });
  }
  return runs.solve();
}

BudgetThresholds budget_thresholds(const DriftHistory& history, const Pieces& pieces,
                                   const RunLengthTask& task, Random random) {
  Runs runs(task, 1 + task.spans.size());
  const std::size_t features = history.columns.size();
  const std::span<const double> values(history.values);
  std::vector<double> baseline;
  for (std::size_t r = 0; r < replicates; ++r) {
    auto [first, second] = PieceStream::halves(pieces, random.fork(r));
    for (std::size_t b = 0; b < baselines_each; ++b) {
      baseline.clear();
      for (std::size_t i = 0; i < task.window; ++i) {
        const auto row = values.subspan(first.next() * features, features);
        baseline.insert(baseline.end(), row.begin(), row.end());
      }
      JsWindow js(baseline, task.window, features, task.bins, task.spans);
      start_with_baseline(js);
      const std::size_t length = task.rows / (replicates * baselines_each);
      runs.add(r, js, length,
               [&, &second = second] { js.push(values.subspan(second.next() * features, features)); });
    }
  }
  return runs.solve();
}

}  // namespace drst
