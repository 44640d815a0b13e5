// The partitioned log: topics, partitions, consumer groups. Start here for everything that streams.
//
// One interface, several back ends: `embedded:DIR` (LMDB; durable, many processes on one machine),
// `kafka://host:port` (many machines; where it differs, kafka_log.h says so), `MemoryLog` (simulation, with a
// fault model). Contract, tested for every back end by
// log_contract_test.cpp, log_group_test.cpp and log_model_test.cpp:
//  * append is durable when it returns (unless opened with Durability::relaxed), offsets of a partition
//    rise by one from 0 and are never reused; a crash during an append of several records may leave a
//    prefix of them (Kafka does), never a hole or part of a record;
//  * readers see records in offset order, only whole and durable ones;
//  * a group's committed offset of a partition is the next offset to read; it never moves backwards
//    except by seek of a lease holder;
//  * a partition is owned by at most one live member of a group; ownership is a lease that expires on the
//    injected clock when its holder stops polling; a holder whose lease was lost cannot commit (commit
//    returns false), but may already have produced effects: effects must be keyed, and readers of effects
//    drop repeats. A holder that is late but has no heir yet keeps its lease;
//  * a partition that moves between live members is first given up by the one, at its poll, then taken by
//    the other: nobody repeats anything. What an owner has polled it should commit before it polls again;
//  * of two live processes with one member name the second is refused (PlaceTaken from poll) while the
//    lease of the first runs; after that it replaces the first, whose poll then throws LeaseLost. The name of
//    a dead process is free at once.
//
// Threads: a Log may be used from many threads; a Consumer belongs to one thread at a time. Errors:
// LogError and children.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace drst {

/// What() names topic and partition. exit_code(): failed (corrupt), input (no such topic, bad name),
/// unreachable (Kafka). A full disk is a DiskFullError (base/files.h) instead: worth another try once there
/// is room.
struct LogError : Error {
  using Error::Error;
};
/// A member's place in its group is gone, to an heir or because its lease ran out while nothing could be
/// reached: this Consumer is of no more use. What was committed stands, and a new member may go on from
/// there; it is refused (PlaceTaken) if there is an heir.
struct LeaseLost : LogError {
  explicit LeaseLost(const std::string& message) : LogError(ExitCode::failed, message) {}
};
/// Another live process has the member's name, or is the group's only member.
struct PlaceTaken : InputError {
  using InputError::InputError;
};

struct Header {
  std::string key;
  std::string value;
};

/// A record to append.
struct NewRecord {
  std::string key;
  std::string value;
  std::vector<Header> headers;
  Time timestamp{};
};

/// A record as read; the views live as long as the Batch is not refilled or destroyed.
struct RecordView {
  int32_t partition = 0;
  int64_t offset = 0;
  Time timestamp{};
  std::string_view key;
  std::string_view value;
  std::span<const std::pair<std::string_view, std::string_view>> headers;

  /// The value of the first header of this name.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const {
    for (const auto& [key_, value_] : headers)
      if (key_ == name) return value_;
    return std::nullopt;
  }
};

/// Records and the memory they live in; reuse one to avoid allocation.
class Batch {
 public:
  Batch();
  ~Batch();
  Batch(Batch&&) noexcept;
  Batch& operator=(Batch&&) noexcept;
  [[nodiscard]] std::span<const RecordView> records() const;
  [[nodiscard]] bool empty() const { return records().empty(); }

  struct Storage;  // for back ends (stream/batch.h)
  [[nodiscard]] Storage& storage() { return *storage_; }

 private:
  std::unique_ptr<Storage> storage_;
};

struct Watermarks {
  int64_t begin = 0;  ///< first offset still kept
  int64_t end = 0;    ///< offset the next record will get
};

struct PollLimits {
  std::size_t max_records = 64;
  std::size_t max_bytes = 8u << 20;  ///< at least one record is returned however large it is
};

/// What to append to a partition.
struct PartitionRecords {
  int partition = 0;
  std::span<const NewRecord> records;
};

/// An append that is on its way. Destroyed without wait(), it is as if the process had crashed in it.
class Appending {
 public:
  virtual ~Appending() = default;
  /// Returns when all of it is durable; the first offset of each part, in the order of the parts. Once.
  virtual std::vector<int64_t> wait() = 0;
};

/// What to commit of a partition: the next offset to read.
struct PartitionOffset {
  int partition = 0;
  int64_t next_offset = 0;
};

/// A member of a group that reads one topic.
class Consumer {
 public:
  virtual ~Consumer() = default;

  /// Renews the member's place in the group, takes or gives up partitions, and fills `batch` with new records
  /// of owned partitions (fairly over them, in order within each); returns at once, with none if there are
  /// none. After it, `assigned()` and `revoked()` say what changed in this call: for a newly assigned
  /// partition reading starts at the group's committed offset (or the log's begin) and the caller must
  /// recover its own state of that partition first.
  virtual void poll(Batch& batch, const PollLimits& limits) = 0;
  [[nodiscard]] virtual const std::vector<int>& assignment() const = 0;
  [[nodiscard]] virtual const std::vector<int>& assigned() const = 0;
  [[nodiscard]] virtual const std::vector<int>& revoked() const = 0;

  /// The next offset to read of a partition. Durable when it returns true; false: the lease is lost, nothing
  /// was written.
  virtual bool commit(int partition, int64_t next_offset) = 0;
  /// The same for several partitions, each once, where a log can do it in one go; those whose lease is lost.
  virtual std::vector<int> commit_each(std::span<const PartitionOffset> offsets);
  /// Whether this member still holds what it was assigned; false while that is nothing. Asks the log only if
  /// a third of the lease has gone since it last knew, so that it may be asked before each write: a process
  /// that was stopped and wakes finds out that it has an heir. What it cannot rule out is a stop between the
  /// answer and the write.
  virtual bool holds() = 0;
  /// Moves the reading position of an owned partition (not the committed offset).
  virtual void seek(int partition, int64_t offset) = 0;
  /// Leaves the group at once, so that heirs need not wait for the lease to expire. Also done by the
  /// destructor.
  virtual void close() = 0;
};

struct ConsumerOptions {
  std::string group;
  std::string member;  ///< unique in the group; a restarted process uses its old name and gets its partitions
                       ///< back at once
  std::string topic;
  Duration lease = std::chrono::seconds(10);  ///< polls renew it once a third is gone, so a holder that stops
                                              ///< is replaced after 2/3 to 3/3 of it
  bool exclusive = false;  ///< the only member: PlaceTaken from the first poll() while another live member is
                           ///< in the group
};

class Log {
 public:
  virtual ~Log() = default;

  /// Creates the topic or checks it: fewer partitions than asked is an InputError; more are left as they are.
  virtual void ensure_topic(const std::string& topic, int partitions) = 0;
  /// 0: no such topic.
  virtual int partitions(const std::string& topic) = 0;
  virtual std::vector<std::string> topics() = 0;

  /// Appends in order; returns the first offset.
  virtual int64_t append(const std::string& topic, int partition, std::span<const NewRecord> records) = 0;
  /// Several appends to different partitions, where a log can do them in one go: all are durable when it
  /// returns, and `firsts` has the first offset of each. After an exception any of them may have been done,
  /// or a prefix of it.
  virtual void append_each(const std::string& topic, std::span<const PartitionRecords> parts,
                           std::vector<int64_t>& firsts);

  /// append_each without waiting, where a log can do that: what is begun meanwhile travels together. The
  /// records need not outlive the call. Appends of one thread to a partition stay in the order in which they
  /// were begun, and where one fails, so do those begun after it that were not waited for: what is left is a
  /// prefix of all of them.
  virtual std::unique_ptr<Appending> begin_append(const std::string& topic,
                                                  std::span<const PartitionRecords> parts);

  /// Reads without a group, from `from` on (or from `begin` if older ones are gone). For recovery, reports,
  /// tests.
  virtual void read(const std::string& topic, int partition, int64_t from, Batch& batch,
                    const PollLimits& limits) = 0;
  virtual Watermarks watermarks(const std::string& topic, int partition) = 0;
  virtual std::unique_ptr<Consumer> subscribe(const ConsumerOptions& options) = 0;
  virtual std::optional<int64_t> committed(const std::string& group, const std::string& topic,
                                           int partition) = 0;

  /// Waits until any topic of this log has grown since the last call of this thread, or the time is over; the
  /// first call of a thread may find growth that is long past. No busy waiting.
  virtual bool wait(std::chrono::milliseconds at_most) = 0;
  /// Makes everything appended and committed so far durable (needed only with relaxed durability).
  virtual void sync() = 0;
  /// Retention: forgets records before `offset` (whole storage blocks; the begin watermark says where reading
  /// now starts).
  virtual void trim(const std::string& topic, int partition, int64_t offset) = 0;
};

enum class Durability {
  full,    ///< append and commit are on disk when they return
  relaxed  ///< survives a killed process, not a power cut, until sync(); for runs that can be repeated from
           ///< their seed
};

struct LogSettings;    // stream/settings.h
struct KafkaSettings;  // stream/settings.h

/// "embedded:DIR" (or a bare folder path), "kafka://host:port[,host:port]". Other schemes: InputError that
/// lists what is known.
std::unique_ptr<Log> open_log(const std::string& url, const Clock& clock, Durability durability,
                              const LogSettings& settings, const KafkaSettings& kafka);
std::unique_ptr<Log> open_log(const std::string& url, const Clock& clock, Durability durability,
                              const LogSettings& settings);

}  // namespace drst
