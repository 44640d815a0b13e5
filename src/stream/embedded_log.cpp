#include "stream/embedded_log.h"

#include <algorithm>
#include <chrono>

#include "stream/block_table.h"
#include "stream/bytes.h"
#include "stream/checks.h"
#include "stream/embedded_core.h"
#include "stream/group_codec.h"

namespace drst {

namespace {

constexpr std::size_t dropped_a_transaction = 512;

std::optional<int> decode_partitions(std::string_view bytes) {
  const auto count = take<uint32_t>(bytes);
  if (!count || *count == 0 || *count > INT32_MAX || !bytes.empty()) return std::nullopt;
  return static_cast<int>(*count);
}

/// Drops the oldest blocks that the settings do not want kept.
void retain(BlockTable& blocks, const LogSettings& settings, Time now) {
  const int64_t oldest_us = (now - from_seconds(settings.retention_age_s)).time_since_epoch().count();
  blocks.drop_while(dropped_a_transaction, [&](const Block& oldest, const Block& newest) {
    const int64_t records_left = newest.header.end() - oldest.header.end();
    const auto bytes_left =
        newest.header.bytes_before + newest.bytes.size() - oldest.header.bytes_before - oldest.bytes.size();
    return (settings.retention_records > 0 && records_left >= settings.retention_records) ||
           (settings.retention_bytes > 0 && bytes_left >= static_cast<uint64_t>(settings.retention_bytes)) ||
           (settings.retention_age_s > 0 && oldest.header.newest_us < oldest_us);
  });
}

bool has_retention(const LogSettings& settings) {
  return settings.retention_records > 0 || settings.retention_bytes > 0 || settings.retention_age_s > 0;
}

}  // namespace

int EmbeddedLog::Core::partition_count(const std::string& topic) {
  {
    const std::lock_guard lock(mutex);
    if (const auto known = partitions.find(topic); known != partitions.end()) return known->second;
  }
  EmbeddedSnapshot snapshot(*this);
  return partition_count(topic, *snapshot);
}

int EmbeddedLog::Core::partition_count(const std::string& topic, LogEnvironment::ReadTransaction& reader) {
  if (topic.empty() || topic.size() > LogEnvironment::longest_key) return 0;
  const auto bytes = reader.get(environment->tables().topics, topic);
  if (!bytes) return 0;
  const auto count = decode_partitions(*bytes);
  if (!count) environment->damaged("the entry of topic '" + topic + "' cannot be read");
  const std::lock_guard lock(mutex);
  partitions[topic] = *count;
  return *count;
}

EmbeddedSnapshot::EmbeddedSnapshot(EmbeddedLog::Core& core) : core_(core) {
  {
    const std::lock_guard lock(core_.mutex);
    if (!core_.idle_readers.empty()) {
      reader_ = std::move(core_.idle_readers.back());
      core_.idle_readers.pop_back();
    }
  }
  if (reader_ == nullptr) reader_ = std::make_unique<LogEnvironment::ReadTransaction>(core_.environment);
  reader_->renew();
}

EmbeddedSnapshot::~EmbeddedSnapshot() {
  reader_->reset();
  const std::lock_guard lock(core_.mutex);
  core_.idle_readers.push_back(std::move(reader_));
}

EmbeddedLog::EmbeddedLog(const std::filesystem::path& folder, const Clock& clock, Durability durability,
                         const LogSettings& settings)
    : core_(std::make_shared<Core>(folder, clock, durability, settings)) {}
EmbeddedLog::~EmbeddedLog() = default;

void EmbeddedLog::ensure_topic(const std::string& topic, int partitions) {
  const int have = core_->partition_count(topic);
  check_topic_request(topic, partitions, have);
  if (have > 0) return;
  auto& environment = *core_->environment;
  int found = 0;
  environment.write(0, [&](MDB_txn* txn) {
    MDB_val key = as_value(topic);
    std::string bytes;
    put(bytes, static_cast<uint32_t>(partitions));
    MDB_val value = as_value(bytes);
    const int code = mdb_put(txn, environment.tables().topics, &key, &value, MDB_NOOVERWRITE);
    if (code == MDB_KEYEXIST) {  // another process was faster
      found = decode_partitions(as_text(value)).value_or(0);
      return false;
    }
    environment.check(code, "write to");
    return true;
  });
  check_topic_request(topic, partitions, found);
}

int EmbeddedLog::partitions(const std::string& topic) { return core_->partition_count(topic); }

std::vector<std::string> EmbeddedLog::topics() {
  EmbeddedSnapshot snapshot(*core_);
  return snapshot->keys(core_->environment->tables().topics);
}

int64_t EmbeddedLog::append(const std::string& topic, int partition, std::span<const NewRecord> records) {
  check_partition(topic, partition, core_->partition_count(topic));
  check_records(topic, partition, records, core_->settings.max_record_bytes);
  std::size_t bytes = 0;
  for (const auto& record : records) bytes += frame_size(record);
  auto& environment = *core_->environment;
  BlockKey key(topic, partition);
  int64_t first = 0;
  environment.write(bytes, [&](MDB_txn* txn) {
    const WriteCursor cursor(environment, txn);
    BlockTable blocks(environment, cursor.get(), key);
    bool new_blocks = false;
    first = blocks.append(records, static_cast<std::size_t>(core_->settings.block_bytes),
                          environment.scratch(), new_blocks);
    if (new_blocks && has_retention(core_->settings)) retain(blocks, core_->settings, core_->clock.now());
    return !records.empty();
  });
  if (!records.empty()) environment.growth().raise();
  return first;
}

void EmbeddedLog::read(const std::string& topic, int partition, int64_t from, Batch& batch,
                       const PollLimits& limits) {
  batch.storage().clear();
  check_partition(topic, partition, core_->partition_count(topic));
  EmbeddedSnapshot snapshot(*core_);
  BlockKey key(topic, partition);
  BlockTable(*core_->environment, snapshot->blocks(), key).fetch(from, batch.storage(), limits, true);
}

Watermarks EmbeddedLog::watermarks(const std::string& topic, int partition) {
  check_partition(topic, partition, core_->partition_count(topic));
  EmbeddedSnapshot snapshot(*core_);
  BlockKey key(topic, partition);
  return BlockTable(*core_->environment, snapshot->blocks(), key).watermarks();
}

std::unique_ptr<Consumer> EmbeddedLog::subscribe(const ConsumerOptions& options) {
  check_consumer_options(options);
  return std::make_unique<GroupConsumer>(options, core_->clock, make_embedded_source(core_, options));
}

std::optional<int64_t> EmbeddedLog::committed(const std::string& group, const std::string& topic,
                                              int partition) {
  EmbeddedSnapshot snapshot(*core_);
  const auto bytes = snapshot->get(core_->environment->tables().groups, group_key(group, topic));
  if (!bytes) return std::nullopt;
  const auto state = decode_group(*bytes);
  if (!state)
    core_->environment->damaged("the state of group '" + group + "' on topic '" + topic +
                                "' does not match its checksum");
  const auto number = static_cast<std::size_t>(partition);
  if (partition < 0 || number >= state->partitions.size() || state->partitions[number].committed < 0)
    return std::nullopt;
  return state->partitions[number].committed;
}

bool EmbeddedLog::wait(std::chrono::milliseconds at_most) {
  const uint32_t seen = core_->marks.mine();
  const uint32_t now = core_->environment->growth().wait(seen, at_most);
  core_->marks.set_mine(now);
  return now != seen;
}

void EmbeddedLog::sync() { core_->environment->sync(); }

void EmbeddedLog::trim(const std::string& topic, int partition, int64_t offset) {
  check_partition(topic, partition, core_->partition_count(topic));
  auto& environment = *core_->environment;
  BlockKey key(topic, partition);
  std::size_t dropped = dropped_a_transaction;
  while (dropped == dropped_a_transaction)  // a bounded share at a time, so that writers are not held up
    environment.write(0, [&](MDB_txn* txn) {
      const WriteCursor cursor(environment, txn);
      dropped = BlockTable(environment, cursor.get(), key)
                    .drop_while(dropped_a_transaction, [&](const Block& oldest, const Block&) {
                      return oldest.header.end() <= offset;
                    });
      return dropped > 0;
    });
}

}  // namespace drst
