// The log in memory, for simulation and tests: the same contract as the embedded one, and a fault model.
//
// `MemoryLogDisk` is what survives: topics, records, groups. `MemoryLog` is one simulated process's handle
// to it; drop the handle of a crashed component and open a new one on the same disk. Faults:
//  * Each effect tells the FaultPoint where it is, and may end there with SimulatedCrash: log.append,
//    log.poll (joining, renewing, moving partitions), log.commit, log.leave, log.ensure_topic, log.trim,
//    log.sync, each .before and .after; the subject is the topic. "log.append.between" is reached between
//    two records of one append: a crash there leaves a prefix.
//  * crash() on a handle is the end of its process: nothing it does afterwards has an effect (its consumers
//    do not leave their groups in an orderly way, members and leases stay as after a kill -9), and all it
//    is asked throws SimulatedCrash. A handle whose FaultPoint threw is in that state by itself.
//  * MemoryLogDisk::crash() is a power cut: all handles end. With `Unsynced::lost` everything since the
//    last sync() (of any handle) vanishes, which no correct log does: a planted bug, to prove that a
//    harness notices.
// Threads: disk and handles may be used from many; a FaultPoint is called with the disk locked at "between"
// only (and unlocked by the throw).
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/fault.h"
#include "base/time.h"
#include "stream/log.h"
#include "stream/settings.h"

namespace drst {

class MemoryLogDisk {
 public:
  enum class Unsynced { kept, lost };
  explicit MemoryLogDisk(Unsynced unsynced = Unsynced::kept);
  ~MemoryLogDisk();
  MemoryLogDisk(const MemoryLogDisk&) = delete;
  MemoryLogDisk& operator=(const MemoryLogDisk&) = delete;

  /// A power cut: see above.
  void crash();

  struct Content;  // memory_disk.h
  [[nodiscard]] Content& content() { return *content_; }

 private:
  std::unique_ptr<Content> content_;
};

class MemoryLog final : public Log {
 public:
  /// `clock` and `faults` (may be null) must outlive the handle and its consumers. Of the settings, retention
  /// and max_record_bytes count.
  MemoryLog(std::shared_ptr<MemoryLogDisk> disk, const Clock& clock, FaultPoint* faults = nullptr,
            const LogSettings& settings = {});
  ~MemoryLog() override;

  /// The end of this handle's simulated process.
  void crash();

  void ensure_topic(const std::string& topic, int partitions) override;
  int partitions(const std::string& topic) override;
  std::vector<std::string> topics() override;
  int64_t append(const std::string& topic, int partition, std::span<const NewRecord> records) override;
  void read(const std::string& topic, int partition, int64_t from, Batch& batch,
            const PollLimits& limits) override;
  Watermarks watermarks(const std::string& topic, int partition) override;
  std::unique_ptr<Consumer> subscribe(const ConsumerOptions& options) override;
  std::optional<int64_t> committed(const std::string& group, const std::string& topic,
                                   int partition) override;
  bool wait(std::chrono::milliseconds at_most) override;
  void sync() override;
  void trim(const std::string& topic, int partition, int64_t offset) override;

  struct Process;  // shared with this handle's consumers

 private:
  std::shared_ptr<Process> process_;
};

}  // namespace drst
