// Rows a second of the simulator, alone and written as CSV, beside the bytes a second of formatting alone.
#include <benchmark/benchmark.h>

#include <ostream>
#include <streambuf>

#include "ingest/simulator.h"
#include "ingest/simulator_writer.h"
#include "table/csv.h"

namespace {

class Sink : public std::streambuf {
 public:
  int64_t bytes = 0;

 protected:
  std::streamsize xsputn(const char*, std::streamsize n) override {
    bytes += n;
    return n;
  }
  int overflow(int c) override { return c; }
};

drst::SimulationSpec spec_of(int64_t scenario) {
  drst::SimulationSpec spec;
  spec.scenario = static_cast<drst::Scenario>(scenario);
  return spec;
}

void simulate(benchmark::State& state) {
  drst::Simulator simulator(spec_of(state.range(0)));
  drst::SimulatedSecond second;
  while (state.KeepRunning()) {
    simulator.next(second);
    benchmark::DoNotOptimize(second.values.data());
  }
  state.SetLabel(drst::to_string(static_cast<drst::Scenario>(state.range(0))));
  state.SetItemsProcessed(state.iterations());
}

void simulate_csv(benchmark::State& state) {
  constexpr int64_t kRows = 20'000;
  while (state.KeepRunning()) {
    drst::SimulationSpec spec = spec_of(2);
    spec.rows = kRows;
    drst::Simulator simulator(spec);
    Sink sink;
    std::ostream out(&sink);
    drst::write_simulated_csv(out, simulator);
    state.SetBytesProcessed(state.bytes_processed() + sink.bytes);
  }
  state.SetItemsProcessed(state.iterations() * kRows);
}

/// The yardstick: the same rows formatted, not simulated.
void format_only(benchmark::State& state) {
  drst::Simulator simulator(spec_of(2));
  drst::SimulatedSecond second;
  simulator.next(second);
  std::string text;
  while (state.KeepRunning()) {
    text.clear();
    drst::append_csv_row(text, second.values, std::size_t{0});
    benchmark::DoNotOptimize(text.data());
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(simulate)->DenseRange(0, 3);
BENCHMARK(simulate_csv)->Unit(benchmark::kMillisecond);
BENCHMARK(format_only);

}  // namespace

BENCHMARK_MAIN();
