// The search over each tier's grid beside training every candidate fully, and beside the flops it needs at
// the core's peak.
//
//   tuning_grid_bench [--set tuning.key=value]... [--seeds N] [--brief]
//
// The problem: 300 rows x 10 inputs after a change, the last 60 to validate on. With DRST_DATA, the windows
// of the real contended tables (stage2, dag-1) and a current model trained on the offline table; otherwise a
// made-up function that changes. Times are the best of the windows; "work" is the search's share of the
// exhaustive one's flops; the score ratio is search / exhaustive, its mean and worst over windows and seeds,
// and in how many of them it is above 1.02; "to the end": candidates that train on after the middle heat, a
// search. --brief leaves out what only times.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <numeric>
#include <string>

#include "base/error.h"
#include "base/random.h"
#include "base/text.h"
#include "flops.h"
#include "table/csv.h"
#include "tuning/grid.h"

namespace {

using namespace drst;  // a program of one file

constexpr std::size_t kRows = 300;
constexpr std::size_t kValidation = 60;
constexpr std::size_t kInputs = 10;

/// Rows of raw inputs and truths.
struct Rows {
  std::vector<double> x, y;
  [[nodiscard]] std::size_t size() const { return y.size(); }
};

Rows made_up(std::size_t rows, uint64_t seed, double change) {
  Random random(seed);
  Rows data;
  double level = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    if (r % 46 == 0) level = random.uniform(-1, 1);
    double sum = 3 + level;
    for (std::size_t i = 0; i < kInputs; ++i) {
      data.x.push_back(level + random.normal());
      sum += std::tanh(data.x.back() * (i % 2 == 0 ? 0.8 : -0.5 + change)) + change * data.x.back() * 0.3;
    }
    data.y.push_back(1000 * std::exp(0.3 * sum) + 20 * random.normal());
  }
  return data;
}

/// ln(1 + counter) of the columns most correlated with the target in `choose_by`.
Rows from_table(const Table& table, const std::vector<std::string>& columns) {
  Rows data;
  const auto target = table.column("output_rate");
  for (std::size_t r = 0; r < table.rows(); ++r) {
    if (!(target[r] > 0)) continue;
    for (const auto& name : columns) {
      const double v = table.column(name)[r];
      data.x.push_back(std::isnan(v) ? 0 : std::log1p(std::max(v, 0.0)));
    }
    data.y.push_back(target[r]);
  }
  return data;
}

std::vector<std::string> best_columns(const Table& table) {
  std::vector<std::pair<double, std::string>> ranked;
  const auto y = table.column("output_rate");
  for (const auto& name : table.names()) {
    if (name == "output_rate" || name == "input_rate" || name == "latency") continue;
    const auto x = table.column(name);
    double n = 0, sx = 0, sy = 0, sxx = 0, syy = 0, sxy = 0;
    for (std::size_t r = 0; r < x.size(); ++r) {
      if (std::isnan(x[r]) || std::isnan(y[r])) continue;
      const double l = std::log1p(std::max(x[r], 0.0));
      n += 1, sx += l, sy += y[r], sxx += l * l, syy += y[r] * y[r], sxy += l * y[r];
    }
    const double r = (n * sxy - sx * sy) / std::sqrt((n * sxx - sx * sx) * (n * syy - sy * sy));
    if (std::isfinite(r)) ranked.emplace_back(-std::abs(r), name);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kInputs; ++i) names.push_back(ranked[i].second);
  return names;
}

/// A window made ready for the search.
struct Case {
  std::vector<float> x, z;  // standardised by the training part
  std::vector<double> truth;
  double shift = 0, scale = 1;

  explicit Case(const Rows& rows) : truth(rows.y) {
    const std::size_t train = rows.size() - kValidation;
    const auto moments = [train](const auto& at) {
      double sum = 0, squares = 0;
      for (std::size_t r = 0; r < train; ++r) sum += at(r), squares += at(r) * at(r);
      const double mean = sum / static_cast<double>(train);
      return std::pair(
          mean, std::max(1e-9, std::sqrt(std::max(0.0, squares / static_cast<double>(train) - mean * mean))));
    };
    x.resize(rows.x.size());
    for (std::size_t i = 0; i < kInputs; ++i) {
      const auto [mean, deviation] = moments([&](std::size_t r) { return rows.x[r * kInputs + i]; });
      for (std::size_t r = 0; r < rows.size(); ++r)
        x[r * kInputs + i] =
            static_cast<float>(std::clamp((rows.x[r * kInputs + i] - mean) / deviation, -5.0, 5.0));
    }
    std::tie(shift, scale) = moments([&](std::size_t r) { return rows.y[r]; });
    for (const double y : rows.y) z.push_back(static_cast<float>((y - shift) / scale));
  }
  [[nodiscard]] TrainData train() const {
    const std::size_t rows = truth.size() - kValidation;
    return {std::span(x).first(rows * kInputs), std::span(z).first(rows), {}};
  }
  /// mean(min(e, 1)) of the validation rows, in the target's unit.
  [[nodiscard]] double score(std::span<const float> predictions) const {
    double sum = 0;
    for (std::size_t i = 0; i < kValidation; ++i) {
      const double y = truth[truth.size() - kValidation + i];
      sum += std::min(1.0, std::abs(shift + scale * static_cast<double>(predictions[i]) - y) /
                               std::max(std::abs(y), 1e-6));
    }
    return sum / static_cast<double>(kValidation);
  }
  [[nodiscard]] SearchProblem problem(const std::vector<Dense>& current) const {
    SearchProblem p;
    p.train = train();
    p.validation_x = std::span(x).last(kValidation * kInputs);
    p.score = [this](std::span<const float> predictions) { return score(predictions); };
    p.layers = current;
    return p;
  }
};

std::vector<Dense> current_model(const Rows& offline) {
  const Case data(offline);
  return fit(make_layers(kInputs, {64, 32}, 1), Activation::relu, {}, data.train(),
             std::span(data.x).last(kValidation * kInputs),
             [&](std::span<const float> p) { return data.score(p); }, {.epochs = 40, .patience = 5})
      .layers;
}

std::vector<Rows> windows_of(const Rows& all) {
  std::vector<Rows> windows;
  for (std::size_t first = 0; first + kRows <= all.size(); first += kRows) {
    Rows w;
    const auto at = static_cast<std::ptrdiff_t>(first);
    const auto end = static_cast<std::ptrdiff_t>(first + kRows);
    w.y.assign(all.y.begin() + at, all.y.begin() + end);
    w.x.assign(all.x.begin() + at * static_cast<std::ptrdiff_t>(kInputs),
               all.x.begin() + end * static_cast<std::ptrdiff_t>(kInputs));
    windows.push_back(std::move(w));
  }
  return windows;
}

/// Processor time of this program, milliseconds: on a machine that others use too it says more than the wall.
double cpu_ms() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

double flops(const SearchResult& result, std::size_t rows) {
  double sum = 0;
  for (const auto& c : result.candidates) {
    const auto layers = make_layers(kInputs, c.candidate.hidden, 1);
    const auto batch = static_cast<double>(c.candidate.options.batch);
    sum +=
        static_cast<double>(c.epochs) * std::ceil(static_cast<double>(rows) / batch) *
        bench::step_flops(layers, static_cast<double>(rows) / std::ceil(static_cast<double>(rows) / batch));
  }
  return sum;
}

struct Options {
  GridSettings grid;
  uint64_t seeds = 1;
  bool brief = false;
};

void print_tier(Tier tier, const Options& options, const std::vector<Case>& cases,
                const std::vector<Dense>& current, double peak) {
  GridSettings exhaustive = options.grid;
  for (TierGrid* grid : {&exhaustive.a, &exhaustive.b, &exhaustive.c}) grid->shortlist = 1'000'000;
  double two = 1e9, one = 1e9, cpu = 1e9, all = 1e9, worst = 0, sum = 0, work = 0, share = 0;
  std::size_t count = 0, searches = 0, above = 0, to_the_end = 0;
  const auto middle = options.grid.warm_epochs + options.grid.middle_epochs;
  for (uint64_t seed = 7; seed < 7 + options.seeds; ++seed) {
    for (const auto& c : cases) {
      const auto problem = c.problem(current);
      const auto full = search(problem, tier, exhaustive, seed, 2);
      SearchResult found;
      for (int i = 0; i < (options.brief ? 1 : 3); ++i) {
        const double before = cpu_ms();
        found = search(problem, tier, options.grid, seed, 2);
        cpu = std::min(cpu, cpu_ms() - before);
        two = std::min(two, found.wall_ms);
      }
      if (!options.brief) one = std::min(one, search(problem, tier, options.grid, seed, 1).wall_ms);
      all = std::min(all, full.wall_ms);
      count = found.candidates.size();
      work = flops(found, kRows - kValidation);
      share += work / flops(full, kRows - kValidation);
      const double ratio = found.score / full.score;
      sum += ratio;
      worst = std::max(worst, ratio);
      above += ratio > 1.02 ? 1 : 0;
      for (const auto& result : found.candidates) to_the_end += result.epochs > middle ? 1 : 0;
      ++searches;
    }
  }
  const auto n = static_cast<double>(searches);
  std::printf("%s  %10zu  %9.1f  %8.1f  %8.1f  %8.1f  %13.1f  %5.2f  %10.3f  %5.3f  %7zu/%zu  %10.1f\n",
              to_text(tier).c_str(), count, two, options.brief ? NAN : one, cpu, work / peak * 500, all,
              share / n, sum / n, worst, above, searches, static_cast<double>(to_the_end) / n);
}

Options parse(int argc, char** argv) {
  Options options;
  Settings sections;
  sections.add("tuning", options.grid);
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--brief")
      options.brief = true;
    else if (argument == "--seeds" && i + 1 < argc)
      options.seeds = static_cast<uint64_t>(parse_int(argv[++i]).value_or(1));
    else if (argument == "--set" && i + 1 < argc)
      sections.set(argv[++i]);
    else
      throw InputError("usage: tuning_grid_bench [--set tuning.key=value]... [--seeds N] [--brief]");
  }
  return options;
}

void run(const Options& options) {
  std::vector<Rows> windows;
  Rows offline;
  const char* folder = std::getenv("DRST_DATA");
  const auto perf = std::filesystem::path(folder == nullptr ? "" : folder) / "perf";
  if (std::filesystem::exists(perf / "combined.csv")) {
    const auto base = read_csv(perf / "combined.csv");
    const auto columns = best_columns(base);
    offline = from_table(base, columns);
    for (const auto* file :
         {"resource_stimulus_global_A-B-C_modified.csv", "dag-1_resource_stimulus_global_A-B-C.csv"})
      for (auto& window : windows_of(from_table(read_csv(perf / file), columns)))
        windows.push_back(std::move(window));
    std::printf("real windows: %zu\n", windows.size());
  } else {
    offline = made_up(1500, 1, 0);
    windows = windows_of(made_up(7 * kRows, 2, 0.4));
    std::printf("made-up windows (no DRST_DATA): %zu\n", windows.size());
  }
  const auto current = current_model(offline);
  std::vector<Case> cases;
  cases.reserve(windows.size());
  for (const auto& w : windows) cases.emplace_back(w);
  const double peak = bench::peak_flops();
  std::printf(
      "peak multiply and add of one core: %.1f GFlop/s; bound: the search's flops on two cores at peak\n",
      peak / 1e9);
  std::printf(
      "tier candidates  2 thr ms  1 thr ms    cpu ms  bound ms  exhaustive ms   work  ratio mean  worst  "
      "above "
      "1.02  to the end\n");
  for (const Tier tier : {Tier::A, Tier::B, Tier::C}) print_tier(tier, options, cases, current, peak);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
