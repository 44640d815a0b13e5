// A log on Kafka, for operators who have outgrown one machine: `kafka://host:port[,host:port]`, by
// librdkafka 2.0.2 or later.
//
// Parts, each in a file of its own: kafka_handle.h (owners, configuration, errors in words), kafka_auth.h
// (TLS and SASL), kafka_client.h (questions), kafka_producer.h (appends), kafka_reader.h (reads at a
// position), kafka_consumer.h (groups), kafka_farewell.h (leaving them), kafka_growth.h (waiting). Topics,
// headers, groups, offsets and lag are Kafka's own, so other people's clients and tools work with them.
//
// Where Kafka is less than the contract of stream/log.h, or other:
//  * time stamps are whole milliseconds; one of 0 or before becomes the time of the append;
//  * a name of a header holds no zero byte (refused); read from others, it ends there;
//  * the offsets of one append are consecutive unless another appends to the same partition meanwhile;
//    marks of other people's transactions and compaction leave gaps;
//  * leases run on the brokers' clock, and joining takes a few polls (kafka_consumer.h); a holder that was
//    late has lost its partitions even where nobody took them;
//  * a second live process of a name on another machine is refused as long as the first one's lease runs,
//    too, since nobody can tell from afar whether that is dead;
//  * retention is the topic's: set from [log] when DRST creates it, by bytes and age, else the brokers' own;
//  * trim is exact (DeleteRecords), and wait() sees what others append to topics that are not consumed here
//    within kafka.look_ms;
//  * a record of others that is larger than log.max_record_bytes is read as its first 4096 bytes, with the
//    header "drst-cut-from".
// Durability: acknowledged by all in-sync replicas, whatever is asked for. An outage is waited out for
// kafka.patience_s; a stop that is asked for meanwhile ends the wait.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "stream/log.h"
#include "stream/settings.h"

namespace drst {

class KafkaLog final : public Log {
 public:
  /// Waits until a broker answers, kafka.connect_timeout_s at most. Throws LogError and InputError.
  KafkaLog(const std::string& url, const KafkaSettings& kafka, const LogSettings& log);
  ~KafkaLog() override;

  void ensure_topic(const std::string& topic, int partitions) override;
  int partitions(const std::string& topic) override;
  std::vector<std::string> topics() override;
  int64_t append(const std::string& topic, int partition, std::span<const NewRecord> records) override;
  std::unique_ptr<Appending> begin_append(const std::string& topic,
                                          std::span<const PartitionRecords> parts) override;
  void append_each(const std::string& topic, std::span<const PartitionRecords> parts,
                   std::vector<int64_t>& firsts) override;
  void read(const std::string& topic, int partition, int64_t from, Batch& batch,
            const PollLimits& limits) override;
  Watermarks watermarks(const std::string& topic, int partition) override;
  std::unique_ptr<Consumer> subscribe(const ConsumerOptions& options) override;
  std::optional<int64_t> committed(const std::string& group, const std::string& topic,
                                   int partition) override;
  bool wait(std::chrono::milliseconds at_most) override;
  void sync() override;
  void trim(const std::string& topic, int partition, int64_t offset) override;

 private:
  struct Core;  // shared with this log's consumers
  class KafkaAppending;
  std::vector<int64_t> finish_append(const std::string& topic,
                                     const std::vector<std::pair<int, int64_t>>& counts, Appending& sent);
  void check_append(const std::string& topic, int partition, std::span<const NewRecord> records) const;
  void follow(const std::string& topic, int partition, int64_t end);
  bool look();

  std::shared_ptr<Core> core_;
};

}  // namespace drst
