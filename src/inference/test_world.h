// For this room's tests: a log, a store with models, records, and consumers with their guards, all in memory.
#pragma once

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fault.h"
#include "base/random.h"
#include "base/text.h"
#include "inference/consumer.h"
#include "inference/guard.h"
#include "inference/trace.h"
#include "learn/model.h"
#include "nn/network.h"
#include "nn/onnx.h"
#include "registry/registry.h"
#include "store/memory_store.h"
#include "stream/memory_log.h"
#include "stream/record.h"

namespace drst::testing {

inline const std::vector<std::string>& wire_columns() {
  static const std::vector<std::string> columns = {"cycles", "instructions", "misses", "cycles@-1"};
  return columns;
}

/// A small network with random weights; `seed` tells them apart.
inline Network random_network(const std::vector<std::string>& inputs, uint64_t seed, std::size_t hidden = 8) {
  Network network;
  network.inputs = inputs;
  Random random(seed);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    network.impute.push_back(static_cast<float>(random.uniform(10, 90)));
    network.log1p.push_back(static_cast<uint8_t>(i % 2));
    network.shift.push_back(static_cast<float>(random.uniform(1, 50)));
    network.scale.push_back(static_cast<float>(random.uniform(0.01, 0.1)));
  }
  network.layers = make_layers(inputs.size(), {hidden}, seed);
  network.output_scale = 100;
  network.output_shift = 500;
  return network;
}

inline ReleaseInfo release_of(const Network& network, double gain) {
  ReleaseInfo info;
  info.family = "mlp";
  info.target = "output_rate";
  info.inputs = network.inputs;
  info.gain_over_baseline = gain;
  return info;
}

class InferenceWorld {
 public:
  static constexpr int partitions = 3;

  InferenceWorld() {
    log().ensure_topic(topic, partitions);
    const auto network = random_network({"cycles", "misses"}, 1);
    const auto baseline = registry.publish(to_onnx(network), release_of(network, 0));
    registry.set_baseline(baseline);
    first = publish(2, 0.1);
    registry.point_to(first, "test", "offline");
  }

  ReleaseInfo publish(uint64_t seed, double gain,
                      const std::vector<std::string>& inputs = {"instructions", "cycles", "cycles@-1"}) {
    const auto network = random_network(inputs, seed);
    return registry.publish(to_onnx(network), release_of(network, gain));
  }

  /// The values of row r; cells fail to be there now and then.
  static std::vector<double> values_of(int64_t row) {
    Random random(static_cast<uint64_t>(row) + 1000);
    std::vector<double> values;
    for (std::size_t i = 0; i < wire_columns().size(); ++i) values.push_back(random.uniform(0, 100));
    if (row % 7 == 3) values[1] = std::nan("");
    if (row % 5 == 0) values[3] = std::nan("");  // no lag
    return values;
  }
  static double label_of(int64_t row) { return 400 + static_cast<double>(row % 10) * 20; }

  NewRecord record(int64_t row, const std::string& run = "run") {
    RecordEncoder encoder(wire_columns());
    NewRecord made;
    made.value =
        encoder.encode(make_id(run, row), values_of(row),
                       row % 3 == 0 ? std::nullopt : std::optional(label_of(row)), clock.now(), "stage0");
    made.headers = {{std::string(run_id_header), run}};
    made.timestamp = clock.now();
    return made;
  }
  void append(int partition, const NewRecord& made) { log().append(topic, partition, std::span(&made, 1)); }
  /// Rows [begin, end), round-robin.
  void produce(int64_t begin, int64_t end, const std::string& run = "run") {
    for (int64_t row = begin; row < end; ++row) append(static_cast<int>(row % partitions), record(row, run));
  }
  void finish(const std::string& run = "run") {
    for (int p = 0; p < partitions; ++p) append(p, make_sentinel(run, clock.now()));
  }
  TraceSet traces(const std::string& run = "run") { return read_traces(log(), topic, run); }
  std::vector<std::string> dead_letters() {
    std::vector<std::string> keys;
    Batch batch;
    for (int p = 0; p < log().partitions(dead_letter_topic(topic)); ++p) {
      log().read(dead_letter_topic(topic), p, 0, batch, {.max_records = 10'000});
      for (const auto& letter : batch.records()) keys.emplace_back(letter.key);
    }
    return keys;
  }
  MemoryLog& log() {
    if (!outside_log_) outside_log_.emplace(log_disk, clock);
    return *outside_log_;
  }

  VirtualClock clock;
  std::shared_ptr<MemoryLogDisk> log_disk = std::make_shared<MemoryLogDisk>();
  std::shared_ptr<MemoryDisk> store_disk = std::make_shared<MemoryDisk>();
  MemoryStore store{store_disk};
  Registry registry{store, clock};
  ReleaseInfo first;
  std::string topic = "latencyTopic";

 private:
  std::optional<MemoryLog> outside_log_;
};

/// One consumer process: its own handles on the world's disks, which die with it.
class Member {
 public:
  explicit Member(InferenceWorld& world, const std::string& name = "infer-0",
                  InferenceSettings settings = quick(), FaultPoint* faults = nullptr,
                  const std::string& run = "run")
      : log(world.log_disk, world.clock, faults),
        store(world.store_disk, faults),
        consumer(log, store, world.clock, settings, {world.topic, "drst-infer", name, run}, slot),
        guard(store, world.clock, settings, {}, name, slot) {}

  static InferenceSettings quick() {
    InferenceSettings settings;
    settings.batch = 8;
    settings.poll_interval_s = 0;
    settings.dedupe_window = 256;
    return settings;
  }
  /// Guard and consumer in turn until both have nothing to do, or the consumer has left.
  bool run() {
    for (int quiet = 0; quiet < 2;) {
      const Step guarded = guard.step();
      const Step step = consumer.step();
      if (step == Step::done) return true;
      quiet = step == Step::idle && guarded == Step::idle ? quiet + 1 : 0;
    }
    return false;
  }

  ModelSlot slot;
  MemoryLog log;
  MemoryStore store;
  InferenceConsumer consumer;
  Guard guard;
};

/// The prediction of a release for a row, made apart from the consumer.
inline float predict(InferenceWorld& world, const std::string& model_key, int64_t row) {
  const auto model = load_model(*world.store.get(model_key));
  const auto values = InferenceWorld::values_of(row);
  std::vector<float> raw;
  for (const auto& input : model->inputs()) {
    double value = std::nan("");
    for (std::size_t i = 0; i < wire_columns().size(); ++i)
      if (wire_columns()[i] == input) value = values[i];
    if (std::isnan(value) && input == "cycles@-1") value = values[0];
    raw.push_back(static_cast<float>(value));
  }
  float out = 0;
  const auto scratch = model->make_scratch();
  model->predict(raw, 1, std::span(&out, 1), *scratch);
  return out;
}

}  // namespace drst::testing
