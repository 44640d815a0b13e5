// Reads at a position, without a group. Inside of kafka_log.h. Any thread may call; one reads at a time.
//
// librdkafka's simple consumer: a fetcher for each partition that is being read. The end is asked for first,
// and reading goes up to it: so what was appended before the call is seen, and nothing waits for what is not
// there. A fetcher that has come to the end is stopped, one that has not goes on fetching ahead for the next
// call.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "stream/kafka_client.h"

namespace drst::kafka {

/// Adds a message to a batch, as a copy. What is larger than `max_bytes` is cut to its beginning and marked
/// by the header "drst-cut-from" with its size: nobody could keep it, not even as a dead letter.
void add_to_batch(Batch::Storage& batch, const rd_kafka_message_t& message, int64_t max_bytes);
inline constexpr std::string_view cut_header = "drst-cut-from";

class Reader {
 public:
  Reader(const Site& site, Client& client) : site_(site), client_(client) {}
  ~Reader();

  void read(const std::string& topic, int partition, int64_t from, Batch& batch, const PollLimits& limits);

 private:
  struct Place;
  void start(const std::string& topic, int partition, Place& place, int64_t from);
  void stop(int partition, Place& place) noexcept;
  rd_kafka_topic_t* topic_of(const std::string& topic);
  void fill(const std::string& topic, int partition, Place& place, int64_t end, Batch& batch,
            const PollLimits& limits);

  const Site& site_;
  Client& client_;
  std::mutex mutex_;
  Notices notices_;
  Handle handle_;  // made when first needed
  std::map<std::string, Topic> topics_;
  std::map<std::pair<std::string, int>, Place> places_;
};

struct Reader::Place {
  rd_kafka_topic_t* topic = nullptr;
  bool running = false;
  int64_t next = 0;
  Message held;  // fetched, and did not fit into the last batch
};

}  // namespace drst::kafka
