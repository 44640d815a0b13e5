#include "stream/memory_log.h"

#include <mutex>

#include "stream/checks.h"
#include "stream/group_consumer.h"
#include "stream/memory_disk.h"
#include "stream/wait_marks.h"

namespace drst {

/// One simulated process: lives as long as its handle or a consumer of it does.
struct MemoryLog::Process {
  Process(std::shared_ptr<MemoryLogDisk> disk_, const Clock& clock_, FaultPoint* faults_,
          const LogSettings& settings_)
      : disk(std::move(disk_)),
        content(disk->content()),
        clock(clock_),
        faults(faults_),
        settings(settings_) {
    const std::lock_guard lock(content.mutex);
    id = ++content.last_process;
    content.processes.insert(id);
  }
  ~Process() { end(); }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void end() {
    const std::lock_guard lock(content.mutex);
    content.processes.erase(id);
  }
  [[nodiscard]] bool dead() const {
    const std::lock_guard lock(content.mutex);
    return !content.processes.contains(id);
  }
  /// Locks the disk, unless this process is dead.
  [[nodiscard]] std::unique_lock<std::mutex> lock() const {
    std::unique_lock held(content.mutex);
    if (!content.processes.contains(id)) throw SimulatedCrash();
    return held;
  }
  void reached(std::string_view operation, std::string_view subject) {
    if (faults == nullptr) return;
    try {
      faults->reached(operation, subject);
    } catch (...) {
      end();
      throw;
    }
  }

  std::shared_ptr<MemoryLogDisk> disk;
  MemoryLogDisk::Content& content;
  const Clock& clock;
  FaultPoint* faults;
  LogSettings settings;
  WaitMarks marks;
  uint64_t id = 0;
};

namespace {

class MemorySource final : public ConsumerSource {
 public:
  MemorySource(std::shared_ptr<MemoryLog::Process> process, const ConsumerOptions& options)
      : process_(std::move(process)), topic_(options.topic), key_(options.group, options.topic) {}

  void edit(std::string_view operation, const std::function<bool(GroupState&)>& change) override {
    const std::string name(operation);
    process_->reached(name + ".before", topic_);
    bool changed = false;
    {
      const auto lock = process_->lock();
      GroupState& stored = process_->content.groups[key_];
      GroupState state = stored;
      state.partitions.resize(partitions());
      changed = change(state);
      if (changed) stored = std::move(state);
    }
    if (changed) process_->reached(name + ".after", topic_);
  }
  View begin() override {
    lock_ = process_->lock();
    const auto group = process_->content.groups.find(key_);
    return {group == process_->content.groups.end() ? 0 : group->second.epoch, partitions()};
  }
  void end() noexcept override { lock_.unlock(); }
  int64_t fetch(int partition, int64_t from, Batch::Storage& batch, const PollLimits& limits,
                bool one_at_least) override {
    return process_->content.partition(topic_, partition).fetch(partition, from, batch, limits, one_at_least);
  }
  Watermarks watermarks(int partition) override {
    const auto& part = process_->content.partition(topic_, partition);
    return {part.begin, part.end()};
  }
  [[nodiscard]] HolderId self() const override { return {process_->id, 0}; }
  [[nodiscard]] bool alive(const HolderId& holder) const override {
    return process_->content.processes.contains(holder.id);
  }
  [[nodiscard]] bool dead() const override { return process_->dead(); }

 private:
  [[nodiscard]] std::size_t partitions() const {
    const auto found = process_->content.topics.find(topic_);
    return found == process_->content.topics.end() ? 0 : found->second.size();
  }

  std::shared_ptr<MemoryLog::Process> process_;
  std::string topic_;
  MemoryLogDisk::Content::GroupKey key_;
  std::unique_lock<std::mutex> lock_;
};

}  // namespace

MemoryLog::MemoryLog(std::shared_ptr<MemoryLogDisk> disk, const Clock& clock, FaultPoint* faults,
                     const LogSettings& settings)
    : process_(std::make_shared<Process>(std::move(disk), clock, faults, settings)) {}
MemoryLog::~MemoryLog() = default;

void MemoryLog::crash() { process_->end(); }

void MemoryLog::ensure_topic(const std::string& topic, int partitions) {
  const int have = this->partitions(topic);
  check_topic_request(topic, partitions, have);
  if (have > 0) return;
  process_->reached("log.ensure_topic.before", topic);
  {
    const auto lock = process_->lock();
    process_->content.topics.try_emplace(topic, static_cast<std::size_t>(partitions));
  }
  process_->reached("log.ensure_topic.after", topic);
}

int MemoryLog::partitions(const std::string& topic) {
  const auto lock = process_->lock();
  const auto found = process_->content.topics.find(topic);
  return found == process_->content.topics.end() ? 0 : static_cast<int>(found->second.size());
}

std::vector<std::string> MemoryLog::topics() {
  const auto lock = process_->lock();
  std::vector<std::string> names;
  for (const auto& [name, parts] : process_->content.topics) names.push_back(name);
  return names;
}

int64_t MemoryLog::append(const std::string& topic, int partition, std::span<const NewRecord> records) {
  check_records(topic, partition, records, process_->settings.max_record_bytes);
  process_->reached("log.append.before", topic);
  auto& content = process_->content;
  int64_t first = 0;
  {
    const auto lock = process_->lock();
    auto& part = content.partition(topic, partition);
    first = part.end();
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (i > 0 && process_->faults != nullptr) {
        try {
          process_->faults->reached("log.append.between", topic);
        } catch (...) {
          content.processes.erase(process_->id);
          throw;
        }
      }
      part.records.push_back(records[i]);
      part.bytes += records[i].key.size() + records[i].value.size();
      ++content.growth;
      content.grown.notify_all();
    }
    part.retain(process_->settings, process_->clock.now());
  }
  process_->reached("log.append.after", topic);
  return first;
}

void MemoryLog::read(const std::string& topic, int partition, int64_t from, Batch& batch,
                     const PollLimits& limits) {
  batch.storage().clear();
  const auto lock = process_->lock();
  process_->content.partition(topic, partition).fetch(partition, from, batch.storage(), limits, true);
}

Watermarks MemoryLog::watermarks(const std::string& topic, int partition) {
  const auto lock = process_->lock();
  const auto& part = process_->content.partition(topic, partition);
  return {part.begin, part.end()};
}

std::unique_ptr<Consumer> MemoryLog::subscribe(const ConsumerOptions& options) {
  return std::make_unique<GroupConsumer>(options, process_->clock,
                                         std::make_unique<MemorySource>(process_, options));
}

std::optional<int64_t> MemoryLog::committed(const std::string& group, const std::string& topic,
                                            int partition) {
  const auto lock = process_->lock();
  const auto found = process_->content.groups.find({group, topic});
  if (found == process_->content.groups.end() || partition < 0) return std::nullopt;
  const auto& parts = found->second.partitions;
  const auto number = static_cast<std::size_t>(partition);
  if (number >= parts.size() || parts[number].committed < 0) return std::nullopt;
  return parts[number].committed;
}

bool MemoryLog::wait(std::chrono::milliseconds at_most) {
  auto lock = process_->lock();
  auto& content = process_->content;
  const uint32_t seen = process_->marks.mine();
  const bool grown = content.grown.wait_for(lock, at_most, [&] { return content.growth != seen; });
  process_->marks.set_mine(content.growth);
  return grown;
}

void MemoryLog::sync() {
  process_->reached("log.sync.before", "");
  {
    const auto lock = process_->lock();
    process_->content.sync();
  }
  process_->reached("log.sync.after", "");
}

void MemoryLog::trim(const std::string& topic, int partition, int64_t offset) {
  process_->reached("log.trim.before", topic);
  {
    const auto lock = process_->lock();
    auto& part = process_->content.partition(topic, partition);
    while (part.begin < offset && !part.records.empty()) part.drop_oldest();
  }
  process_->reached("log.trim.after", topic);
}

}  // namespace drst
