// The consumer's step (parse 60 numbers of a record, match inputs, two 10-64-32-1 networks, figures, trace,
// commit) beside simdjson alone over the same bytes in the same run. One thread, log in memory.
//
//   inference_step_bench [records]
#include <algorithm>

#include "base/log.h"
#include "inference_world.h"
#include "nn/onnx.h"

namespace {

using namespace drst;

constexpr int rounds = 15;  // the best counts: the machine has other work

Network network_of(const std::vector<std::string>& columns, uint64_t seed) {
  Network network;
  Random random(seed);
  for (int i = 0; i < 10; ++i) {
    network.inputs.push_back(
        columns[random.below(columns.size() / 10) + static_cast<std::size_t>(i) * (columns.size() / 10)]);
    network.impute.push_back(1e6F);
    network.log1p.push_back(0);
    network.shift.push_back(1e6F);
    network.scale.push_back(1e-6F);
  }
  network.layers = make_layers(10, {64, 32}, seed);
  return network;
}

/// Counters of 4 to 11 digits.
bench::Stream wide_numbers(std::size_t records) {
  bench::Stream stream;
  stream.columns = ChainSchema().counter_names();
  Random random(1);
  for (std::size_t i = 0; i < records * stream.columns.size(); ++i)
    stream.values.push_back(std::floor(std::exp(random.uniform(5, 24))));
  stream.log_target.resize(records);
  return stream;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t records = argc > 1 ? static_cast<std::size_t>(std::atoll(argv[1])) : 9'000;
  drst::log::set_level(drst::log::Level::warning);
  const auto stream = wide_numbers(records);
  const auto frozen = network_of(stream.columns, 2);
  const auto live = network_of(stream.columns, 3);
  double parse = 0, one = 0, many = 0;
  std::size_t bytes = 0;
  for (int round = 0; round < rounds; ++round) {
    for (const int64_t batch : {1, 64}) {
      bench::World world(stream, records);  // a trace must not tell the consumer that all is done
      world.registry.set_baseline(world.publish(to_onnx(frozen), frozen.inputs));
      world.registry.point_to(world.publish(to_onnx(live), live.inputs), "bench", "");
      auto& best = batch == 1 ? one : many;
      best = std::max(best, bench::consumer_rate(world, batch));
      parse = std::max(parse, bench::simdjson_rate(world));
      bytes = world.bytes;
    }
  }
  std::printf("consumer step, 60 counters, two 10-64-32-1 networks, %.0f bytes a record, best of %d rounds\n",
              static_cast<double>(bytes) / static_cast<double>(records), rounds);
  std::printf("%-28s %12s %14s\n", "", "records/cpu s", "of simdjson");
  std::printf("%-28s %12.0f %13.2fx\n", "simdjson alone", parse, 1.0);
  std::printf("%-28s %12.0f %13.2fx\n", "consumer step, batch 1", one, one / parse);
  std::printf("%-28s %12.0f %13.2fx\n", "consumer step, batch 64", many, many / parse);
  return 0;
}
