// Appends to Kafka: a record counts as appended once its delivery is reported. Inside of kafka_log.h. Any
// thread may call.
//
// An idempotent producer of all replicas' acknowledgement (a retry cannot put a record twice, nor change the
// order), with librdkafka's gapless guarantee: when a batch of an append cannot be delivered, nothing behind
// it is either, so what a failed append leaves is a prefix. After such a failure the handle is spent, and the
// next append gets a new one. Records wait in a queue of bounded size; an append that finds it full waits for
// room. There is no lingering: whoever appends waits for the report, and what comes meanwhile makes the next
// batch.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "stream/kafka_client.h"

namespace drst::kafka {

class Producer {
 public:
  explicit Producer(const Site& site) : site_(site) {}

  /// Sends to different partitions at once; its wait() returns the first offset of each part (-1 of one
  /// without records). Both throw LogError (not delivered within patience_s, refused), Error(interrupted).
  /// The Producer must outlive it.
  std::unique_ptr<Appending> begin(const std::string& topic, std::span<const PartitionRecords> parts);

 private:
  class Sending;
  struct Session;  // a handle and what belongs to it
  std::shared_ptr<Session> session();
  void give_up(const std::shared_ptr<Session>& spent);

  const Site& site_;
  std::mutex mutex_;
  std::shared_ptr<Session> session_;
};

}  // namespace drst::kafka
