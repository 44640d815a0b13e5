// librdkafka's objects with owners, its configuration, and its errors in words. Inside of kafka_log.h.
//
// A Site is where a Kafka is and how to get in; everything of one KafkaLog shares it. Each handle of
// librdkafka (rd_kafka_t) has threads and connections of its own: on one connection a broker answers in
// order, so a question behind a waiting fetch would wait as well. Hence separate handles for asking, writing,
// reading and each consumer.
//
// Callbacks run on threads of librdkafka or of whoever polls; they only note things down (Notices). Nothing
// throws through librdkafka's frames. Its own messages go to log::debug. Any thread may use a Site and
// Notices.
#pragma once

#include <librdkafka/rdkafka.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "stream/log.h"
#include "stream/settings.h"

namespace drst::kafka {

template <auto destroy>
struct Destroy {
  template <class T>
  void operator()(T* object) const {
    destroy(object);
  }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, Destroy<rd_kafka_conf_destroy>>;
using Failure = std::unique_ptr<rd_kafka_error_t, Destroy<rd_kafka_error_destroy>>;
using Message = std::unique_ptr<rd_kafka_message_t, Destroy<rd_kafka_message_destroy>>;
using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy<rd_kafka_topic_partition_list_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, Destroy<rd_kafka_event_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Destroy<rd_kafka_topic_destroy>>;

/// A list of one partition.
PartitionList one_partition(const std::string& topic, int partition,
                            int64_t offset = RD_KAFKA_OFFSET_INVALID);

/// What librdkafka has complained of lately.
class Notices {
 public:
  void note(rd_kafka_resp_err_t code, std::string_view reason);
  /// A broker answered and would not let us in, or is not who it ought to be: waiting does not help.
  [[nodiscard]] bool refused() const;
  [[nodiscard]] std::string reason() const;  ///< "": none
  [[nodiscard]] rd_kafka_resp_err_t code() const;
  /// Why a certificate was not accepted, which librdkafka does not tell.
  void note_certificate(std::string_view reason);
  void forget();

  const KafkaSettings* settings = nullptr;  ///< for the renewal of tokens

 private:
  mutable std::mutex mutex_;
  rd_kafka_resp_err_t code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string reason_;
  std::string certificate_;
};

struct Site {
  std::string url;        ///< as given, for messages; holds no secret
  std::string bootstrap;  ///< host:port[,host:port]
  KafkaSettings settings;
  LogSettings log;

  [[nodiscard]] std::chrono::milliseconds patience() const;
  [[nodiscard]] std::chrono::milliseconds connect_timeout() const;
};

/// Of "kafka://host:port[,host:port]". Throws InputError.
Site make_site(const std::string& url, const KafkaSettings& settings, const LogSettings& log);

using Properties = std::map<std::string, std::string>;

/// A configuration from the site (security, [kafka.properties]) and `own`, which the site's properties
/// override but for what the log's promises rest on.
Conf make_conf(const Site& site, const Properties& own, Notices& notices);

/// A fetcher whose queue is full looks again after so long; librdkafka's own pause would starve a queue as
/// small as ours. Before 2.2 there is no such property, and it sleeps for a second unless it is woken: see
/// wake_fetcher().
Properties short_fetch_pauses();
/// Wakes the thread that fetches this partition, by a question whose answer nobody waits for.
void wake_fetcher(rd_kafka_t* handle, const std::string& topic, int partition);

struct HandleDeleter {
  void operator()(rd_kafka_t* handle) const;
};
using Handle = std::unique_ptr<rd_kafka_t, HandleDeleter>;
Handle make_handle(const Site& site, rd_kafka_type_t type, Conf conf);

/// Time may heal it: no connection, no leader, no coordinator, ...
bool is_passing(rd_kafka_resp_err_t code);

/// `what` failed: what happened, where, what to do.
[[nodiscard]] LogError problem(const Site& site, const std::string& what, rd_kafka_resp_err_t code,
                               const std::string& reason);

/// Says that `what` has to wait, why ("": nothing is known) and how long at most.
void warn_of_wait(const Site& site, const std::string& what, const std::string& reason,
                  std::chrono::milliseconds patience);

/// Calls `attempt(timeout)` until it succeeds. Throws a LogError if it fails for good or for longer than
/// `patience`, Error(interrupted) if a stop is asked for meanwhile. Says so where it waits long.
void insist(const Site& site, const Notices& notices, const std::string& what,
            std::chrono::milliseconds patience,
            const std::function<rd_kafka_resp_err_t(int timeout_ms)>& attempt);

}  // namespace drst::kafka
