// Logs and stores that pass everything on, to be overridden where a test wants something to go wrong.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "store/store.h"
#include "stream/log.h"

namespace drst::testing {

class ForwardingConsumer : public Consumer {
 public:
  explicit ForwardingConsumer(std::unique_ptr<Consumer> inner) : inner_(std::move(inner)) {}
  void poll(Batch& batch, const PollLimits& limits) override { inner_->poll(batch, limits); }
  [[nodiscard]] const std::vector<int>& assignment() const override { return inner_->assignment(); }
  [[nodiscard]] const std::vector<int>& assigned() const override { return inner_->assigned(); }
  [[nodiscard]] const std::vector<int>& revoked() const override { return inner_->revoked(); }
  bool commit(int partition, int64_t next_offset) override { return inner_->commit(partition, next_offset); }
  bool holds() override { return inner_->holds(); }
  void seek(int partition, int64_t offset) override { inner_->seek(partition, offset); }
  void close() override { inner_->close(); }

 protected:
  Consumer& inner() { return *inner_; }

 private:
  std::unique_ptr<Consumer> inner_;
};

class ForwardingLog : public Log {
 public:
  explicit ForwardingLog(Log& inner) : inner_(inner) {}
  void ensure_topic(const std::string& topic, int partitions) override {
    inner_.ensure_topic(topic, partitions);
  }
  int partitions(const std::string& topic) override { return inner_.partitions(topic); }
  std::vector<std::string> topics() override { return inner_.topics(); }
  int64_t append(const std::string& topic, int partition, std::span<const NewRecord> records) override {
    return inner_.append(topic, partition, records);
  }
  void read(const std::string& topic, int partition, int64_t from, Batch& batch,
            const PollLimits& limits) override {
    inner_.read(topic, partition, from, batch, limits);
  }
  Watermarks watermarks(const std::string& topic, int partition) override {
    return inner_.watermarks(topic, partition);
  }
  std::unique_ptr<Consumer> subscribe(const ConsumerOptions& options) override {
    return inner_.subscribe(options);
  }
  std::optional<int64_t> committed(const std::string& group, const std::string& topic,
                                   int partition) override {
    return inner_.committed(group, topic, partition);
  }
  bool wait(std::chrono::milliseconds at_most) override { return inner_.wait(at_most); }
  void sync() override { inner_.sync(); }
  void trim(const std::string& topic, int partition, int64_t offset) override {
    inner_.trim(topic, partition, offset);
  }

 protected:
  Log& inner() { return inner_; }

 private:
  Log& inner_;
};

class ForwardingStore : public ObjectStore {
 public:
  explicit ForwardingStore(ObjectStore& inner) : inner_(inner) {}
  void put(const std::string& key, std::string_view bytes) override { inner_.put(key, bytes); }
  bool put_new(const std::string& key, std::string_view bytes) override { return inner_.put_new(key, bytes); }
  std::optional<std::string> get(const std::string& key, std::uint64_t limit) override {
    return inner_.get(key, limit);
  }
  bool exists(const std::string& key) override { return inner_.exists(key); }
  std::vector<std::string> list(const std::string& prefix) override { return inner_.list(prefix); }
  bool remove(const std::string& key) override { return inner_.remove(key); }
  [[nodiscard]] std::string url() const override { return inner_.url(); }

 protected:
  ObjectStore& inner() { return inner_; }

 private:
  ObjectStore& inner_;
};

}  // namespace drst::testing
