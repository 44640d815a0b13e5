#include "simulation/planted.h"

#include <regex>

#include "stream/record.h"

namespace drst::testing {

namespace {

/// Commits everything a poll returned at once; the caller's own commits come too late to matter.
class CommitsFirst final : public ForwardingConsumer {
 public:
  using ForwardingConsumer::ForwardingConsumer;
  void poll(Batch& batch, const PollLimits& limits) override {
    inner().poll(batch, limits);
    std::map<int, int64_t> next;
    for (const auto& record : batch.records())
      if (!is_sentinel(record)) next[record.partition] = record.offset + 1;
    for (const auto& [partition, offset] : next) inner().commit(partition, offset);
  }
};

/// Commits a sentinel as if it were a record.
class CommitsSentinels final : public ForwardingConsumer {
 public:
  using ForwardingConsumer::ForwardingConsumer;
  void poll(Batch& batch, const PollLimits& limits) override {
    inner().poll(batch, limits);
    for (const auto& record : batch.records())
      if (is_sentinel(record)) inner().commit(record.partition, record.offset + 1);
  }
};

class BuggyLog final : public ForwardingLog {
 public:
  BuggyLog(PlantedBug bug, Log& inner_log, std::string topic)
      : ForwardingLog(inner_log), bug_(bug), topic_(std::move(topic)) {}

  std::unique_ptr<Consumer> subscribe(const ConsumerOptions& options) override {
    auto consumer = inner().subscribe(options);
    if (bug_ == PlantedBug::offset_before_effect && options.topic == topic_)
      return std::make_unique<CommitsFirst>(std::move(consumer));
    if (bug_ == PlantedBug::sentinel_committed && options.topic == topic_)
      return std::make_unique<CommitsSentinels>(std::move(consumer));
    return consumer;
  }
  void read(const std::string& topic, int partition, int64_t from, Batch& batch,
            const PollLimits& limits) override {
    // Blind to what is on the trace: as if the look-up had been forgotten.
    if (bug_ == PlantedBug::no_dedupe && topic == trace_topic(topic_))
      from = inner().watermarks(topic, partition).end;
    inner().read(topic, partition, from, batch, limits);
  }
  Watermarks watermarks(const std::string& topic, int partition) override {
    auto marks = inner().watermarks(topic, partition);
    if (bug_ == PlantedBug::no_dedupe && topic == trace_topic(topic_)) marks.begin = marks.end;
    return marks;
  }

 private:
  PlantedBug bug_;
  std::string topic_;
};

class BuggyStore final : public ForwardingStore {
 public:
  BuggyStore(PlantedBug bug, ObjectStore& inner_store) : ForwardingStore(inner_store), bug_(bug) {}

  void put(const std::string& key, std::string_view bytes) override {
    if (bug_ == PlantedBug::stale_lock && key == "results/retrain_lock.flag") {
      // When it may be taken for stale lies in a future that never comes.
      const std::string never =
          std::regex_replace(std::string(bytes), std::regex(R"(("expires"\s*:\s*")20[0-9]{2})"), "$019998");
      inner().put(key, never);
      return;
    }
    if (bug_ == PlantedBug::pointer_before_model && key == "models/latest.txt")
      return put_pointer_first(bytes);
    write_behind();
    inner().put(key, bytes);
  }
  std::optional<std::string> get(const std::string& key, std::uint64_t limit) override {
    if (key == behind_key_) return behind_;
    return inner().get(key, limit);
  }

 private:
  /// As if the model that it names were written only some time behind it, with this process's next object.
  void put_pointer_first(std::string_view bytes) {
    const std::string key(bytes.substr(0, bytes.find('\n')));
    write_behind();
    if (const auto model = inner().get(key, std::uint64_t{1} << 30)) {
      behind_key_ = key;
      behind_ = *model;
      inner().remove(key);
    }
    inner().put("models/latest.txt", bytes);
  }
  void write_behind() {
    if (behind_key_.empty()) return;
    inner().put(behind_key_, behind_);
    behind_key_.clear();
  }
  std::string behind_key_, behind_;
  PlantedBug bug_;
};

}  // namespace

std::string to_text(PlantedBug bug) {
  switch (bug) {
    case PlantedBug::none:
      return "none";
    case PlantedBug::offset_before_effect:
      return "offset before effect";
    case PlantedBug::pointer_before_model:
      return "pointer before model";
    case PlantedBug::no_sync:
      return "no sync";
    case PlantedBug::no_dedupe:
      return "no dedupe";
    case PlantedBug::sentinel_committed:
      return "sentinel committed";
    case PlantedBug::stale_lock:
      return "stale lock";
  }
  return "?";
}

std::unique_ptr<Log> plant(PlantedBug bug, Log& log, const std::string& topic) {
  return std::make_unique<BuggyLog>(bug, log, topic);
}

std::unique_ptr<ObjectStore> plant(PlantedBug bug, ObjectStore& store) {
  return std::make_unique<BuggyStore>(bug, store);
}

}  // namespace drst::testing
