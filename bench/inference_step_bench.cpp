// The consumer's step (parse 60 numbers of a record, match inputs, two 10-64-32-1 networks, figures, trace,
// commit) beside simdjson alone over the same bytes in the same run. One thread, log in memory. Rates are by
// CPU time of that thread, so that waiting for other work on the machine does not count.
//
//   inference_step_bench [records]
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "inference/consumer.h"
#include "inference/guard.h"
#include "nn/network.h"
#include "nn/onnx.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "stream/record.h"
#include "table/table.h"
#include "telemetry/resources.h"

namespace {

using namespace drst;

constexpr int rounds = 15;  // the best counts: the machine has other work
const std::string topic = "latencyTopic";

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

struct World {
  VirtualClock clock;
  std::shared_ptr<MemoryLogDisk> disk = std::make_shared<MemoryLogDisk>();
  MemoryLog log{disk, clock};
  MemoryStore store;
  std::vector<simdjson::padded_string> texts;
  std::size_t bytes = 0;

  explicit World(int64_t records) {
    const auto columns = ChainSchema().counter_names();
    log.ensure_topic(topic, 3);
    RecordEncoder encoder(columns);
    Random random(1);
    std::vector<double> values(columns.size());
    std::vector<std::vector<NewRecord>> parts(3);
    for (int64_t row = 0; row < records; ++row) {
      for (double& value : values) value = std::floor(std::exp(random.uniform(5, 24)));
      NewRecord record;
      record.value =
          encoder.encode(make_id("bench", row), values, random.uniform(100, 1000), clock.now(), "stage0");
      record.headers = {{std::string(run_id_header), "bench"}};
      texts.emplace_back(record.value);
      bytes += record.value.size();
      parts[static_cast<std::size_t>(row % 3)].push_back(std::move(record));
    }
    for (int p = 0; p < 3; ++p) log.append(topic, p, parts[static_cast<std::size_t>(p)]);
    Registry registry(store, clock);
    for (const uint64_t seed : {2U, 3U}) {
      const auto network = network_of(columns, seed);
      ReleaseInfo info;
      info.family = "mlp";
      info.inputs = network.inputs;
      info.gain_over_baseline = 1;
      const auto release = registry.publish(to_onnx(network), info);
      if (seed == 2)
        registry.set_baseline(release);
      else
        registry.point_to(release, "bench", "");
    }
  }
};

/// Records a second of a fresh consumer over everything on the log.
double consumer_rate(World& world, int64_t batch, int64_t records) {
  InferenceSettings settings;
  settings.batch = batch;
  ModelSlot slot;
  InferenceConsumer consumer(world.log, world.store, world.clock, settings,
                             {.topic = topic, .run_id = "bench"}, slot);
  Guard guard(world.store, world.clock, settings, {}, "infer-0", slot);
  guard.step();
  consumer.step();  // joins, and warms up on one batch
  const auto before = consumer.counts().records;
  const double start = thread_cpu_seconds();
  while (consumer.step() == Step::worked) {
  }
  const double seconds = thread_cpu_seconds() - start;
  const auto done = consumer.counts();
  if (done.predicted != static_cast<uint64_t>(records)) {
    std::fprintf(stderr, "predicted %llu of %lld records\n", static_cast<unsigned long long>(done.predicted),
                 static_cast<long long>(records));
    std::exit(1);
  }
  return static_cast<double>(done.records - before) / seconds;
}

/// simdjson's on-demand parser reads every number of every record; nothing else is done.
double simdjson_rate(World& world) {
  simdjson::ondemand::parser parser;
  double sum = 0;
  const double start = thread_cpu_seconds();
  for (const auto& text : world.texts) {
    auto document = parser.iterate(text);
    for (auto field : document["features"].get_object()) sum += field.value().get_double().value();
    sum += document["label"].get_double().value();
  }
  const double seconds = thread_cpu_seconds() - start;
  if (sum == 0) std::exit(1);
  return static_cast<double>(world.texts.size()) / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t records = argc > 1 ? std::atoll(argv[1]) : 9'000;
  drst::log::set_level(drst::log::Level::warning);
  double parse = 0, one = 0, many = 0;
  std::size_t bytes = 0;
  for (int round = 0; round < rounds; ++round) {
    for (const int64_t batch : {1, 64}) {
      World world(records);  // a trace must not tell the consumer that all is done
      auto& best = batch == 1 ? one : many;
      best = std::max(best, consumer_rate(world, batch, records));
      parse = std::max(parse, simdjson_rate(world));
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
