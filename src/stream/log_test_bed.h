// What tests of the log share: both back ends behind one face, and short ways to append and read. For tests
// only.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/time.h"
#include "stream/embedded_log.h"
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

inline std::unique_ptr<LogBed> make_bed(const std::string& back_end) {
  if (back_end == "memory") return std::make_unique<MemoryBed>();
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
