// One drift evaluation a record: the kept-up-to-date divergence beside the full recomputation of the same
// number, in the same run.
//
//   drift_update_bench [--benchmark_filter=...]
//
// 60 features, 64 bins, a window of 300 records (SPEC 14's case), and the default 16 bins with the window of
// 100 records beside it.
#include <benchmark/benchmark.h>

#include <vector>

#include "base/random.h"
#include "drift/calibration.h"
#include "drift/divergence.h"
#include "drift/split.h"

namespace drst {
namespace {

constexpr std::size_t window = 300;
constexpr std::size_t features = 60;

std::vector<double> rows(std::size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<double> values;
  for (std::size_t i = 0; i < count * features; ++i) values.push_back(1e9 * random.exponential(1));
  return values;
}

void update(benchmark::State& state, std::size_t bins, std::vector<std::size_t> spans) {
  const auto baseline = rows(window, 1);
  const auto stream = rows(1024, 2);
  JsWindow js(baseline, window, features, bins, std::move(spans));
  std::size_t next = 0;
  double sum = 0;
  for (auto _ : state) {
    js.push({stream.data() + next * features, features});
    for (std::size_t voice = 0; voice < js.voices(); ++voice) sum += js.signal(voice);
    next = (next + 1) % 1024;
  }
  benchmark::DoNotOptimize(sum);
}

void full_recomputation(benchmark::State& state) {
  const auto baseline = rows(window, 1);
  const auto stream = rows(window, 2);
  const auto edges = edges_of(baseline, features, 64);
  double sum = 0;
  for (auto _ : state) {
    for (std::size_t f = 0; f < features; ++f) {
      std::vector<uint32_t> a(edges[f].bins());
      std::vector<uint32_t> b(edges[f].bins());
      for (std::size_t r = 0; r < window; ++r) {
        ++a[edges[f].bin(baseline[r * features + f])];
        ++b[edges[f].bin(stream[r * features + f])];
      }
      sum += js_divergence_bits(a, b);
    }
  }
  benchmark::DoNotOptimize(sum);
}

void calibration(benchmark::State& state) {
  const auto baseline = rows(window, 1);
  const BinnedRows binned = bin_rows(baseline, edges_of(baseline, features, 16));
  for (auto _ : state) {
    Random random(1);
    benchmark::DoNotOptimize(bootstrap_null(binned, binned, 100, 25, 400, random));
  }
}

void split_search(benchmark::State& state) {
  const auto values = rows(400, 1);
  for (auto _ : state) benchmark::DoNotOptimize(best_split(values, features, 8, 25, 25));
}

BENCHMARK_CAPTURE(update, one_record_64_bins, 64, {})->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(update, one_record_16_bins_two_windows, 16, {100})->Unit(benchmark::kMicrosecond);
BENCHMARK(full_recomputation)->Unit(benchmark::kMicrosecond);
BENCHMARK(calibration)->Unit(benchmark::kMillisecond);
BENCHMARK(split_search)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace drst

BENCHMARK_MAIN();
