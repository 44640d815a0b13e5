// Our detector beside ADWIN, Page-Hinkley, KSWIN and a fixed-threshold divergence: how soon, how often, at
// how many false alarms.
//
//   drift_compare_bench [--brief] [--streams N] [--quiet-rows N] [--only NAME] [--set drift.key=value]
//
// N (30) seeded simulated streams of each kind of change, one change at row 1500 of 3000: every packet dearer
// at once ("abrupt"), by and by over 900 rows ("gradual"), for one VNF only, and measurements that scatter
// more ("variance", level unchanged). False alarms are counted on streams without change. All detectors see
// the same 60 counters, are judged each 10 records, begin anew after an alarm (300 records), and are swept
// over their one threshold; ours over the budget, with a history of 1790 rows. The peers watch each counter
// by itself (scaled by the first 300 records; ADWIN's to 0..1) and raise an alarm when any does. A change is
// found by the first alarm within 1500 rows of it (of its beginning). Last, all are set to the same mean time
// between false alarms, interpolated between the two thresholds around it. --brief: 8 streams of each kind,
// less than a day without change; some minutes instead of most of an hour.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/settings.h"
#include "base/text.h"
#include "drift/detector.h"
#include "drift_peers.h"
#include "ingest/simulator.h"

namespace drst {
namespace {

constexpr std::size_t window = 300;
constexpr int64_t stride = 10;
constexpr int64_t change_row = 1500;
constexpr int64_t stream_rows = 3000;
constexpr int64_t horizon = 1500;
constexpr std::size_t kinds = 4;
constexpr std::array<const char*, kinds> kind_names = {"abrupt", "gradual", "one VNF", "variance"};

struct Stream {
  std::vector<std::string> columns;
  std::vector<double> values;
  [[nodiscard]] std::size_t rows() const { return values.size() / columns.size(); }
  [[nodiscard]] std::span<const double> row(std::size_t r) const {
    return std::span<const double>(values).subspan(r * columns.size(), columns.size());
  }
};

Stream simulate(uint64_t seed, int64_t rows, const std::vector<std::string>& changes) {
  SimulationSpec spec;
  spec.scenario = Scenario::resource_stimulus;
  spec.seed = seed;
  spec.rows = rows;
  for (const auto& change : changes) spec.changes.push_back(parse_change(change));
  Simulator simulator(spec);
  SimulatedSecond second;
  Stream stream;
  const auto kpis = static_cast<std::ptrdiff_t>(ChainSchema{}.kpis.size());
  stream.columns.assign(simulator.columns().begin() + kpis, simulator.columns().end());
  while (simulator.next(second))
    stream.values.insert(stream.values.end(), second.values.begin() + kpis, second.values.end());
  return stream;
}

/// Watches a stream; says after each record whether it raises an alarm. Begins anew by itself.
using Watcher = std::function<bool(int64_t row, std::span<const double> values)>;
struct Candidate {
  std::string name;
  std::vector<double> thresholds;
  /// A watcher of one stream at one threshold.
  std::function<Watcher(double threshold, const std::vector<std::string>& columns, uint64_t seed)> make;
};

/// Values by the mean and spread of the first window since the start; nothing is watched before.
class Scaled {
 public:
  explicit Scaled(std::size_t features) : features_(features) {}
  void start_anew() { rows_.clear(), ready_ = false; }
  /// True when scaled() holds the record.
  bool push(std::span<const double> values) {
    if (!ready_) {
      rows_.insert(rows_.end(), values.begin(), values.end());
      if (rows_.size() < window * features_) return false;
      mean_.assign(features_, 0);
      spread_.assign(features_, 0);
      for (std::size_t f = 0; f < features_; ++f) {
        double n = 0;
        double squares = 0;
        for (std::size_t i = f; i < rows_.size(); i += features_) {
          if (std::isnan(rows_[i])) continue;
          ++n;
          const double off = rows_[i] - mean_[f];
          mean_[f] += off / n;
          squares += off * (rows_[i] - mean_[f]);
        }
        spread_[f] = std::max(std::sqrt(squares / std::max(n, 1.0)), 1e-12);
      }
      ready_ = true;
      return false;
    }
    scaled_.resize(features_);
    for (std::size_t f = 0; f < features_; ++f)
      scaled_[f] = std::isnan(values[f]) ? 0 : std::clamp((values[f] - mean_[f]) / spread_[f], -10.0, 10.0);
    return true;
  }
  [[nodiscard]] const std::vector<double>& scaled() const { return scaled_; }

 private:
  std::size_t features_;
  std::vector<double> rows_, mean_, spread_, scaled_;
  bool ready_ = false;
};

template <class Peer, class Make, class Push>
Watcher each_counter(std::size_t features, const Make& make, const Push& push) {
  struct State {
    Scaled scaled;
    std::vector<Peer> peers;
    bool heard = false;
  };
  auto state = std::make_shared<State>(State{Scaled(features), {}, false});
  return [state, features, make, push](int64_t row, std::span<const double> values) {
    if (!state->scaled.push(values)) return false;
    if (state->peers.empty())
      for (std::size_t f = 0; f < features; ++f) state->peers.push_back(make(f));
    for (std::size_t f = 0; f < features; ++f)
      if (push(state->peers[f], state->scaled.scaled()[f], row)) state->heard = true;
    if (row % stride != stride - 1 || !state->heard) return false;
    state->heard = false;
    state->peers.clear();
    state->scaled.start_anew();
    return true;
  };
}

/// Ours with the first of three tiers at `threshold` hours.
Watcher ours(const DriftSettings& base, double hours, const std::vector<std::string>& columns, uint64_t seed,
             const std::shared_ptr<const DriftHistory>& history) {
  DriftSettings settings = base;
  settings.calibration.budget_hours = {hours, 100 * hours, 1000 * hours};
  auto detector = std::make_shared<DriftDetector>(settings, seed);
  detector->set_history(history);
  return [detector, columns](int64_t row, std::span<const double> values) {
    if (!detector->push(row, columns, values)) return false;
    detector->acknowledge();
    return true;
  };
}

/// The whole window's divergence against the first window, one threshold for all.
Watcher fixed_divergence(double threshold, std::size_t features) {
  struct State {
    std::vector<double> rows;
    std::unique_ptr<JsWindow> js;
  };
  auto state = std::make_shared<State>();
  return [state, threshold, features](int64_t row, std::span<const double> values) {
    if (!state->js) {
      state->rows.insert(state->rows.end(), values.begin(), values.end());
      if (state->rows.size() < window * features) return false;
      state->js = std::make_unique<JsWindow>(state->rows, window, features, 16);
      for (std::size_t r = 0; r < window; ++r) state->js->push_binned(state->js->baseline().row(r));
      state->rows.clear();
      return false;
    }
    state->js->push(values);
    if (row % stride != stride - 1 || state->js->signal() < threshold) return false;
    state->js.reset();
    return true;
  };
}

struct Point {
  double threshold = 0, hours_between = 0;
  std::array<double, kinds> found{}, delay{};
};

/// Between points, on the logarithm of the time between false alarms.
Point at_equal(std::vector<Point> points, double hours) {
  std::sort(points.begin(), points.end(),
            [](const auto& a, const auto& b) { return a.hours_between < b.hours_between; });
  const auto above =
      std::find_if(points.begin(), points.end(), [&](const auto& p) { return p.hours_between >= hours; });
  if (above == points.end()) return {};
  if (above == points.begin()) return *above;
  const Point& low = *(above - 1);
  const double share =
      std::log(hours / low.hours_between) / std::log(above->hours_between / low.hours_between);
  Point point;
  point.hours_between = hours;
  for (std::size_t k = 0; k < kinds; ++k) {
    point.found[k] = (1 - share) * low.found[k] + share * above->found[k];
    point.delay[k] = (1 - share) * low.delay[k] + share * above->delay[k];
  }
  return point;
}

void print(const std::string& name, const std::string& threshold, const Point& point) {
  std::printf("| %s | %s | %.1f ", name.c_str(), threshold.c_str(), point.hours_between);
  for (std::size_t k = 0; k < kinds; ++k) {
    if (point.found[k] > 0)
      std::printf("| %.2f, %.0f ", point.found[k], point.delay[k]);
    else
      std::printf("| 0.00, - ");
  }
  std::printf("|\n");
  std::fflush(stdout);
}

void header(const char* first) {
  std::printf("\n| %s | threshold | hours between false alarms ", first);
  for (const char* kind : kind_names) std::printf("| %s ", kind);
  std::printf("|\n|---|--:|--:|--:|--:|--:|--:|\n");
}

int run(int argc, char** argv) {
  uint64_t streams = 30;
  int64_t quiet_rows = 20'000;
  uint64_t quiet_streams = 20;
  std::string only;
  DriftSettings settings;
  Settings all;
  all.add("drift", settings);
  for (int i = 1; i < argc; i += 2) {
    const std::string argument = argv[i];
    if (argument == "--brief") {
      streams = 8;
      quiet_rows = 10'000;
      quiet_streams = 6;
      --i;
      continue;
    }
    if (i + 1 == argc) throw InputError(argument + " needs a value");
    if (argument == "--streams")
      streams = std::stoul(argv[i + 1]);
    else if (argument == "--quiet-rows")
      quiet_rows = std::stol(argv[i + 1]);
    else if (argument == "--only")
      only = argv[i + 1];
    else if (argument == "--set")
      all.set(argv[i + 1]);
    else
      throw InputError("unknown argument " + argument + "; see the head of bench/drift_compare_bench.cpp");
  }
  std::vector<std::vector<Stream>> changed(kinds);
  const std::array<std::vector<std::string>, kinds> what = {
      std::vector<std::string>{"cost@1500*1.1"}, std::vector<std::string>{"cost@1500-2400*1.15"},
      std::vector<std::string>{"cost/bridge@1500*1.4"}, std::vector<std::string>{"noise@1500*2"}};
  for (std::size_t k = 0; k < kinds; ++k)
    for (uint64_t seed = 1; seed <= streams; ++seed)
      changed[k].push_back(simulate(1000 * (k + 1) + seed, stream_rows, what[k]));
  std::vector<Stream> quiet;
  for (uint64_t seed = 1; seed <= quiet_streams; ++seed) quiet.push_back(simulate(seed, quiet_rows, {}));
  const std::vector<std::string> columns = quiet[0].columns;
  const std::size_t features = columns.size();

  auto history = std::make_shared<DriftHistory>();
  {
    SimulationSpec spec;
    spec.scenario = Scenario::resource_stimulus;
    spec.seed = 77;
    spec.rows = 1790;
    *history = history_of(simulate_table(spec), ChainSchema{}.kpis);
  }
  const std::vector<Candidate> candidates = {
      {"ours, by budget in hours",
       {0.5, 1, 3, 6, 24, 72},
       [&](double t, const auto& names, uint64_t seed) { return ours(settings, t, names, seed, history); }},
      {"fixed divergence, bits",
       {0.12, 0.14, 0.16, 0.18, 0.20, 0.24, 0.28},
       [&](double t, const auto&, uint64_t) { return fixed_divergence(t, features); }},
      {"ADWIN, delta",
       {1e-3, 1e-6, 1e-9, 1e-12, 1e-18, 1e-27, 1e-40},
       [&](double t, const auto&, uint64_t) {
         return each_counter<peers::Adwin>(
             features, [t](std::size_t) { return peers::Adwin(t); },
             [](peers::Adwin& peer, double x, int64_t) { return peer.push((x + 10) / 20); });
       }},
      {"Page-Hinkley, threshold",
       {50, 100, 200, 300, 500, 800, 1500},
       [&](double t, const auto&, uint64_t) {
         return each_counter<peers::PageHinkley>(
             features, [t](std::size_t) { return peers::PageHinkley(t); },
             [](peers::PageHinkley& peer, double x, int64_t) { return peer.push(x); });
       }},
      {"KSWIN, statistic of 100 in 300",
       {0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8},
       [&](double t, const auto&, uint64_t seed) {
         return each_counter<peers::Kswin>(
             features, [seed](std::size_t f) { return peers::Kswin(300, 100, Random(seed).fork(f)); },
             [t](peers::Kswin& peer, double x, int64_t row) {
               peer.add(x);
               return row % stride == stride - 1 && peer.full() && peer.statistic() >= t;
             });
       }},
  };
  std::printf("%llu streams of each kind; %.1f days without change; share found, mean delay in rows\n",
              static_cast<unsigned long long>(streams),
              static_cast<double>(quiet_streams) * static_cast<double>(quiet_rows) / 86'400);
  header("detector");
  std::vector<std::pair<std::string, std::vector<Point>>> curves;
  for (const auto& candidate : candidates) {
    if (candidate.name.find(only) == std::string::npos) continue;
    auto& curve = curves.emplace_back(candidate.name, std::vector<Point>()).second;
    for (const double threshold : candidate.thresholds) {
      Point point;
      point.threshold = threshold;
      std::size_t alarms = 0;
      for (std::size_t s = 0; s < quiet.size(); ++s) {
        const Watcher watch = candidate.make(threshold, columns, s + 1);
        for (std::size_t r = 0; r < quiet[s].rows(); ++r)
          if (watch(static_cast<int64_t>(r), quiet[s].row(r))) ++alarms;
      }
      point.hours_between = static_cast<double>(quiet_streams) * static_cast<double>(quiet_rows) / 3600 /
                            static_cast<double>(std::max<std::size_t>(alarms, 1));
      for (std::size_t k = 0; k < kinds; ++k) {
        std::size_t found = 0;
        double delays = 0;
        for (std::size_t s = 0; s < changed[k].size(); ++s) {
          const Watcher watch = candidate.make(threshold, columns, 100 + s);
          for (std::size_t r = 0; r < changed[k][s].rows(); ++r) {
            const auto row = static_cast<int64_t>(r);
            if (!watch(row, changed[k][s].row(r)) || row < change_row) continue;
            if (row < change_row + horizon) {
              ++found;
              delays += static_cast<double>(row - change_row);
            }
            break;
          }
        }
        point.found[k] = static_cast<double>(found) / static_cast<double>(changed[k].size());
        point.delay[k] = found > 0 ? delays / static_cast<double>(found) : 0;
      }
      print(candidate.name, to_text(threshold), point);
      curve.push_back(point);
    }
  }
  for (const double hours : {1.0, 6.0, 24.0}) {
    header(("at " + to_text(hours) + " h between false alarms").c_str());
    for (const auto& [name, curve] : curves) {
      const Point point = at_equal(curve, hours);
      if (point.hours_between > 0)
        print(name, "between", point);
      else
        std::printf("| %s | not reached | | | | | |\n", name.c_str());
    }
  }
  return 0;
}

}  // namespace
}  // namespace drst

int main(int argc, char** argv) {
  try {
    return drst::run(argc, argv);
  } catch (const drst::Error& error) {
    std::fprintf(stderr, "drift_compare_bench: %s\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}
