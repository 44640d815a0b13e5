// What tests of the log share: the back ends behind one face, and short ways to append and read. For tests
// only.
//
// Kafka is one of them where DRST_TEST_KAFKA names a broker (host:port; tests/kafka_test.py starts one). Its
// topics outlive a test, so each bed has names of its own.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/time.h"
#include "stream/embedded_log.h"
#include "stream/kafka_log.h"
#include "stream/log.h"
#include "stream/memory_log.h"
#include "stream/settings.h"

namespace drst::testing {

/// One log that may be opened several times, as several processes would.
class LogBed {
 public:
  virtual ~LogBed() = default;
  virtual std::unique_ptr<Log> open(const LogSettings& settings) = 0;
  VirtualClock clock;
};

class MemoryBed final : public LogBed {
 public:
  std::unique_ptr<Log> open(const LogSettings& settings) override {
    return std::make_unique<MemoryLog>(disk, clock, nullptr, settings);
  }
  std::shared_ptr<MemoryLogDisk> disk = std::make_shared<MemoryLogDisk>();
};

class EmbeddedBed final : public LogBed {
 public:
  std::unique_ptr<Log> open(const LogSettings& settings) override {
    return std::make_unique<EmbeddedLog>(folder.path() / "log", clock, Durability::relaxed, settings);
  }
  TemporaryFolder folder{"drst-log"};
};

/// Another log with a prefix before the names of topics and groups.
class PrefixedLog final : public Log {
 public:
  PrefixedLog(std::unique_ptr<Log> log, std::string prefix)
      : log_(std::move(log)), prefix_(std::move(prefix)) {}
  void ensure_topic(const std::string& topic, int partitions) override {
    log_->ensure_topic(named(topic), partitions);
  }
  int partitions(const std::string& topic) override { return log_->partitions(named(topic)); }
  std::vector<std::string> topics() override {
    std::vector<std::string> names;
    for (const auto& name : log_->topics())
      if (name.starts_with(prefix_)) names.push_back(name.substr(prefix_.size()));
    return names;
  }
  int64_t append(const std::string& topic, int partition, std::span<const NewRecord> records) override {
    return log_->append(named(topic), partition, records);
  }
  void read(const std::string& topic, int partition, int64_t from, Batch& batch,
            const PollLimits& limits) override {
    log_->read(named(topic), partition, from, batch, limits);
  }
  Watermarks watermarks(const std::string& topic, int partition) override {
    return log_->watermarks(named(topic), partition);
  }
  std::unique_ptr<Consumer> subscribe(const ConsumerOptions& options) override {
    ConsumerOptions prefixed = options;
    prefixed.topic = named(options.topic);
    prefixed.group = prefix_ + options.group;
    return log_->subscribe(prefixed);
  }
  std::optional<int64_t> committed(const std::string& group, const std::string& topic,
                                   int partition) override {
    return log_->committed(prefix_ + group, named(topic), partition);
  }
  bool wait(std::chrono::milliseconds at_most) override { return log_->wait(at_most); }
  void sync() override { log_->sync(); }
  void trim(const std::string& topic, int partition, int64_t offset) override {
    log_->trim(named(topic), partition, offset);
  }

 private:
  [[nodiscard]] std::string named(const std::string& topic) const {
    return topic.empty() || topic.front() == '.' ? topic : prefix_ + topic;  // bad names stay bad
  }
  std::unique_ptr<Log> log_;
  std::string prefix_;
};

class KafkaBed final : public LogBed {
 public:
  KafkaBed() {
    static std::atomic<int> beds{0};
    const auto now = std::chrono::system_clock::now().time_since_epoch().count();
    prefix_ = "t" + std::to_string(now) + "-" + std::to_string(++beds) + "-";
  }
  static const char* address() { return std::getenv("DRST_TEST_KAFKA"); }
  std::unique_ptr<Log> open(const LogSettings& settings) override {
    return std::make_unique<PrefixedLog>(
        std::make_unique<KafkaLog>("kafka://" + std::string(address()), kafka, settings), prefix_);
  }
  KafkaSettings kafka;

 private:
  std::string prefix_;
};

/// What there is to test: names for make_bed().
inline std::vector<std::string> back_ends() {
  std::vector<std::string> names = {"memory", "embedded"};
  if (KafkaBed::address() != nullptr) names.emplace_back("kafka");
  return names;
}

inline std::unique_ptr<LogBed> make_bed(const std::string& back_end) {
  if (back_end == "memory") return std::make_unique<MemoryBed>();
  if (back_end == "kafka") return std::make_unique<KafkaBed>();
  return std::make_unique<EmbeddedBed>();
}

inline NewRecord text_record(const std::string& value, Time timestamp = {}) {
  return {.key = "", .value = value, .headers = {}, .timestamp = timestamp};
}

inline int64_t append_text(Log& log, const std::string& topic, int partition, const std::string& value) {
  const NewRecord record = text_record(value);
  return log.append(topic, partition, {&record, 1});
}

inline std::vector<std::string> values_of(const Batch& batch) {
  std::vector<std::string> values;
  for (const auto& record : batch.records()) values.emplace_back(record.value);
  return values;
}

/// All of a partition from `from` on, read in small portions; checks that offsets rise by one.
inline std::vector<std::string> read_all(Log& log, const std::string& topic, int partition, int64_t from = 0,
                                         const PollLimits& limits = {.max_records = 7}) {
  std::vector<std::string> values;
  Batch batch;
  int64_t next = std::max(from, log.watermarks(topic, partition).begin);
  for (log.read(topic, partition, next, batch, limits); !batch.empty();
       log.read(topic, partition, next, batch, limits)) {
    for (const auto& record : batch.records()) {
      EXPECT_EQ(record.offset, next);
      EXPECT_EQ(record.partition, partition);
      next = record.offset + 1;
      values.emplace_back(record.value);
    }
  }
  return values;
}

/// The exit code of the LogError (or other Error) that `action` throws; 0 if it throws none.
inline int refused_with(const std::function<void()>& action, std::string* message = nullptr) {
  try {
    action();
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return static_cast<int>(error.exit_code());
  }
  return 0;
}

}  // namespace drst::testing
