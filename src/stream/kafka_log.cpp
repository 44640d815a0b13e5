#include "stream/kafka_log.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "base/text.h"
#include "stream/batch.h"
#include "stream/checks.h"
#include "stream/group_consumer.h"
#include "stream/kafka_client.h"
#include "stream/kafka_consumer.h"
#include "stream/kafka_farewell.h"
#include "stream/kafka_growth.h"
#include "stream/kafka_producer.h"
#include "stream/kafka_reader.h"

namespace drst {

struct KafkaLog::Core {
  Core(const std::string& url, const KafkaSettings& settings, const LogSettings& log)
      : site(kafka::make_site(url, settings, log)), client(site), producer(site), reader(site, client) {}

  kafka::Site site;
  kafka::Growth growth;
  kafka::Client client;
  kafka::Producer producer;
  kafka::Reader reader;
  kafka::Farewells farewells;

  std::mutex mutex;                                     // guards what follows
  std::map<std::pair<std::string, int>, int64_t> ends;  // of what wait() looks at, as far as it was noticed
  std::set<std::string> consumed;                       // topics whose news wake by themselves

  /// Throws unless there is such a partition.
  void need(const std::string& topic, int partition) {
    check_partition(topic, partition, topic.empty() ? 0 : client.partitions(topic));
  }
};

namespace {

/// A group of Kafka spans topics, one of ours does not: chains on other topics than the one that all know by
/// name carry theirs in the group's.
std::string group_of(const std::string& group, const std::string& topic) {
  constexpr std::string_view plain = "latencyTopic";
  return topic == plain ? group : group + "-" + topic;
}

}  // namespace

KafkaLog::KafkaLog(const std::string& url, const KafkaSettings& kafka, const LogSettings& log)
    : core_(std::make_shared<Core>(url, kafka, log)) {}
KafkaLog::~KafkaLog() = default;

/// wait() looks at this partition from now on; `end`: has been noticed.
void KafkaLog::follow(const std::string& topic, int partition, int64_t end) {
  const std::lock_guard lock(core_->mutex);
  auto& known = core_->ends[{topic, partition}];
  known = std::max(known, end);
}

void KafkaLog::ensure_topic(const std::string& topic, int partitions) {
  core_->client.ensure_topic(topic, partitions);
  for (int p = 0; p < partitions; ++p) follow(topic, p, 0);
}

int KafkaLog::partitions(const std::string& topic) {
  const int count = topic.empty() ? 0 : core_->client.partitions(topic);
  for (int p = 0; p < count; ++p) follow(topic, p, 0);
  return count;
}

std::vector<std::string> KafkaLog::topics() { return core_->client.topics(); }

void KafkaLog::check_append(const std::string& topic, int partition,
                            std::span<const NewRecord> records) const {
  core_->need(topic, partition);
  check_records(topic, partition, records, core_->site.log.max_record_bytes);
  for (const auto& record : records)
    for (const auto& header : record.headers)
      if (header.key.find('\0') != std::string::npos)
        throw LogError(ExitCode::input, "topic '" + topic + "', partition " + to_text(partition) +
                                            ": a header's name holds a zero byte, which Kafka clients cannot "
                                            "read; leave it out");
}

/// One that the producer has sent; the log still has to hear of it.
class KafkaLog::KafkaAppending final : public Appending {
 public:
  KafkaAppending(KafkaLog& log, std::string topic, std::vector<std::pair<int, int64_t>> counts,
                 std::unique_ptr<Appending> sent)
      : log_(log), topic_(std::move(topic)), counts_(std::move(counts)), sent_(std::move(sent)) {}
  std::vector<int64_t> wait() override { return log_.finish_append(topic_, counts_, *sent_); }

 private:
  KafkaLog& log_;
  std::string topic_;
  std::vector<std::pair<int, int64_t>> counts_;  // of each part: partition and records
  std::unique_ptr<Appending> sent_;
};

int64_t KafkaLog::append(const std::string& topic, int partition, std::span<const NewRecord> records) {
  const PartitionRecords part{partition, records};
  std::vector<int64_t> firsts;
  append_each(topic, std::span(&part, 1), firsts);
  return firsts.front();
}

void KafkaLog::append_each(const std::string& topic, std::span<const PartitionRecords> parts,
                           std::vector<int64_t>& firsts) {
  firsts = begin_append(topic, parts)->wait();
}

std::unique_ptr<Appending> KafkaLog::begin_append(const std::string& topic,
                                                  std::span<const PartitionRecords> parts) {
  for (const auto& [partition, records] : parts) check_append(topic, partition, records);
  std::vector<std::pair<int, int64_t>> counts;
  for (const auto& [partition, records] : parts) counts.emplace_back(partition, std::ssize(records));
  return std::make_unique<KafkaAppending>(*this, topic, std::move(counts),
                                          core_->producer.begin(topic, parts));
}

std::vector<int64_t> KafkaLog::finish_append(const std::string& topic,
                                             const std::vector<std::pair<int, int64_t>>& counts,
                                             Appending& sent) {
  auto firsts = sent.wait();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto& [partition, records] = counts[i];
    if (records == 0)
      firsts[i] = core_->client.watermarks(topic, partition).end;
    else
      follow(topic, partition, firsts[i] + records);
  }
  core_->growth.raise();
  return firsts;
}

void KafkaLog::read(const std::string& topic, int partition, int64_t from, Batch& batch,
                    const PollLimits& limits) {
  batch.storage().clear();
  core_->need(topic, partition);
  core_->reader.read(topic, partition, from, batch, limits);
}

Watermarks KafkaLog::watermarks(const std::string& topic, int partition) {
  core_->need(topic, partition);
  follow(topic, partition, 0);
  return core_->client.watermarks(topic, partition);
}

std::unique_ptr<Consumer> KafkaLog::subscribe(const ConsumerOptions& options) {
  check_consumer_options(options);
  {
    const std::lock_guard lock(core_->mutex);
    core_->consumed.insert(options.topic);
  }
  ConsumerOptions named = options;
  named.group = group_of(options.group, options.topic);
  return std::make_unique<kafka::GroupMember>(core_, core_->client, core_->growth, core_->farewells, named);
}

std::optional<int64_t> KafkaLog::committed(const std::string& group, const std::string& topic,
                                           int partition) {
  check_log_name("group", group);
  return core_->client.committed(group_of(group, topic), topic, partition);
}

/// Notices the ends of topics that are not consumed; true if one has grown.
bool KafkaLog::look() {
  std::vector<kafka::Client::TopicPartition> wanted;
  {
    const std::lock_guard lock(core_->mutex);
    for (const auto& [key, end] : core_->ends)
      if (!core_->consumed.contains(key.first)) wanted.push_back(key);
  }
  bool grown = false;
  const auto found = core_->client.ends(wanted);
  const std::lock_guard lock(core_->mutex);
  for (const auto& [key, end] : found) {
    auto& known = core_->ends[key];
    grown = grown || end > known;
    known = std::max(known, end);
  }
  return grown;
}

bool KafkaLog::wait(std::chrono::milliseconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  const std::chrono::milliseconds slice(core_->site.settings.look_ms);
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (core_->growth.wait(std::clamp(left, std::chrono::milliseconds(0), slice))) return true;
    if (look()) core_->growth.raise();
    if (left <= slice) return core_->growth.wait(std::chrono::milliseconds(0));
  }
}

void KafkaLog::sync() {}  // what append() returned for is on all in-sync replicas

void KafkaLog::trim(const std::string& topic, int partition, int64_t offset) {
  core_->need(topic, partition);
  core_->client.trim(topic, partition, offset);
}

}  // namespace drst
