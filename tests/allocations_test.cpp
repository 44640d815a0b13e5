// From the bytes of a record to its prediction the consumer takes no memory once it is warm: every operator
// new of this program is counted, from a poll of the embedded log to the trace's bytes; what follows, the
// log's two transactions a batch (append, commit), is not. With networks alone, and with all experts of a
// mixture: a line's release, the neighbours, the last label.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "base/files.h"
#include "inference/consumer.h"
#include "inference/guard.h"
#include "inference/test_world.h"
#include "simulation/decorators.h"
#include "stream/embedded_log.h"
#include "stream/experts.h"
#include "trees/ensemble.h"

namespace {
std::atomic<uint64_t> allocations{0};
std::atomic<bool> paused{false};

void* counted(std::size_t size, std::size_t alignment) {
  if (!paused) ++allocations;
  void* p = alignment <= alignof(std::max_align_t)
                ? std::malloc(size)
                : std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

void* operator new(std::size_t size) { return counted(size, 0); }
void* operator new[](std::size_t size) { return counted(size, 0); }
void* operator new(std::size_t size, std::align_val_t a) {
  return counted(size, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t size, std::align_val_t a) {
  return counted(size, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

namespace drst {
namespace {

using testing::InferenceWorld;

const std::vector<std::string> inputs = {"cycles", "instructions", "cycles@-1"};

/// A tree of one split, behind which either leaf is positive.
std::shared_ptr<const Model> small_trees() {
  TreeEnsemble ensemble;
  ensemble.inputs = inputs;
  ensemble.impute = {50, 50, 50};
  ensemble.trees = {0};
  ensemble.nodes = {{50, 0, 2}, {5, 3, 1}, {6, 3, 2}};
  ensemble.exponential = true;
  return make_model(std::move(ensemble), "extra_trees");
}

std::unique_ptr<Model> small_mixture(uint64_t seed) {
  auto network = testing::random_network(inputs, seed);
  network.exponential = true;
  network.output_scale = 0.1F;
  network.output_shift = 5;
  return make_mixture({{make_model(network, "mlp"), 1}, {small_trees(), 1}}, true, "mixture");
}

struct Pause {
  Pause() { paused = true; }
  ~Pause() { paused = false; }
};

/// A log that counts nothing while it writes.
class QuietConsumer final : public testing::ForwardingConsumer {
 public:
  using ForwardingConsumer::ForwardingConsumer;
  bool commit(int partition, int64_t next_offset) override {
    const Pause pause;
    return ForwardingConsumer::commit(partition, next_offset);
  }
};

class QuietLog final : public testing::ForwardingLog {
 public:
  using ForwardingLog::ForwardingLog;
  int64_t append(const std::string& topic, int partition, std::span<const NewRecord> records) override {
    const Pause pause;
    return ForwardingLog::append(topic, partition, records);
  }
  std::unique_ptr<Consumer> subscribe(const ConsumerOptions& options) override {
    return std::make_unique<QuietConsumer>(ForwardingLog::subscribe(options));
  }
};

struct Warm {
  VirtualClock clock;
  TemporaryFolder folder;
  EmbeddedLog disk{folder.path(), clock, Durability::relaxed, {}};
  QuietLog log{disk};
  MemoryStore store;
  Registry registry{store, clock};
  std::string topic = "latencyTopic";
  int64_t next = 0;

  Pointer publish(const Model& model) {
    ReleaseInfo info;
    info.family = std::string(model.family());
    info.inputs = model.inputs();
    info.gain_over_baseline = 1;
    const auto release = registry.publish(model.to_onnx({}), info);
    clock.advance(std::chrono::seconds(1));
    return {release.model_key, release.metrics_key};
  }

  void produce(int64_t rows) {
    RecordEncoder encoder(testing::wire_columns());
    std::vector<NewRecord> records;
    for (int64_t i = 0; i < rows; ++i, ++next) {
      NewRecord record;
      record.value = encoder.encode(make_id("run", next), InferenceWorld::values_of(next),
                                    InferenceWorld::label_of(next), clock.now(), "stage0");
      record.headers = {{std::string(run_id_header), "run"}};
      records.push_back(std::move(record));
    }
    log.append(topic, 0, records);
  }

  /// Allocations while a warm consumer predicts `rows` records, none of them its first.
  uint64_t count(int64_t rows, int64_t batch) {
    InferenceSettings settings;
    settings.batch = batch;
    settings.report_records = 1'000'000;
    ModelSlot slot;
    InferenceConsumer consumer(log, store, clock, settings, {.topic = topic, .run_id = "run"}, slot);
    Guard guard(store, clock, settings, {}, "infer-0", slot);
    const auto settle = [&] {
      for (int quiet = 0; quiet < 3;) quiet = consumer.step() == Step::worked ? 0 : quiet + 1;
    };
    const auto predict = [&](int64_t more) {
      produce(more);
      const auto before = consumer.counts().predicted;
      const uint64_t at = allocations.load();
      while (consumer.step() == Step::worked) {
      }
      const uint64_t taken = allocations.load() - at;
      EXPECT_EQ(consumer.counts().predicted - before, static_cast<uint64_t>(more));
      return taken;
    };
    produce(10);
    for (int i = 0; i < 3; ++i) {  // models, and what experts are wanted, go back and forth
      guard.step();
      settle();
    }
    for (int i = 0; i < 8; ++i) predict(2000);  // the memory of repeats, and every buffer, is full
    return predict(rows);
  }
};

TEST(Allocations, NoneByRecordWithNetworksAlone) {
  Warm world;
  world.log.ensure_topic(world.topic, 1);
  world.registry.set_baseline(*world.registry.info(
      world.publish(*make_model(testing::random_network(inputs, 1), "mlp")).metrics_key));
  world.registry.point_to(
      *world.registry.info(world.publish(*make_model(testing::random_network(inputs, 2), "mlp")).metrics_key),
      "test", "");
  EXPECT_EQ(world.count(1000, 1), 0U);
  EXPECT_EQ(world.count(1000, 64), 0U);
}

TEST(Allocations, NoneByRecordWithAllExperts) {
  Warm world;
  world.log.ensure_topic(world.topic, 1);
  world.registry.set_baseline(*world.registry.info(world.publish(*small_mixture(1)).metrics_key));
  world.registry.point_to(*world.registry.info(world.publish(*small_mixture(2)).metrics_key), "test", "");
  const auto line = world.publish(*small_mixture(3));
  world.log.ensure_topic(memory_topic(world.topic), 1);
  world.log.ensure_topic(experts_topic(world.topic), 1);
  std::vector<NewRecord> remembered;
  for (int64_t row = 0; row < 100; ++row)
    remembered.push_back(make_record(
        LabelledSample{row, 500, 450, {static_cast<float>(row), 50, static_cast<float>(100 - row)}}, "run",
        world.clock.now()));
  world.log.append(memory_topic(world.topic), 0, remembered);
  ExpertState state;
  state.run_id = "run";
  state.row = 0;
  state.last_label = 500;
  state.experts = {{std::string(expert_frozen), "", "", 0.2},
                   {std::string(expert_live), "", "", 0.2},
                   {"refit", line.model_key, line.metrics_key, 0.2},
                   {std::string(expert_neighbours), "", "", 0.2},
                   {std::string(expert_last_label), "", "", 0.2}};
  const NewRecord told = make_record(state, world.clock.now());
  world.log.append(experts_topic(world.topic), 0, {&told, 1});
  EXPECT_EQ(world.count(1000, 1), 0U);
  EXPECT_EQ(world.count(1000, 64), 0U);
}

}  // namespace
}  // namespace drst
