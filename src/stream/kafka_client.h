// What a KafkaLog asks brokers: topics, ends, a group's offsets and members; and what it tells them to create
// or forget. Inside of kafka_log.h. Any thread may call.
//
// A handle of its own that never fetches, so answers never wait behind a fetch, and a thread that serves its
// callbacks. Every question waits out an outage (Site::patience).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "stream/kafka_handle.h"

namespace drst::kafka {

/// Serves a handle's callbacks for as long as it lives; must go before the handle does.
class Server {
 public:
  explicit Server(rd_kafka_t* handle);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

 private:
  Queue queue_;
  std::jthread thread_;
};

struct GroupMemberInfo {
  std::string client_id;
  std::string instance_id;
  std::string host;
};

class Client {
 public:
  /// Waits until a broker answers, for connect_timeout_s at most. Throws LogError.
  explicit Client(const Site& site);

  void ensure_topic(const std::string& topic, int partitions);
  /// 0: no such topic. A number that has been seen is remembered.
  int partitions(const std::string& topic);
  std::vector<std::string> topics();
  /// The end is as of now; the begin as of a second ago at most, but for our own trims, unless it must be
  /// `fresh`.
  Watermarks watermarks(const std::string& topic, int partition, bool fresh = false);
  using TopicPartition = std::pair<std::string, int>;
  /// The ends of many partitions by one question; those that are not known just now are left out. No waiting.
  std::map<TopicPartition, int64_t> ends(const std::vector<TopicPartition>& partitions);
  std::optional<int64_t> committed(const std::string& group, const std::string& topic, int partition);
  void trim(const std::string& topic, int partition, int64_t offset);
  std::vector<GroupMemberInfo> members(const std::string& group);

  [[nodiscard]] const Site& site() const { return site_; }
  [[nodiscard]] const Notices& notices() const { return notices_; }

 private:
  std::map<std::string, int> list(const std::string& what, std::chrono::milliseconds patience);
  /// Sends an admin request and waits for its event.
  Event ask(rd_kafka_admin_op_t kind, const std::string& what,
            const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send,
            const std::function<rd_kafka_resp_err_t(rd_kafka_event_t*, std::string&)>& error_of = {});
  bool create(const std::string& topic, int partitions);
  int64_t offset_at(const std::string& topic, int partition, int64_t when);

  const Site& site_;
  Notices notices_;
  Handle handle_;
  std::optional<Server> server_;
  std::mutex mutex_;
  std::map<std::string, int> known_;
  struct Begin {
    int64_t offset = 0;
    std::chrono::steady_clock::time_point asked;
  };
  std::map<TopicPartition, Begin> begins_;
};

}  // namespace drst::kafka
