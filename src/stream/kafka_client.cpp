#include "stream/kafka_client.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "stream/checks.h"

namespace drst::kafka {

namespace {

using AdminOptions = std::unique_ptr<rd_kafka_AdminOptions_t, Destroy<rd_kafka_AdminOptions_destroy>>;
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, Destroy<rd_kafka_NewTopic_destroy>>;
constexpr int admin_timeout_ms = 5000;

std::string name_of(const std::string& topic, int partition) {
  return "topic '" + topic + "', partition " + to_text(partition);
}

}  // namespace

Server::Server(rd_kafka_t* handle)
    : queue_(rd_kafka_queue_get_main(handle)), thread_([handle](const std::stop_token& stop) {
        constexpr int long_ms = 1000;
        while (!stop.stop_requested()) rd_kafka_poll(handle, long_ms);
      }) {}

Server::~Server() {
  thread_.request_stop();
  rd_kafka_queue_yield(queue_.get());
}

Client::Client(const Site& site) : site_(site) {
  // Of a group, which it never joins: when a coordinator moves while it is asked for the offsets of any
  // group, librdkafka tells the handle's own, and without one ends the process (its issue 5040, open).
  handle_ = make_handle(site_, RD_KAFKA_CONSUMER,
                        make_conf(site_,
                                  {{"client.id", "drst"},
                                   {"group.id", "drst-questions"},
                                   {"reconnect.backoff.max.ms", "1000"},
                                   {"socket.timeout.ms", "10000"},
                                   {"topic.metadata.refresh.interval.ms", "60000"}},
                                  notices_));
  server_.emplace(handle_.get());
  (void)list("connecting", site_.connect_timeout());
}

/// All topics: to ask for one by name would create it where brokers do so.
std::map<std::string, int> Client::list(const std::string& what, std::chrono::milliseconds patience) {
  std::map<std::string, int> found;
  insist(site_, notices_, what, patience, [&](int timeout_ms) {
    const rd_kafka_metadata_t* metadata = nullptr;
    const auto code = rd_kafka_metadata(handle_.get(), 1, nullptr, &metadata, timeout_ms);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
    const std::unique_ptr<const rd_kafka_metadata_t, Destroy<rd_kafka_metadata_destroy>> owner(metadata);
    for (int t = 0; t < metadata->topic_cnt; ++t) {
      const auto& topic = metadata->topics[t];
      if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR && topic.partition_cnt > 0)
        found[topic.topic] = topic.partition_cnt;
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  });
  const std::lock_guard lock(mutex_);
  for (const auto& [name, count] : found) known_[name] = count;
  return found;
}

int Client::partitions(const std::string& topic) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(topic); known != known_.end()) return known->second;
  }
  const auto all = list("looking for topic '" + topic + "'", site_.patience());
  const auto found = all.find(topic);
  return found == all.end() ? 0 : found->second;
}

std::vector<std::string> Client::topics() {
  std::vector<std::string> names;
  for (const auto& [name, count] : list("listing topics", site_.patience()))
    if (!name.starts_with("__")) names.push_back(name);  // the brokers' own
  return names;
}

void Client::ensure_topic(const std::string& topic, int partitions) {
  const int have = this->partitions(topic);
  check_topic_request(topic, partitions, have);
  if (have > 0) return;
  const bool made = create(topic, partitions);
  // Brokers learn of a new topic one after the other.
  int now = 0;
  insist(site_, notices_, "waiting for new topic '" + topic + "'", site_.patience(), [&](int) {
    now = this->partitions(topic);
    return now > 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
  });
  check_topic_request(topic, partitions, now);
  if (made)
    for (int p = 0; p < now; ++p) (void)watermarks(topic, p);  // each has a leader
}

/// False: somebody else was faster.
bool Client::create(const std::string& topic, int partitions) {
  const std::string what = "creating topic '" + topic + "'";
  std::array<char, 512> words{};
  const NewTopic wanted(rd_kafka_NewTopic_new(
      topic.c_str(), partitions, static_cast<int>(site_.settings.replication), words.data(), words.size()));
  if (!wanted) throw LogError(ExitCode::input, what + " at " + site_.url + ": " + words.data());
  const auto set = [&](const char* name, int64_t value) {
    rd_kafka_NewTopic_set_config(wanted.get(), name, to_text(value).c_str());
  };
  constexpr int64_t overhead = 64 << 10;  // of a record in its batch
  set("max.message.bytes", std::min(site_.log.max_record_bytes + overhead, int64_t{INT32_MAX}));
  if (site_.log.retention_bytes > 0) set("retention.bytes", site_.log.retention_bytes);
  if (site_.log.retention_age_s > 0)
    set("retention.ms", static_cast<int64_t>(site_.log.retention_age_s * 1000));
  if (site_.log.retention_records > 0)
    log::warning("log.retention_records does nothing for topic '" + topic +
                 "': Kafka keeps by bytes and age "
                 "(log.retention_bytes, log.retention_age_s)");
  bool made = true;
  ask(
      RD_KAFKA_ADMIN_OP_CREATETOPICS, what,
      [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
        rd_kafka_NewTopic_t* list[] = {wanted.get()};
        rd_kafka_CreateTopics(handle_.get(), list, 1, options, queue);
      },
      [&](rd_kafka_event_t* event, std::string& reason) {
        std::size_t count = 0;
        const auto* results =
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
        auto code = count == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
        if (count == 1 && rd_kafka_topic_result_error_string(results[0]) != nullptr)
          reason = rd_kafka_topic_result_error_string(results[0]);
        made = code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS;
        return made ? code : RD_KAFKA_RESP_ERR_NO_ERROR;
      });
  return made;
}

Event Client::ask(rd_kafka_admin_op_t kind, const std::string& what,
                  const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send,
                  const std::function<rd_kafka_resp_err_t(rd_kafka_event_t*, std::string&)>& error_of) {
  Event event;
  insist(site_, notices_, what, site_.patience(), [&](int timeout_ms) {
    // Of librdkafka's admin requests those to a coordinator that cannot be reached may fail an assertion of
    // its own (its issue 4605, open): so only once a broker answers.
    const rd_kafka_metadata_t* brokers = nullptr;
    if (const auto away = rd_kafka_metadata(handle_.get(), 0, nullptr, &brokers, timeout_ms);
        away != RD_KAFKA_RESP_ERR_NO_ERROR)
      return away;
    rd_kafka_metadata_destroy(brokers);
    const Queue queue(rd_kafka_queue_new(handle_.get()));
    const AdminOptions options(rd_kafka_AdminOptions_new(handle_.get(), kind));
    std::array<char, 256> words{};
    rd_kafka_AdminOptions_set_request_timeout(options.get(), admin_timeout_ms, words.data(), words.size());
    send(options.get(), queue.get());
    constexpr int slice_ms = 200;
    do {  // the event comes after admin_timeout_ms at the latest
      throw_if_stopped();
      event.reset(rd_kafka_queue_poll(queue.get(), slice_ms));
    } while (!event);
    auto code = rd_kafka_event_error(event.get());
    std::string reason;
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      reason = rd_kafka_event_error_string(event.get());
    } else if (error_of) {
      code = error_of(event.get(), reason);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && !is_passing(code)) throw problem(site_, what, code, reason);
    return code;
  });
  return event;
}

/// RD_KAFKA_OFFSET_BEGINNING or _END. By the question for a time, since librdkafka's for both ends at once
/// does not keep to its timeout while the broker is away.
int64_t Client::offset_at(const std::string& topic, int partition, int64_t when) {
  int64_t offset = 0;
  const std::string what = "asking for the ends of " + name_of(topic, partition);
  insist(site_, notices_, what, site_.patience(), [&](int timeout_ms) {
    const auto list = one_partition(topic, partition, when);
    const auto code = rd_kafka_offsets_for_times(handle_.get(), list.get(), timeout_ms);
    offset = list->elems[0].offset;
    return code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : list->elems[0].err;
  });
  return offset;
}

Watermarks Client::watermarks(const std::string& topic, int partition, bool fresh) {
  constexpr auto good_for = std::chrono::seconds(1);
  Watermarks marks;
  const TopicPartition key{topic, partition};
  const auto now = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    const auto known = begins_.find(key);
    if (known == begins_.end() || now - known->second.asked > good_for) fresh = true;
    if (!fresh) marks.begin = known->second.offset;
  }
  if (fresh) {
    marks.begin = offset_at(topic, partition, RD_KAFKA_OFFSET_BEGINNING);
    const std::lock_guard lock(mutex_);
    begins_[key] = {marks.begin, now};
  }
  marks.end = offset_at(topic, partition, RD_KAFKA_OFFSET_END);
  return marks;
}

std::map<Client::TopicPartition, int64_t> Client::ends(const std::vector<TopicPartition>& partitions) {
  std::map<TopicPartition, int64_t> found;
  if (partitions.empty()) return found;
  const PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const auto& [topic, partition] : partitions)  // "for the time -1" asks for the end
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = RD_KAFKA_OFFSET_END;
  constexpr int timeout_ms = 100;
  if (rd_kafka_offsets_for_times(handle_.get(), list.get(), timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return found;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& entry = list->elems[i];
    if (entry.err == RD_KAFKA_RESP_ERR_NO_ERROR && entry.offset >= 0)
      found[{entry.topic, entry.partition}] = entry.offset;
  }
  return found;
}

std::optional<int64_t> Client::committed(const std::string& group, const std::string& topic, int partition) {
  const auto wanted = one_partition(topic, partition);
  using Question = std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t,
                                   Destroy<rd_kafka_ListConsumerGroupOffsets_destroy>>;
  const Question question(rd_kafka_ListConsumerGroupOffsets_new(group.c_str(), wanted.get()));
  std::optional<int64_t> offset;
  ask(
      RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, "asking for the offsets of group '" + group + "'",
      [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
        rd_kafka_ListConsumerGroupOffsets_t* list[] = {question.get()};
        rd_kafka_ListConsumerGroupOffsets(handle_.get(), list, 1, options, queue);
      },
      [&](rd_kafka_event_t* event, std::string& reason) {
        std::size_t count = 0;
        const auto* groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
            rd_kafka_event_ListConsumerGroupOffsets_result(event), &count);
        if (count != 1) return RD_KAFKA_RESP_ERR__BAD_MSG;
        if (const auto* error = rd_kafka_group_result_error(groups[0])) {
          reason = rd_kafka_error_string(error);
          return rd_kafka_error_code(error);
        }
        const auto* list = rd_kafka_group_result_partitions(groups[0]);
        for (int i = 0; list != nullptr && i < list->cnt; ++i) {
          if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return list->elems[i].err;
          if (list->elems[i].offset >= 0) offset = list->elems[i].offset;
        }
        return RD_KAFKA_RESP_ERR_NO_ERROR;
      });
  return offset;
}

void Client::trim(const std::string& topic, int partition, int64_t offset) {
  const auto marks = watermarks(topic, partition, true);
  offset = std::min(offset, marks.end);
  if (offset <= marks.begin) return;
  const auto list = one_partition(topic, partition, offset);
  using Request = std::unique_ptr<rd_kafka_DeleteRecords_t, Destroy<rd_kafka_DeleteRecords_destroy>>;
  const Request request(rd_kafka_DeleteRecords_new(list.get()));
  ask(
      RD_KAFKA_ADMIN_OP_DELETERECORDS, "trimming " + name_of(topic, partition),
      [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
        rd_kafka_DeleteRecords_t* requests[] = {request.get()};
        rd_kafka_DeleteRecords(handle_.get(), requests, 1, options, queue);
      },
      [&](rd_kafka_event_t* event, std::string&) {
        const auto* result =
            rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
        return result->cnt == 1 ? result->elems[0].err : RD_KAFKA_RESP_ERR__BAD_MSG;
      });
  const std::lock_guard lock(mutex_);
  begins_.erase({topic, partition});
}

std::vector<GroupMemberInfo> Client::members(const std::string& group) {
  std::vector<GroupMemberInfo> members;
  const char* names[] = {group.c_str()};
  ask(
      RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, "asking for the members of group '" + group + "'",
      [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
        rd_kafka_DescribeConsumerGroups(handle_.get(), names, 1, options, queue);
      },
      [&](rd_kafka_event_t* event, std::string& reason) {
        std::size_t count = 0;
        const auto* groups = rd_kafka_DescribeConsumerGroups_result_groups(
            rd_kafka_event_DescribeConsumerGroups_result(event), &count);
        if (count != 1) return RD_KAFKA_RESP_ERR__BAD_MSG;
        if (const auto* error = rd_kafka_ConsumerGroupDescription_error(groups[0])) {
          const auto code = rd_kafka_error_code(error);
          if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) return RD_KAFKA_RESP_ERR_NO_ERROR;  // nobody ever
          reason = rd_kafka_error_string(error);
          if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
        }
        members.clear();
        const auto text = [](const char* words) { return std::string(words == nullptr ? "" : words); };
        const auto size = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
        for (std::size_t m = 0; m < size; ++m) {
          const auto* member = rd_kafka_ConsumerGroupDescription_member(groups[0], m);
          members.push_back({text(rd_kafka_MemberDescription_client_id(member)),
                             text(rd_kafka_MemberDescription_group_instance_id(member)),
                             text(rd_kafka_MemberDescription_host(member))});
        }
        return RD_KAFKA_RESP_ERR_NO_ERROR;
      });
  return members;
}

}  // namespace drst::kafka
