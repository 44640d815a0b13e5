// For the benches of this room: records on a log in memory, releases in a store in memory, and a consumer's
// rate over them beside simdjson alone over the same bytes. Rates are by CPU time of the thread, so that
// waiting for other work on the machine does not count.
#pragma once

#include <simdjson.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "inference/consumer.h"
#include "inference/guard.h"
#include "learn/model.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "stream/record.h"
#include "table/table.h"
#include "telemetry/resources.h"
#include "trees/extra_trees.h"

namespace drst::bench {

inline const std::string topic = "latencyTopic";

/// Rows of one run, by column, and ln of what is to be predicted from them.
struct Stream {
  std::vector<std::string> columns;
  std::vector<double> values;  // rows x columns
  std::vector<float> log_target;
  [[nodiscard]] std::size_t rows() const { return log_target.size(); }
  [[nodiscard]] std::span<const double> row(std::size_t r) const {
    return std::span(values).subspan(r * columns.size(), columns.size());
  }
};

/// The counters of a chain, which follow four hidden loads; `lags`: each one's value of the row before, too.
inline Stream make_stream(std::size_t rows, bool lags, uint64_t seed) {
  Random random(seed);
  Stream stream;
  stream.columns = ChainSchema().counter_names();
  const std::size_t counters = stream.columns.size();
  if (lags)
    for (std::size_t i = 0; i < counters; ++i)
      stream.columns.push_back(stream.columns[i] + std::string(lag_suffix));
  std::vector<double> scale;
  std::vector<double> slope;
  Random fixed(1);
  for (std::size_t i = 0; i < counters; ++i) {
    scale.push_back(fixed.uniform(5, 20));
    slope.push_back(fixed.uniform(0.1, 1.5));
  }
  std::vector<double> now(counters, 1e6);
  for (std::size_t r = 0; r < rows; ++r) {
    double load[4];
    for (double& l : load) l = random.uniform(-1, 1);
    const auto before = now;
    for (std::size_t i = 0; i < counters; ++i)
      now[i] = std::round(std::exp(scale[i] + slope[i] * load[i % 4] + 0.2 * random.normal()));
    stream.values.insert(stream.values.end(), now.begin(), now.end());
    if (lags) stream.values.insert(stream.values.end(), before.begin(), before.end());
    stream.log_target.push_back(
        static_cast<float>(6 + load[0] - 0.5 * std::max(load[1], load[2]) + 0.05 * random.normal()));
  }
  return stream;
}

/// A network over these inputs as training makes them: logarithms, scaled, clipped. What its weights are is
/// nothing to its speed.
inline Network random_network(const std::vector<std::string>& inputs, uint64_t seed) {
  Network network;
  network.inputs = inputs;
  const std::size_t n = inputs.size();
  network.impute.assign(n, 1e6F);
  network.log1p.assign(n, 1);
  network.log_factor.assign(n, 1e-6F);
  network.shift.assign(n, 0);
  network.scale.assign(n, 0.5F);
  network.low.assign(n, -3);
  network.high.assign(n, 3);
  network.layers = make_layers(n, {64, 32}, seed);
  network.output_scale = 0.1F;
  network.output_shift = 6;
  network.exponential = network.non_negative = true;
  return network;
}

/// Trees of the size that refits have: 200 of them, fitted on this stream.
inline std::shared_ptr<const Model> fit_trees(const Stream& stream, uint64_t seed) {
  const std::vector<float> x(stream.values.begin(), stream.values.end());
  ExtraTreesOptions options;
  options.seed = seed;
  auto ensemble = fit_extra_trees({stream.columns, {}, {}, x, stream.log_target, {}}, options);
  ensemble.exponential = ensemble.non_negative = true;
  return make_model(std::move(ensemble), "extra_trees");
}

/// The mixture as shipped: five networks and trees, half of the weight each.
inline std::unique_ptr<Model> make_shipped_mixture(const Stream& stream, uint64_t seed) {
  std::vector<MixtureMember> members;
  for (uint64_t k = 0; k < 5; ++k)
    members.push_back({make_model(random_network(stream.columns, 10 * seed + k), "mlp"), 0.1F});
  members.push_back({fit_trees(stream, seed), 0.5F});
  return make_mixture(std::move(members), true, "mixture");
}

struct World {
  VirtualClock clock;
  std::shared_ptr<MemoryLogDisk> disk = std::make_shared<MemoryLogDisk>();
  MemoryLog log{disk, clock};
  MemoryStore store;
  Registry registry{store, clock};
  std::vector<simdjson::padded_string> texts;
  std::size_t bytes = 0;

  explicit World(const Stream& stream, std::size_t records) {
    log.ensure_topic(topic, 3);
    RecordEncoder encoder(stream.columns);
    std::vector<std::vector<NewRecord>> parts(3);
    for (std::size_t row = 0; row < records; ++row) {
      NewRecord record;
      record.value =
          encoder.encode(make_id("bench", static_cast<int64_t>(row)), stream.row(row % stream.rows()),
                         400 + static_cast<double>(row % 97), clock.now(), "stage0");
      record.headers = {{std::string(run_id_header), "bench"}};
      texts.emplace_back(record.value);
      bytes += record.value.size();
      parts[row % 3].push_back(std::move(record));
    }
    for (int p = 0; p < 3; ++p) log.append(topic, p, parts[static_cast<std::size_t>(p)]);
  }

  ReleaseInfo publish(const std::string& onnx, const std::vector<std::string>& inputs) {
    ReleaseInfo info;
    info.family = "bench";
    info.inputs = inputs;
    info.gain_over_baseline = 1;
    return registry.publish(onnx, info);
  }
  void serve(const std::string& frozen, const std::string& live, const std::vector<std::string>& inputs) {
    registry.set_baseline(publish(frozen, inputs));
    registry.point_to(publish(live, inputs), "bench", "");
  }
};

/// Records a second of a fresh consumer over everything on the log.
inline double consumer_rate(World& world, int64_t batch) {
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
  if (done.predicted != world.texts.size()) {
    std::fprintf(stderr, "predicted %llu of %zu records\n", static_cast<unsigned long long>(done.predicted),
                 world.texts.size());
    std::exit(1);
  }
  return static_cast<double>(done.records - before) / seconds;
}

/// simdjson's on-demand parser reads every number of every record; nothing else is done.
inline double simdjson_rate(World& world) {
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

}  // namespace drst::bench
