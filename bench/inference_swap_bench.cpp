// A swap storm: what a prediction takes while the live release changes every 10 ms, beside the same without
// swaps, in alternating rounds. The real consumer at full speed (batch 1, log in memory) and the real guard
// on a thread of its own, which loads, verifies, warms up, offers and frees; each release is another.
//
//   inference_swap_bench [--brief]
//
// A prediction is one step of the consumer, from poll to commit, in CPU time of its thread: on a machine that
// is shared the wall clock's p99.9 is when the scheduler took the core away. It is given, too.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <ctime>
#include <thread>

#include "base/log.h"
#include "inference_world.h"

namespace {

using namespace drst;
using Instant = std::chrono::steady_clock::time_point;

constexpr auto period = std::chrono::milliseconds(10);

double cpu_us() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) * 1e-3;
}

double quantile(std::vector<double>& values, double q) {
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

struct Round {
  double cpu_p50 = 0, cpu_p999 = 0, wall_p999 = 0;
  double swaps_per_s = 0;
  double swapped_steps = 0;  // share of the steps that a swap falls on
};

struct Case {
  const char* name;
  const bench::Stream& stream;
  std::size_t records;
  std::vector<std::string> releases;  // ONNX; the first is the frozen one, live are the others in turn
  bool kept;                          // models stay in memory, or the guard could not read one in 10 ms
};

Round run(const Case& c, bool storm) {
  bench::World world(c.stream, c.records);
  std::vector<ReleaseInfo> releases;
  for (const auto& onnx : c.releases) releases.push_back(world.publish(onnx, load_model(onnx)->inputs()));
  world.registry.set_baseline(releases[0]);
  world.registry.point_to(releases[1], "bench", "");
  InferenceSettings settings;
  settings.batch = 1;
  settings.poll_interval_s = 0;
  settings.report_records = 1'000'000;
  ModelSlot slot;
  std::vector<std::shared_ptr<const Model>> kept;
  if (c.kept)
    for (std::size_t i = 0; i < releases.size(); ++i)
      kept.push_back(slot.shelf.get(releases[i].sha256, [&] { return load_model(c.releases[i]); }));
  InferenceConsumer consumer(world.log, world.store, world.clock, settings,
                             {.topic = bench::topic, .run_id = "bench"}, slot);
  Guard guard(world.store, world.clock, settings, {}, "infer-0", slot);
  guard.step();
  for (int i = 0; i < 1000; ++i) consumer.step();

  std::atomic<bool> stop{false};
  std::thread guarding([&] {
    auto due = std::chrono::steady_clock::now();
    for (std::size_t i = 2; !stop; ++i) {
      std::this_thread::sleep_until(due += period);
      const auto& next = releases[1 + i % (releases.size() - 1)];
      if (storm) world.store.put("models/latest.txt", to_text(Pointer{next.model_key, next.metrics_key}));
      guard.step();
    }
  });
  std::vector<double> cpu;
  std::vector<double> wall;
  cpu.reserve(c.records);
  wall.reserve(c.records);
  const auto swaps_before = consumer.counts().swaps;
  const Instant begin = std::chrono::steady_clock::now();
  for (;;) {
    const Instant wall_start = std::chrono::steady_clock::now();
    const double start = cpu_us();
    const bool worked = consumer.step() == Step::worked;
    const double end = cpu_us();
    if (!worked) break;
    cpu.push_back(end - start);
    wall.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - wall_start).count());
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  stop = true;
  guarding.join();
  const auto swaps = static_cast<double>(consumer.counts().swaps - swaps_before);
  return {quantile(cpu, 0.5), quantile(cpu, 0.999), quantile(wall, 0.999), swaps / seconds,
          swaps / static_cast<double>(cpu.size())};
}

double median(const std::vector<Round>& rounds, double Round::*figure) {
  std::vector<double> values;
  for (const auto& round : rounds) values.push_back(round.*figure);
  return quantile(values, 0.5);
}

void print(const Case& c, int pairs) {
  std::vector<Round> calm;
  std::vector<Round> storm;
  std::vector<double> ratios;
  for (int i = 0; i < pairs; ++i) {
    calm.push_back(run(c, false));
    storm.push_back(run(c, true));
    ratios.push_back(storm.back().cpu_p999 / calm.back().cpu_p999);
  }
  std::printf("%-22s %8.1f %8.1f %8.1f %8.2f %8.2f %10.1f %10.1f %8.0f %8.2f%%\n", c.name,
              median(calm, &Round::cpu_p50), median(calm, &Round::cpu_p999), median(storm, &Round::cpu_p999),
              median(storm, &Round::cpu_p999) / median(calm, &Round::cpu_p999), quantile(ratios, 0.5),
              median(calm, &Round::wall_p999), median(storm, &Round::wall_p999),
              median(storm, &Round::swaps_per_s), 100 * median(storm, &Round::swapped_steps));
}

std::string network(const std::vector<std::string>& columns, uint64_t seed) {
  const std::vector<std::string> ten(columns.begin(), columns.begin() + 10);
  return make_model(bench::random_network(ten, seed), "mlp")->to_onnx({});
}

}  // namespace

int main(int argc, char** argv) {
  drst::log::set_level(drst::log::Level::error);
  const int pairs = argc > 1 && std::strcmp(argv[1], "--brief") == 0 ? 3 : 11;
  const auto train = bench::make_stream(2000, true, 2);
  const auto short_stream = bench::make_stream(4000, false, 3);
  const auto long_stream = bench::make_stream(4000, true, 4);
  std::vector<std::string> networks;
  std::vector<std::string> mixtures;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    networks.push_back(network(short_stream.columns, seed));
    mixtures.push_back(bench::make_shipped_mixture(train, seed)->to_onnx({}));
  }
  std::printf(
      "us a prediction (CPU time; medians of %d rounds each), p99.9 with a swap each 10 ms and without\n",
      pairs);
  std::printf("%-22s %8s %8s %8s %8s %8s %10s %10s %8s %9s\n", "", "p50", "p99.9", "storm", "ratio",
              "of pairs", "wall p99.9", "wall storm", "swaps/s", "of steps");
  print({"networks 10-64-32-1", short_stream, 60'000, networks, false}, pairs);
  print({"mixtures, in memory", long_stream, 20'000, mixtures, true}, pairs);
  print({"mixtures, read anew", long_stream, 20'000, mixtures, false}, pairs);
  return 0;
}
