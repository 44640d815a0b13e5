// The embedded log: a folder, LMDB inside, any number of processes of one machine on it at once.
// `embedded:DIR`.
//
// Layout (an independent reader is tests/read_log.py):
//   DIR/data.mdb, DIR/lock.mdb   an LMDB environment; main table: "format" -> "drst-log 1", and the tables
//     topics   name -> u32 partitions (little-endian)
//     blocks   topic '\0' u32 partition u64 first offset (both big-endian) -> a block of records, block.h
//     groups   group '\0' topic -> members, leases, owners, committed offsets, group_codec.h
//   DIR/growth                   one shared page that wakes sleepers, growth_signal.h; nothing to keep
// Names hold no '\0', so no key is a prefix of another. The end of a partition is in its last block, which
// is never dropped, so offsets are never reused.
//
// Why LMDB: readers take no lock and copy nothing but the records; a commit is atomic (an append of many
// records is there or is not), a killed writer leaves no trace, several processes need no server.
// bench/stream_log_bench.cpp, records of 2.3 kB, rate as a share of a plain file's (write or write +
// fdatasync, read), 1 / 64 records a call, beside SQLite (WAL, a row a record): reading 0.87 / 0.59 against
// 0.09 / 0.08; relaxed appends 0.25 / 0.62 against 0.08 / 0.07; durable ones 0.56 / 0.53 against 1.10 /
// 0.60, since LMDB flushes twice a commit (pages, then root) and SQLite's WAL once. We read far more often
// than we flush.
//
// Why blocks: a value of 2.3 kB takes a 4 kB overflow page; so it is 1.1 bytes on disk for a byte of value.
// An append of few records rewrites the last block (copy on write), up to LogSettings::block_bytes.
//
// Durability: full: each append and commit is on disk (fdatasync) when it returns. relaxed: it is in the
// kernel; a killed process loses nothing, a power cut may cost more than the last records (LMDB's pages may
// arrive out of order), so only for runs that can be repeated. sync() forces all to disk. If any handle of
// a process is full, all of that process are.
//
// Damage: records and block headers carry checksums, and a cut file is refused at opening; LMDB's own pages
// carry none.
//
// Limits: not for network file systems; all processes must see the same process ids (one container, or a
// shared pid namespace). A process that runs into a file size limit (RLIMIT_FSIZE) is killed by SIGXFSZ
// unless it ignores that signal; then it gets a LogError. After fork() the child must open its own.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/time.h"
#include "stream/log.h"
#include "stream/settings.h"

namespace drst {

class EmbeddedLog final : public Log {
 public:
  /// Makes the folder if need be. `clock` must outlive the log and its consumers. Throws LogError.
  EmbeddedLog(const std::filesystem::path& folder, const Clock& clock, Durability durability,
              const LogSettings& settings);
  ~EmbeddedLog() override;

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

  struct Core;  // shared with this log's consumers

 private:
  std::shared_ptr<Core> core_;
};

}  // namespace drst
