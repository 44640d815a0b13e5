// Kafka at full speed beside kcat in the same run: appending, and from the topic to two predictions a record.
//
//   inference_kafka_bench [RECORDS [BATCH]]    on the broker that DRST_TEST_KAFKA names (make kafka-figures
//   starts one)
//
// Records of 60 counters, 2.3 kB, a batch of BATCH a step. `append` is this log's, with its reports of
// delivery, two appends on their way while the next is made; `kcat -P` sends the same values from a file.
// `predictions` is a whole consumer: parse, match, predict twice, write the trace and commit, back to Kafka;
// `kcat -C` reads the same topic into /dev/null. By the wall, best of three each.
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "base/log.h"
#include "inference_world.h"
#include "nn/onnx.h"
#include "stream/kafka_log.h"

namespace {

using namespace drst;
using Steady = std::chrono::steady_clock;

constexpr int rounds = 3;
constexpr std::size_t partitions = 3;
constexpr std::size_t appends_ahead = 2;  // as drst produce has them

double seconds_since(Steady::time_point begin) {
  return std::chrono::duration<double>(Steady::now() - begin).count();
}

double time_of(const std::string& command) {
  const auto begin = Steady::now();
  if (std::system(command.c_str()) != 0) {
    std::fprintf(stderr, "failed: %s\n", command.c_str());
    std::exit(1);
  }
  return seconds_since(begin);
}

Network network_of(const std::vector<std::string>& columns, uint64_t seed) {
  const std::vector<std::string> inputs(columns.begin(), columns.begin() + 10);
  return bench::random_network(inputs, seed);
}

/// Private memory of this process now, MiB.
double private_mib() {
  std::ifstream file("/proc/self/smaps_rollup");
  double kib = 0;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("Private_")) kib += std::atof(line.substr(line.find(':') + 1).c_str());
  return kib / 1024;
}

}  // namespace

int main(int argc, char** argv) {
  const char* address = std::getenv("DRST_TEST_KAFKA");
  if (address == nullptr) {
    std::puts("DRST_TEST_KAFKA names no broker; `make kafka-figures` starts one");
    return 0;
  }
  const std::size_t records = argc > 1 ? static_cast<std::size_t>(std::atoll(argv[1])) : 100'000;
  const int64_t batch = argc > 2 ? std::atoll(argv[2]) : InferenceSettings().batch;
  log::set_level(log::Level::warning);
  const SystemClock clock;
  const TemporaryFolder folder("drst-kafka-bench");
  const std::string values = (folder.path() / "values").string();

  std::vector<std::string> columns;
  std::size_t bytes = 0;
  double append = 1e9, kcat_in = 1e9, predict = 1e9, kcat_out = 1e9, memory = 0;
  const std::string name =
      "bench" + std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
  {
    const auto stream = bench::make_stream(1000, false, 1);
    columns = stream.columns;
    RecordEncoder encoder(stream.columns);
    std::ofstream file(values);
    for (std::size_t row = 0; row < records; ++row) {
      const auto text = encoder.encode(make_id("bench", static_cast<int64_t>(row)),
                                       stream.row(row % stream.rows()), 400, clock.now(), "stage0");
      bytes += text.size();
      file << text << '\n';
    }
  }
  for (int round = 0; round < rounds; ++round) {
    const std::string topic = name + "-" + std::to_string(round);
    KafkaLog log("kafka://" + std::string(address), {}, {});
    log.ensure_topic(topic, int{partitions});
    log.ensure_topic(topic + "-kcat", int{partitions});
    {
      std::ifstream file(values);
      std::vector<NewRecord> step(static_cast<std::size_t>(batch));
      double spent = 0;
      std::deque<std::unique_ptr<Appending>> ahead;
      for (std::size_t done = 0; done < records;) {
        std::size_t filled = 0;
        for (; filled < step.size() && std::getline(file, step[filled].value); ++filled)
          step[filled].headers = {{std::string(run_id_header), "bench"}};
        std::vector<PartitionRecords> parts;
        for (std::size_t p = 0; p < partitions; ++p) {
          const std::size_t from = filled * p / partitions, to = filled * (p + 1) / partitions;
          if (from < to) parts.push_back({static_cast<int>(p), std::span(step).subspan(from, to - from)});
        }
        const auto begin = Steady::now();
        ahead.push_back(log.begin_append(topic, parts));
        for (; ahead.size() > appends_ahead; ahead.pop_front()) (void)ahead.front()->wait();
        spent += seconds_since(begin);
        done += filled;
      }
      const auto begin = Steady::now();
      for (; !ahead.empty(); ahead.pop_front()) (void)ahead.front()->wait();
      spent += seconds_since(begin);
      append = std::min(append, spent);
    }
    const std::string kcat = "kcat -b " + std::string(address);
    kcat_in = std::min(
        kcat_in,
        time_of(std::string(kcat).append(" -P -t ").append(topic).append("-kcat < ").append(values)));
    kcat_out = std::min(
        kcat_out, time_of(std::string(kcat).append(" -C -e -q -t ").append(topic).append(" > /dev/null")));

    MemoryStore store;
    Registry registry(store, clock);
    const auto publish = [&](uint64_t seed) {
      const auto network = network_of(columns, seed);
      ReleaseInfo info;
      info.family = "bench";
      info.inputs = network.inputs;
      info.gain_over_baseline = 1;
      return registry.publish(to_onnx(network), info);
    };
    registry.set_baseline(publish(2));
    registry.point_to(publish(3), "bench", "");
    InferenceSettings settings;
    settings.batch = batch;
    ModelSlot slot;
    InferenceConsumer consumer(log, store, clock, settings, {.topic = topic, .run_id = "bench"}, slot);
    Guard guard(store, clock, settings, {}, "infer-0", slot);
    guard.step();
    const double before = private_mib();
    const auto begin = Steady::now();
    while (consumer.counts().records < records)
      if (consumer.step() != Step::worked) log.wait(std::chrono::milliseconds(50));
    predict = std::min(predict, seconds_since(begin));
    memory = std::max(memory, private_mib() - before);
    if (consumer.counts().predicted != records) return 1;
  }
  const auto rate = [&](double seconds) { return static_cast<double>(records) / seconds; };
  std::printf("%zu records of %zu bytes, batches of %lld, %zu partitions\n", records, bytes / records,
              static_cast<long long>(batch), partitions);
  std::printf("%-22s %12.0f records/s\n", "kcat -P", rate(kcat_in));
  std::printf("%-22s %12.0f records/s %8.2fx\n", "append", rate(append), kcat_in / append);
  std::printf("%-22s %12.0f records/s\n", "kcat -C", rate(kcat_out));
  std::printf("%-22s %12.0f records/s %8.2fx\n", "two predictions each", rate(predict), kcat_out / predict);
  std::printf("private memory that the consumer adds: %.1f MiB\n", memory);
  return 0;
}
