#include "stream/memory_disk.h"

#include <algorithm>

#include "stream/checks.h"

namespace drst {

namespace {
std::size_t size_of(const NewRecord& record) { return record.key.size() + record.value.size(); }
}  // namespace

void MemoryPartition::drop_oldest() {
  bytes -= size_of(records.front());
  records.pop_front();
  ++begin;
}

void MemoryPartition::drop_newest() {
  bytes -= size_of(records.back());
  records.pop_back();
}

void MemoryPartition::retain(const LogSettings& settings, Time now) {
  const auto count = [](int64_t n) { return static_cast<std::size_t>(n); };
  const Time oldest = now - from_seconds(settings.retention_age_s);
  while (records.size() > 1) {
    const auto& record = records.front();
    const bool too_many =
        settings.retention_records > 0 && records.size() > count(settings.retention_records);
    const bool too_large =
        settings.retention_bytes > 0 && bytes - size_of(record) >= count(settings.retention_bytes);
    const bool too_old = settings.retention_age_s > 0 && record.timestamp < oldest;
    if (!too_many && !too_large && !too_old) return;
    drop_oldest();
  }
}

int64_t MemoryPartition::fetch(int partition, int64_t from, Batch::Storage& batch, const PollLimits& limits,
                               bool one_at_least) const {
  int64_t offset = std::max(from, begin);
  std::size_t left = limits.max_bytes;
  for (std::size_t taken = 0; taken < limits.max_records && offset < end(); ++taken, ++offset) {
    const NewRecord& record = records[static_cast<std::size_t>(offset - begin)];
    const std::size_t size = size_of(record);
    if (size > left && !(one_at_least && taken == 0)) break;
    left -= std::min(left, size);
    const auto headers = batch.make_headers(record.headers.size());
    for (std::size_t i = 0; i < headers.size(); ++i)
      headers[i] = {batch.keep(record.headers[i].key), batch.keep(record.headers[i].value)};
    batch.records.push_back(
        {partition, offset, record.timestamp, batch.keep(record.key), batch.keep(record.value), headers});
  }
  return offset == std::max(from, begin) ? from : offset;
}

MemoryPartition& MemoryLogDisk::Content::partition(const std::string& topic, int number) {
  const auto found = topics.find(topic);
  check_partition(topic, number, found == topics.end() ? 0 : static_cast<int>(found->second.size()));
  return found->second[static_cast<std::size_t>(number)];
}

void MemoryLogDisk::Content::sync() {
  if (unsynced == Unsynced::kept) return;
  for (auto& [name, parts] : topics)
    for (auto& part : parts) part.synced_end = part.end();
  synced_groups = groups;
}

void MemoryLogDisk::Content::crash() {
  processes.clear();
  if (unsynced == Unsynced::kept) return;
  for (auto& [name, parts] : topics)
    for (auto& part : parts)
      while (!part.records.empty() && part.end() > part.synced_end) part.drop_newest();
  groups = synced_groups;
}

MemoryLogDisk::MemoryLogDisk(Unsynced unsynced) : content_(std::make_unique<Content>()) {
  content_->unsynced = unsynced;
}
MemoryLogDisk::~MemoryLogDisk() = default;

void MemoryLogDisk::crash() {
  const std::lock_guard lock(content_->mutex);
  content_->crash();
}

}  // namespace drst
